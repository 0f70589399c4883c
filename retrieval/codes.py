"""Look whether codes are gone: what an index of codes (SQ, PQ, with lists or without) keeps in place of a vector.

A code is short, and one that others have too stays as often as they have it: it says of nobody whose it was. So the
codes are read before an erase, each with the number of others who have it, and its slots are counted afterwards::

    before = codes.held(folder, ids)
    erase(folder, ids)
    codes.left(folder, before).absent
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from retrieval.errors import UnknownId, UnsupportedIndex
from retrieval.indexes import layout, mapped
from retrieval.indexes.layout import Place
from retrieval.indexes.mapped import Files
from retrieval.indexes.sections import Section

_KEY: Final = 8  # bytes of a code that are compared first, for all slots at a time
Rows = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Code:
    """A code's bytes, and how many slots of others hold the very same."""

    content: bytes = field(repr=False)
    shared: int


@dataclass(frozen=True, slots=True)
class CodesReport:
    """Different codes looked for, how many of them others have too, and slots that hold one and are none of theirs."""

    codes: int
    shared: int
    left: int

    @property
    def absent(self) -> bool:
        """Whether codes were looked for, and no slot holds one that is not another's."""
        return self.codes > 0 and self.left == 0


def held(folder: Path, ids: Iterable[int]) -> tuple[Code, ...]:
    """Return the codes of ids, each once; raises ``UnknownId``, or ``UnsupportedIndex`` where bytes are unknown.

    In an index that stores vectors as they are, a code is the vector's bytes.
    """
    wanted = np.array(sorted(set(map(int, ids))), np.int64)
    with _opened(folder) as stored:
        mine = Counter(stored.of(wanted).values())
        if mine.total() != len(wanted):
            raise UnknownId(
                f"Reading codes of the index in {folder}: {len(wanted) - mine.total()} of {len(wanted)} ids are not in "
                "it. Read them before they are erased."
            )
        all_of_them = _counted(stored, list(mine))
    return tuple(Code(code, all_of_them[code] - count) for code, count in mine.items())


def of(folder: Path, ids: Iterable[int]) -> dict[int, bytes]:
    """Return what the index stores of ids, by id; one that is not there is left out."""
    with _opened(folder) as stored:
        return stored.of(np.array(sorted(set(map(int, ids))), np.int64))


def left(folder: Path, codes: Sequence[Code]) -> CodesReport:
    """Count the slots that hold codes, in the index as it is now, emptied slots included.

    After something was learned again (the receipt says so) codes mean something else, and this says nothing.
    """
    with _opened(folder) as stored:
        now = _counted(stored, [code.content for code in codes])
    over = sum(max(0, now[code.content] - code.shared) for code in codes)
    return CodesReport(len(codes), sum(code.shared > 0 for code in codes), over)


class _Stored(Protocol):
    def of(self, wanted: npt.NDArray[np.int64]) -> dict[int, bytes]:
        """Return codes by id, of those that are there."""

    def slots(self) -> Iterator[Rows]:
        """Give the codes of all slots, (slots, bytes)."""


@dataclass(frozen=True)
class _Mapped:
    """A file whose bytes are known: read where they stand."""

    files: Files

    def of(self, wanted: npt.NDArray[np.int64]) -> dict[int, bytes]:
        names = mapped.ids_at(self.files, self.files.find(wanted)).tolist()
        return dict(zip(names, _codes_of(self.files, wanted), strict=True))

    def slots(self) -> Iterator[Rows]:
        return _slots(self.files)


@dataclass(frozen=True)
class _Loaded:
    """An index that faiss has read, where the file's bytes are not known."""

    ids: npt.NDArray[np.int64]
    codes: Rows = field(repr=False)

    def of(self, wanted: npt.NDArray[np.int64]) -> dict[int, bytes]:
        at = np.flatnonzero(np.isin(self.ids, wanted))
        return dict(zip(self.ids[at].tolist(), map(bytes, self.codes[at]), strict=True))

    def slots(self) -> Iterator[Rows]:
        if len(self.codes):
            yield self.codes


@contextmanager
def _opened(folder: Path) -> Iterator[_Stored]:
    place = layout.current(folder)
    with ExitStack() as held:
        try:
            files = held.enter_context(mapped.opened(place))
        except UnsupportedIndex:
            yield _loaded(place)
            return
        yield _Mapped(files)


def _loaded(place: Place) -> _Loaded:
    from retrieval.indexes import compressed, turned, vectors  # only here: what is known to the byte needs no faiss

    whole = vectors.read(place.files / layout.INDEX)  # kept: it owns what stands below
    return _Loaded(*compressed.stored(turned.below(whole), frozenset(map(int, place.manifest.get("slots", ())))))


def _codes_of(files: Files, wanted: npt.NDArray[np.int64]) -> Iterator[bytes]:
    found, where = files.found, files.find(wanted)
    if found.lists is not None:
        size, at = found.lists.code_size, found.lists.codes[where.lists] + where.slots * found.lists.code_size
    else:
        codes = found.codes or Section(0, 0, 0)
        size, at = codes.size, codes.offset + where.positions * codes.size
    yield from (bytes(files.lists[start : start + size]) for start in at.tolist())


def _counted(stored: _Stored, codes: Sequence[bytes]) -> Counter[bytes]:
    """Count the slots of each code: by their first bytes, then exactly."""
    wanted, seen = frozenset(codes), Counter[bytes]()
    if not wanted:
        return seen
    keys = np.unique(_keys(np.frombuffer(b"".join(codes), np.uint8).reshape(len(codes), -1)))
    for rows in stored.slots():
        at = np.flatnonzero(np.isin(_keys(rows), keys))
        seen.update(code for code in map(bytes, rows[at]) if code in wanted)
    return seen


def _keys(rows: Rows) -> npt.NDArray[np.uint64]:
    first = np.zeros((len(rows), _KEY), np.uint8)
    first[:, : rows.shape[1]] = rows[:, :_KEY]
    return first.view(np.uint64).ravel()


def _slots(files: Files) -> Iterator[Rows]:
    """Give the codes of all slots, list by list, (slots, bytes)."""
    found, lists = files.found, files.found.lists
    spans = [] if found.codes is None else [(found.codes.offset, found.codes.count, found.codes.size)]
    if lists is not None:
        spans = [
            (at, count, lists.code_size) for at, count in zip(lists.codes.tolist(), lists.sizes.tolist(), strict=True)
        ]
    for at, count, size in spans:
        if count and size:
            yield np.frombuffer(files.lists, np.uint8, count * size, at).reshape(count, size)
