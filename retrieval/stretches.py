"""Whole lines of a plain file, a stretch a thread: read, counted, sifted and filtered there, handed back in order.

A thread reads piece after piece into memory of its own, so that nothing is handed from core to core but rows in which
somebody may stand. Compressed files, UTF-16 and rows that hold line ends are read block by block instead.
"""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from retrieval.formats import Row
from retrieval.lines import LineFormat, Lines, line_ends
from retrieval.rows import RecordsUnreadable
from retrieval.sieve import MARGIN, Sieve

_STRETCH: Final = 8 << 20
_PIECE: Final = 1 << 20  # read into memory that the nearer caches hold
_GLIMPSE: Final = 4_096  # bytes in which the rest of a line is expected
_OFTEN: Final = 4  # a piece of so many in rows that are worth a look is looked through as a whole

Wanted = tuple[Row, set[int]]


class Filter(Protocol):
    """What looks lines through: ``retrieval.sweep.Sweeper``."""

    @property
    def sieve(self) -> Sieve | None:
        """What is asked before, where few people are looked for."""

    def rows(self, block: Lines) -> list[tuple[int, set[int]]]:
        """Return (number of the row in the block, needles that it may hold), in order."""


@dataclass(frozen=True, slots=True)
class _Looked:
    """What a stretch holds: how many lines, and those worth parsing, by number from 0."""

    lines: int
    rows: list[tuple[int, bytes, set[int]]] = field(repr=False)


class _Memory(threading.local):
    """A thread's own memory for a piece; it grows for a line that is longer."""

    def __init__(self) -> None:
        self.held = bytearray()

    def of(self, size: int) -> bytearray:
        """Return memory for so many bytes and the margin behind them."""
        if len(self.held) < size + MARGIN:
            self.held = bytearray(size + MARGIN)
        return self.held


_MEMORY: Final = _Memory()


def searched(path: Path, layout: LineFormat, filter_: Filter, threads: int) -> Iterator[tuple[int, list[Wanted]]]:
    """Yield (bytes read, rows that may hold somebody, each with the needles) of a file's stretches, in order.

    Raises ``RecordsUnreadable`` for a row in question that cannot be parsed, and ``OSError``.
    """
    with path.open("rb", buffering=0) as raw:
        handle, first = raw.fileno(), 1

        def look(start: int, stop: int) -> _Looked:
            return _look(handle, start, stop, filter_, layout)

        alone = os.fstat(handle).st_size <= _STRETCH  # threads would cost a small file more than it does itself
        for stop, looked in _in_order(look, _stretches(handle, layout.skipped), 1 if alone else threads):
            rows = [(layout.row(path, first + number, line), needles) for number, line, needles in looked.rows]
            first += looked.lines
            yield stop, rows


def _stretches(handle: int, start: int) -> Iterator[tuple[int, int]]:
    """Yield (start, stop) of stretches that end where a line does, or the file."""
    size = os.fstat(handle).st_size
    while start < size:
        stop = min(size, start + _STRETCH)
        while stop < size:
            glimpse = os.pread(handle, _GLIMPSE if stop - start <= 2 * _STRETCH else _PIECE, stop)
            end = glimpse.find(b"\n")
            stop += end + 1 if end >= 0 else len(glimpse) or size
            if end >= 0:
                break
        yield start, min(stop, size)
        start = stop


def _in_order(
    look: Callable[[int, int], _Looked], stretches: Iterator[tuple[int, int]], threads: int
) -> Iterator[tuple[int, _Looked]]:
    if threads <= 1:
        yield from ((stop, look(start, stop)) for start, stop in stretches)
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[tuple[int, Future[_Looked]]] = deque()
        for start, stop in stretches:
            waiting.append((stop, pool.submit(look, start, stop)))
            if len(waiting) > threads:
                end, first = waiting.popleft()
                yield end, first.result()
        yield from ((end, first.result()) for end, first in waiting)


def _look(handle: int, start: int, stop: int, filter_: Filter, layout: LineFormat) -> _Looked:
    lines, rows, sieve = 0, list[tuple[int, bytes, set[int]]](), filter_.sieve
    for held, size in _pieces(handle, start, stop):
        piece = _Piece(held, size, layout)
        sifted = sieve.sift(piece.bytes, size, json=layout.json) if sieve else None
        chosen = piece.around(sifted[0]) if sifted else None
        if sifted is None or chosen is None:
            sieve = None if sieve and not chosen else sieve
            rows += [(lines + number, line, needles) for number, line, needles in piece.whole(filter_)]
        else:
            rows += [(lines + number, line, needles) for number, line, needles in piece.some(filter_, chosen)]
        lines += sifted[1] if sifted else int(line_ends(piece.bytes[:size]))
    return _Looked(lines, rows)


def _pieces(handle: int, start: int, stop: int) -> Iterator[tuple[bytearray, int]]:
    """Yield (memory, how many bytes of it are whole lines); the memory is used again for the next one."""
    while start < stop:
        wanted = min(_PIECE, stop - start)
        size = _read(handle, start, wanted)
        held = _MEMORY.held
        whole = size if start + size >= stop else held.rfind(b"\n", 0, size) + 1
        while not whole and size == wanted:  # a line that is longer than a piece
            wanted = min(2 * wanted, stop - start)
            size = _read(handle, start, wanted)
            held = _MEMORY.held
            whole = size if start + size >= stop else held.rfind(b"\n", 0, size) + 1
        if not (whole or size):
            return  # the file was shortened meanwhile
        yield held, whole or size
        start += whole or size


def _read(handle: int, start: int, wanted: int) -> int:
    held = _MEMORY.of(wanted)
    with memoryview(held) as view:
        return os.preadv(handle, [view[:wanted]], start)


class _Piece:
    """Whole lines in memory, and what of them is worth a look."""

    def __init__(self, held: bytearray, size: int, layout: LineFormat) -> None:
        self._held, self._size, self._layout = held, size, layout
        self.bytes: npt.NDArray[np.uint8] = np.frombuffer(held, np.uint8)

    def around(self, places: npt.NDArray[np.int64]) -> list[tuple[int, int]] | None:
        """Return (start, stop) of the lines in which places stand; none where that is much of the piece."""
        chosen, end, weight = list[tuple[int, int]](), 0, 0
        for place in np.sort(places).tolist():
            if place < end:
                continue
            start = self._held.rfind(b"\n", end, place) + 1 or end
            end = self._held.find(b"\n", place, self._size) + 1 or self._size
            chosen.append((start, end))
            weight += end - start
            if weight > self._size // _OFTEN + _PIECE // 64:
                return None
        return chosen

    def whole(self, filter_: Filter) -> Iterator[tuple[int, bytes, set[int]]]:
        """Yield (number, line, needles) of every line that may hold somebody."""
        lines = self._lines(bytes(memoryview(self._held)[: self._size]))
        for number, needles in filter_.rows(lines):
            yield number, lines.line(number), needles

    def some(self, filter_: Filter, chosen: list[tuple[int, int]]) -> Iterator[tuple[int, bytes, set[int]]]:
        """Yield the same of some lines."""
        if not chosen:
            return
        lines = self._lines(b"".join(bytes(memoryview(self._held)[start:stop]) for start, stop in chosen))
        number, behind = 0, 0
        numbers = []
        for start, stop in chosen:
            number += int(line_ends(self.bytes[behind:start]))
            numbers.append(number)
            number, behind = number + 1, stop
        for row, needles in filter_.rows(lines):
            yield numbers[row], lines.line(row), needles

    def _lines(self, raw: bytes) -> Lines:
        return Lines(Path(), raw, 0, 0, self._layout.parse, self._layout.json)


__all__ = ["RecordsUnreadable", "Wanted", "searched"]
