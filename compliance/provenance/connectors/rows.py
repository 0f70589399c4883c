"""One record of a source, whatever the format: its key, its texts by dotted path, its exact bytes.

Digests of many records are added modulo 2^256, so that they do not depend on order and one record can be taken out of a
total (Bellare and Micciancio, "A new paradigm for collision-free hashing", 1997). They reveal accidents, not forgers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from compliance.provenance.connectors import Place

_MODULUS = 1 << 256
NAME_OF = "\x1ename of "  # before a dotted path: the name of that field, and not what stands in it
_MOST_KNOWN = 10_000


@dataclass(frozen=True)
class Row:
    """A record: ``raw`` are its bytes as they lie in the source, ``value`` what they decode to.

    ``own_names``: the names of its fields are the record's own, as in JSON, and can be exchanged.
    """

    key: str
    fields: Mapping[str, str]
    raw: bytes
    value: Any
    where: str
    own_names: bool = False

    @property
    def digest(self) -> str:
        """sha256 of the exact bytes, in hex."""
        return hashlib.sha256(self.raw).hexdigest()


@dataclass
class Total:
    """A running, order-independent digest and count of records."""

    sum: int = 0
    count: int = 0

    def add(self, raw: bytes, times: int = 1) -> None:
        """Count a record's bytes in, or out again with ``times=-1``."""
        self.sum = (self.sum + times * int.from_bytes(hashlib.sha256(raw).digest(), "big")) % _MODULUS
        self.count += times

    def absorb(self, other: Total) -> None:
        """Add another total's records to these."""
        self.sum = (self.sum + other.sum) % _MODULUS
        self.count += other.count

    def minus(self, other: Total) -> Total:
        """This total without the other's records."""
        return Total((self.sum - other.sum) % _MODULUS, self.count - other.count)

    def drop(self, digest: str, times: int = 1) -> None:
        """Take out a record that is known by its digest alone (``Row.digest``); ``times=-1`` counts it in."""
        self.sum = (self.sum - times * int(digest, 16)) % _MODULUS
        self.count -= times

    @classmethod
    def read(cls, text: str) -> Total:
        """The total that ``hex`` wrote; nothing for an empty text."""
        count, _, total = text.partition(":")
        return cls(int(total or "0", 16), int(count or "0"))

    def hex(self) -> str:
        """The digest in hex, with the count, so that nothing and zero records differ."""
        return f"{self.count}:{self.sum:064x}"


def flatten(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text and number in nested dicts and lists, with its dotted path (``messages.0.text``), each path once.

    Two may have one path, as in ``{"a.b": 1, "a": {"b": 2}}``: those behind the first are ``a.b.#2`` and so on.
    """
    found: list[tuple[str, str]] = []
    _flatten(value, path, found)
    return iter(found) if len({name for name, _ in found}) == len(found) else _apart(found)


def _apart(found: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    taken, seen = {name for name, _ in found}, set[str]()
    for path, text in found:
        name, number = path, 1
        while name in seen or (number > 1 and name in taken):
            number += 1
            name = f"{path}.#{number}"
        seen.add(name)
        yield name, text


def _flatten(value: Any, path: str, found: list[tuple[str, str]]) -> None:
    kind = type(value)
    if kind is str:
        found.append((path, value))
    elif kind is dict or isinstance(value, Mapping):
        for name, inner in value.items():
            _flatten(inner, f"{path}.{name}" if path else str(name), found)
    elif isinstance(value, list | tuple):
        for position, inner in enumerate(value):
            _flatten(inner, f"{path}.{position}" if path else str(position), found)
    elif isinstance(value, bytes):
        found.append((path, value.decode("utf-8", "replace")))
    elif value is not None and not isinstance(value, bool):
        found.append((path, value if isinstance(value, str) else str(value)))


def declared(path: str, names: Collection[str]) -> bool:
    """Whether a dotted path is one of the declared fields, or lies inside one; ``*`` stands for any part."""
    return any(fnmatchcase(path, name) or fnmatchcase(path, f"{name}.*") for name in names)


class Searched:
    """Which fields of a place's records a person is looked for in, decided once for every path there is."""

    def __init__(self, place: Place) -> None:
        self._names = (*place.subject_fields, *place.text_fields) if place.text_fields else ()
        self._known: dict[str, bool] = {}

    def of(self, row: Row) -> dict[str, str]:
        """The fields of a record in which a person is looked for."""
        if not self._names:
            return dict(row.fields)
        return {path: text for path, text in row.fields.items() if self._is_searched(path)}

    def _is_searched(self, path: str) -> bool:
        known = self._known.get(path)
        if known is None:
            known = declared(path, self._names)
            if len(self._known) < _MOST_KNOWN:  # a source may use its keys as values
                self._known[path] = known
        return known


def searched(row: Row, place: Place) -> dict[str, str]:
    """The fields of one record in which a person is looked for; ``Searched`` is for many."""
    return Searched(place).of(row)


def key_of(fields: Mapping[str, str], raw: bytes, place: Place) -> str:
    """The declared key, or the digest of the bytes: never a line number, which moves when a line before it goes."""
    if (name := place.key_field) and (named := fields.get(name)):
        return named
    return f"sha256:{hashlib.sha256(raw).hexdigest()[:32]}"


def named_by_content(row: Row, place: Place) -> bool:
    """Whether a record has no other name than the digest of its bytes, so that a change renames it."""
    return row.key == key_of({}, row.raw, place)


def parents(row: Row, place: Place) -> list[str]:
    """The keys a record says it was made from, each once: one value, a list, or a list written as JSON text."""
    found: list[str] = []
    for path, text in row.fields.items():
        if declared(path, (place.lineage_field,)):
            found += _as_list(text)
    return list(dict.fromkeys(found))


def _as_list(text: str) -> list[str]:
    if not text.startswith("["):
        return [text]
    try:
        value = json.loads(text)
    except ValueError:
        return [text]
    return [str(item) for item in value] if isinstance(value, list) else [text]


def replaced(value: Any, changes: Mapping[str, str], path: str = "") -> Any:
    """A copy of a nested value with the texts at the given dotted paths exchanged; a number becomes ``None``.

    A path with ``NAME_OF`` before it exchanges the name of that field.
    """
    return _replaced(value, changes, path, (name for name, _ in flatten(value, path)))


def _replaced(value: Any, changes: Mapping[str, str], path: str, names: Iterator[str]) -> Any:
    """``names`` are the paths of texts and numbers, in the order in which they are met here."""
    if isinstance(value, Mapping):
        copy: dict[Any, Any] = {}
        for name, inner in value.items():
            here = f"{path}.{name}" if path else str(name)
            copy[_free(changes.get(f"{NAME_OF}{here}", name), copy)] = _replaced(inner, changes, here, names)
        return copy
    if isinstance(value, list | tuple):
        return [_replaced(inner, changes, f"{path}.{i}" if path else str(i), names) for i, inner in enumerate(value)]
    if value is None or isinstance(value, bool) or (name := next(names)) not in changes:
        return value
    if isinstance(value, bytes):
        return changes[name].encode()
    return changes[name] if isinstance(value, str) else None


def _free(name: Any, taken: Mapping[Any, Any]) -> Any:
    """The name, or the next one that no field has yet: two people's fields must not become one."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name} {number}"
    return free
