"""Where each number stands in a large index file, so that nobody reads a million numbers to find one.

``FILE.numbers`` lies beside the file: a token, the numbers in ascending order, then the place of each in the order of
the file's vectors, int64 each. The manifest names the token: whatever writes the file anew leaves it out, so that
an old list of places is never believed. Changes in place move nothing, and what the list says is compared with the
file before it counts: a number that is not where it should be is looked for in the whole file.
"""

import mmap
import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np

from retrieval.durable import write_whole
from retrieval.indexes import reading
from retrieval.indexes.sections import Offsets

FROM: Final = 100_000  # below so many numbers a look at all of them takes less than a list beside would cost
_MAGIC: Final = b"OUBLINU1"
_HEAD: Final = 32
_TOKEN: Final = 16
_NOBODY: Final = -1
_SEEN: Final = 3  # of numbers that follow one another: whoever is looked for, and who stands beside
_FEW: Final = 1 << 10


class Numbered:
    """A list of places, mapped, and the file that it is mapped from."""

    def __init__(self, numbers: Offsets, places: Offsets, file: BinaryIO | None = None) -> None:
        self._numbers, self._places, self._file = numbers, places, file

    def find(self, wanted: Offsets) -> Offsets:
        """Return the places of numbers, ascending; a number that stands in several has all of them."""
        if (places := self._without_gap(wanted)) is not None:
            return np.sort(places)
        begin = np.searchsorted(self._numbers, wanted, side="left")
        many = np.searchsorted(self._numbers, wanted, side="right") - begin
        spread = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
        return np.sort(self._places[np.repeat(begin, many) + spread])

    def _without_gap(self, wanted: Offsets) -> Offsets | None:
        """Return the places of numbers, each where it stands if all follow one another; nothing if one does not.

        So fewer pages are read. Nobody stands there twice: the numbers beside are others.
        """
        count = len(self._numbers)
        at = wanted - self._numbers[0] if count else wanted
        if not count or not ((at >= 0) & (at < count)).all():
            return None
        first = np.clip(at - 1, 0, max(count - _SEEN, 0))
        seen = self._taken(0, first, min(_SEEN, count))  # whoever stands there, and the neighbours
        is_theirs = seen == wanted[:, None]
        is_there = (is_theirs.sum(1) == 1) & (is_theirs.argmax(1) == at - first)
        return self._taken(count, at, 1)[:, 0] if is_there.all() else None

    def _taken(self, skipped: int, at: Offsets, width: int) -> Offsets:
        """Return ``width`` numbers from each position on, (n, width), behind ``skipped``; few are read by call."""
        if self._file is None or len(at) > _FEW:
            column = self._places if skipped else self._numbers
            return np.asarray(column[at[:, None] + np.arange(width)])
        return reading.numbers(self._file.fileno(), (_HEAD + 8 * (skipped + at)).tolist(), width)


def sidecar(path: Path) -> Path:
    """Return where a file's list of places lies."""
    return path.with_name(f"{path.name}.numbers")


def keep(path: Path, numbers: Offsets) -> str:
    """Write the list of a file's numbers, given in the order of its vectors; return its token in hex."""
    order = np.argsort(numbers, kind="stable")
    order = order[np.searchsorted(numbers, _NOBODY, side="right", sorter=order) :]
    token = os.urandom(_TOKEN)
    columns = (numbers[order], order)
    head = _MAGIC + len(order).to_bytes(8, "little") + token
    write_whole(sidecar(path), head + b"".join(np.ascontiguousarray(column, "<i8").tobytes() for column in columns))
    return token.hex()


def read(path: Path, token: str) -> Numbered | None:
    """Map the list of a file's numbers, or return nothing where there is none of that token."""
    with suppress(OSError, ValueError):
        handle = sidecar(path).open("rb", buffering=0)
        raw = mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ)
        count = int.from_bytes(raw[8:16], "little")
        if raw[:8] == _MAGIC and raw[16:_HEAD].hex() == token and len(raw) == _HEAD + 16 * count:
            numbers, places = np.frombuffer(raw, "<i8", 2 * count, _HEAD).reshape(2, count)
            return Numbered(numbers, places, handle)
    return None
