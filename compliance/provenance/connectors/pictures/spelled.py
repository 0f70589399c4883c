"""Which rows a line of the people file means: the one it names, or those that another spelling of it may mean.

Lists are written by other programs: with the path from another folder, without the suffix, with capitals, with
backslashes, with accents in two characters. A line whose row is not recognised would go, and the picture would stay.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass

Named = tuple[tuple[str, ...], str]  # a row's name in parts, and as it is
_TRAIN = "train/"
_MOST = 50  # rows that one line may mean; one that means more says nothing


@dataclass(frozen=True)
class Meant:
    """Rows that a line means; ``sure`` when it is their name, in whatever spelling, and no other row's."""

    keys: tuple[str, ...]
    sure: bool


class Rows:
    """The names of a place's rows, made ready once."""

    def __init__(self, keys: Collection[str]) -> None:
        self._keys = frozenset(keys)
        self._folded = defaultdict[tuple[str, ...], list[str]](list)
        self._last = defaultdict[str, list[Named]](list)
        for key in keys:
            parts = _parts(key)
            self._folded[parts].append(key)
            for last in {parts[-1], _without_suffix(parts[-1])}:
                self._last[last].append((parts, key))

    def meant(self, row_id: str) -> Meant:
        """The rows that a line of this row id means; none when nothing is called so."""
        if (plain := row_id.removeprefix(_TRAIN)) in self._keys:
            return Meant((plain,), sure=True)
        parts = _parts(plain)
        if same := self._folded.get(parts):
            return Meant(tuple(same), sure=len(same) == 1)
        return Meant(tuple(self._resembling(parts)), sure=False)

    def _resembling(self, parts: tuple[str, ...]) -> list[str]:
        """Rows with the same last name, in folders with which the line's path ends; those of the longest end alone.

        A line without a folder may mean the rows of all folders.
        """
        if not parts:
            return []
        last = parts[-1] if parts[-1] in self._last else _without_suffix(parts[-1])
        found = list(self._ending(parts[:-1], self._last.get(last, ())))
        longest = max((shared for shared, _ in found), default=0)
        keys = sorted({key for shared, key in found if shared == longest})
        return keys if len(keys) <= _MOST else []

    def _ending(self, folders: tuple[str, ...], rows: Collection[Named]) -> Iterator[tuple[int, str]]:
        for own, key in rows:
            shared = len(own) - 1
            if not folders:
                yield 0, key
            elif folders[-shared:] == own[:-1]:
                yield shared, key


def _parts(name: str) -> tuple[str, ...]:
    folded = unicodedata.normalize("NFC", name.strip().replace("\\", "/")).casefold()
    parts = tuple(part.strip() for part in folded.split("/") if part.strip() not in ("", "."))
    return parts[1:] if parts[:1] == (_TRAIN[:-1],) and len(parts) > 2 else parts


def _without_suffix(name: str) -> str:
    return name.rpartition(".")[0] or name
