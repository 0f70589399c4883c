"""Where each chunk's row stands in a file of JSON lines, and how a row is blanked so that every reader still reads it.

``FILE.places`` lies beside the file: ids in ascending order, then the offsets and lengths of their rows, int64 each,
then a bit a row, set when the row was blanked (bits, because a disk is asked for pages, and those of bits are few).
A row is blanked together with its line end: what is left are spaces before the next row, which JSON allows. Where the
last rows go, the line end in front of them goes, and the file's very last byte becomes it.
"""

import mmap
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from retrieval.durable import write_whole
from retrieval.errors import IndexUnreadable
from retrieval.indexes import patches, reading
from retrieval.indexes.patches import Patch
from retrieval.indexes.sections import Offsets

_MAGIC: Final = b"OUBLIPL2"
_BEFORE: Final = b"OUBLIPL1"  # without bits: a length of 0 said that the row was blanked
_HEAD: Final = 24
_SPACE: Final = 0x20
_STEP: Final = 1 << 12
_FEW: Final = 1 << 10
Bits: TypeAlias = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Rows:
    """Where some rows stand: their positions among the places, offsets and lengths, (n,) each."""

    at: npt.NDArray[np.intp]
    offsets: Offsets
    lengths: Offsets


@dataclass(frozen=True)
class Places:
    """Ids ascending, offsets and lengths of their rows, (n,) each; ``gone``, (n / 8,), has a bit a row: it was blanked.

    ``kept`` says that the file beside has them in this very form; ``file`` is that file, from which few are read by
    call: a mapped page costs more.
    """

    ids: Offsets
    offsets: Offsets
    lengths: Offsets
    gone: Bits
    kept: bool = False
    file: BinaryIO | None = field(default=None, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.ids) - int(np.bitwise_count(self.gone).sum())

    def find(self, ids: Sequence[int] | npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
        """Return the position of each id, -1 where it is not there (or no longer)."""
        wanted = np.asarray(ids, np.int64)
        if not len(self.ids):
            return np.full(len(wanted), -1, np.intp)
        at = self._first_from(wanted)
        at = np.where((at >= 0) & (at < len(self.ids)), at, 0)
        blank = (self.gone[at >> 3] >> (at & 7).astype(np.uint8)) & 1
        return np.where((self._taken(0, at) == wanted) & (blank == 0), at, -1)

    def rows(self, at: npt.NDArray[np.intp]) -> Rows:
        """Return where the rows at positions stand."""
        return Rows(at, self._taken(1, at), self._taken(2, at))

    def _taken(self, column: int, at: npt.NDArray[np.intp]) -> Offsets:
        """Return what stands at positions of the ids (0), offsets (1) or lengths (2); -1 is the last."""
        if self.file is None or len(at) > _FEW:
            return np.asarray((self.ids, self.offsets, self.lengths)[column][at])
        count = len(self.ids)
        begins = _HEAD + 8 * (column * count + np.where(at < 0, at + count, at))
        return reading.numbers(self.file.fileno(), begins.tolist())[:, 0]

    def _first_from(self, wanted: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
        """Say where each id would stand: numbers without a gap say it themselves, and no page of them is read."""
        first, last = int(self.ids[0]), int(self.ids[-1])
        if last - first == len(self.ids) - 1:  # they ascend, each once
            return np.asarray(np.clip(wanted, first - 1, last + 1) - first, np.intp)
        return np.searchsorted(self.ids, wanted)

    def there(self) -> npt.NDArray[np.bool_]:
        """Return which rows are not blank, (n,)."""
        return np.asarray(np.unpackbits(self.gone, count=len(self.ids), bitorder="little") == 0)

    def live(self) -> Offsets:
        """Return the ids whose rows are there, ascending."""
        return np.asarray(self.ids[self.there()])


def sidecar(path: Path) -> Path:
    """Return where a file's places lie."""
    return path.with_name(f"{path.name}.places")


def ordered(ids: Offsets, offsets: Offsets, lengths: Offsets) -> Places:
    """Return places of rows given in any order."""
    order = np.argsort(ids, kind="stable")
    return Places(ids[order], offsets[order], lengths[order], np.zeros(-(-len(ids) // 8), np.uint8))


def write(path: Path, places: Places, size: int) -> None:
    """Keep places beside the file of ``size`` bytes that they belong to."""
    head = _MAGIC + size.to_bytes(8, "little") + len(places.ids).to_bytes(8, "little")
    parts = (places.ids, places.offsets, places.lengths)
    columns = b"".join(np.ascontiguousarray(part, "<i8").tobytes() for part in parts)
    write_whole(sidecar(path), head + columns + places.gone.tobytes())


def read(path: Path) -> Places | None:
    """Map a file's places, or return nothing where they are missing or belong to another file."""
    with suppress(OSError, ValueError):
        handle = sidecar(path).open("rb", buffering=0)
        raw = mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ)
        count, form = int.from_bytes(raw[16:24], "little"), raw[:8]
        bits = -(-count // 8) if form == _MAGIC else 0
        fits = int.from_bytes(raw[8:16], "little") == path.stat().st_size and len(raw) == _HEAD + 24 * count + bits
        if not fits or form not in (_MAGIC, _BEFORE):
            return None
        ids, offsets, lengths = np.frombuffer(raw, "<i8", 3 * count, _HEAD).reshape(3, count)
        if form == _BEFORE:
            return Places(ids, offsets, lengths, np.packbits(lengths == 0, bitorder="little"))
        gone = np.frombuffer(raw, np.uint8, bits, _HEAD + 24 * count)
        return Places(ids, offsets, lengths, gone, kept=True, file=handle)
    return None


def blanked(path: Path, places: Places, rows: Rows, *, beside: bool) -> list[Patch]:
    """Return the patches that blank rows; ``beside`` says that a sidecar is to follow.

    Raises ``IndexUnreadable`` when no row would be left: such a file is written anew.
    """
    changes: list[Patch] = [patches.fill(path.name, rows.offsets, rows.lengths, _SPACE)]
    changes += _tail(path, rows.offsets, rows.lengths)
    if beside:
        changes.append(_crossed(path, places, rows.at.astype(np.int64)))
    return changes


def _crossed(path: Path, places: Places, at: Offsets) -> Patch:
    """Set the bits of rows, each byte of bits written as it is to be: twice is the same as once."""
    number, row = np.unique(at >> 3, return_inverse=True)
    after = places.gone[number]
    np.bitwise_or.at(after, row, (1 << (at & 7)).astype(np.uint8))
    return patches.Write(sidecar(path).name, _HEAD + 24 * len(places.ids) + number, after.reshape(-1, 1))


def _tail(path: Path, offsets: Offsets, lengths: Offsets) -> list[Patch]:
    """Move the line end when the rows that go are the file's last."""
    with path.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as raw:
        ends = dict(zip((offsets + lengths).tolist(), offsets.tolist(), strict=True))
        if _begin_of_content(raw, max(ends)) < len(raw):
            return []
        begin = max(ends)
        while begin > 0 and (begin in ends or _back_over_spaces(raw, begin) < begin):
            begin = ends[begin] if begin in ends else _back_over_spaces(raw, begin)
        if begin == 0:
            raise IndexUnreadable("no row would be left")
        return [
            patches.write(path.name, begin - 1, b" "),
            patches.write(path.name, len(raw) - 1, b"\n"),
        ]


def _begin_of_content(raw: mmap.mmap, at: int) -> int:
    while at < len(raw):
        piece = raw[at : at + _STEP]
        left = piece.lstrip(b" \n")
        if left:
            return at + len(piece) - len(left)
        at += len(piece)
    return len(raw)


def _back_over_spaces(raw: mmap.mmap, at: int) -> int:
    while at > 0:
        piece = raw[max(0, at - _STEP) : at]
        left = piece.rstrip(b" ")
        at -= len(piece) - len(left)
        if left:
            return at
    return 0
