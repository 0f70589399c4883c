"""Inverted lists inside a faiss file: one after another (``ilar``), or in a file beside (``ilod``)."""

from pathlib import PurePosixPath
from typing import Protocol

import numpy as np
import numpy.typing as npt

from retrieval.errors import IndexUnreadable, UnsupportedIndex
from retrieval.indexes.names import INDEX, MANIFEST
from retrieval.indexes.sections import Lists, Section

_LARGEST = 1 << 40
_OURS = frozenset({INDEX, MANIFEST, "CURRENT", "hidden.json", "access.json"})


class Reader(Protocol):
    """What is stepped through: checked against its end at every step."""

    raw: memoryview
    at: int

    def take(self, layout: str) -> tuple[int, ...]:
        """Return numbers."""

    def skip(self, size: int) -> None:
        """Step over bytes."""

    def fourcc(self) -> str:
        """Return four letters."""

    def array(self, size: int) -> Section:
        """Step over an array that carries its length."""


def read(reader: Reader, expected: int) -> Lists:
    """Return the lists that begin here; raises ``IndexUnreadable`` or ``UnsupportedIndex``."""
    code = reader.fourcc()
    if code not in ("ilar", "ilod"):
        raise UnsupportedIndex(f"its inverted lists ({code!r}) are stored in a way that cannot be changed in place")
    lists, code_size = reader.take("QQ")
    if lists != expected or lists > _LARGEST or not 0 < code_size < 1 << 24:
        raise IndexUnreadable("its inverted lists are not as many as it says; restore it or rebuild the index")
    return _inside(reader, lists, code_size) if code == "ilar" else _beside(reader, lists, code_size)


def _numbers(reader: Reader, section: Section) -> npt.NDArray[np.int64]:
    found = np.frombuffer(reader.raw, "<i8", section.count * section.size // 8, section.offset)
    if (found < 0).any() or (found > _LARGEST).any():
        raise IndexUnreadable("a list's size is absurd; restore it or rebuild the index")
    return found.astype(np.int64)


def _inside(reader: Reader, lists: int, code_size: int) -> Lists:
    how = reader.fourcc()
    stored = _numbers(reader, reader.array(8))
    if how == "full":
        sizes = stored
    elif how == "sprs" and len(stored) % 2 == 0 and not (stored[::2] >= lists).any():
        if lists > 1 << 28:
            raise IndexUnreadable("it says that it has more lists than any index; restore it or rebuild the index")
        sizes = np.zeros(lists, np.int64)
        sizes[stored[::2]] = stored[1::2]
    else:
        raise IndexUnreadable("the sizes of its lists cannot be read; restore it or rebuild the index")
    if len(sizes) != lists:
        raise IndexUnreadable("its inverted lists are not as many as it says; restore it or rebuild the index")
    total = sum(sizes.tolist()) * (code_size + 8)  # in Python: a hostile sum must not wrap around
    begin = reader.at
    reader.skip(total)
    starts = begin + np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes * (code_size + 8))[:-1]])
    return Lists(sizes, starts, starts + sizes * code_size, code_size)


def _beside(reader: Reader, lists: int, code_size: int) -> Lists:
    """Read where the lists lie in the other file; only its last name counts, so that no index leads elsewhere."""
    table = reader.array(24)
    if table.count != lists:
        raise IndexUnreadable("its inverted lists are not as many as it says; restore it or rebuild the index")
    rows = _numbers(reader, table).reshape(-1, 3)
    reader.array(16)
    name = reader.array(1)
    (total,) = reader.take("Q")
    sizes, capacities, offsets = rows[:, 0], rows[:, 1], rows[:, 2]
    if (sizes > capacities).any() or (offsets + capacities * (code_size + 8) > total).any():
        raise IndexUnreadable("its lists lie outside their file; restore it or rebuild the index")
    path = PurePosixPath(bytes(reader.raw[name.offset : name.end]).decode("utf-8", "replace")).name
    if not path or path in _OURS or path.startswith((".", "gen-", "chunks.")):
        raise IndexUnreadable("it says that its lists lie in a file that is another's; rebuild the index")
    return Lists(sizes, offsets, offsets + capacities * code_size, code_size, path, name)
