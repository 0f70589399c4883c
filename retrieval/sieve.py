"""A first sieve for a few people: which places of a block are worth a look, at about the speed of memory.

1. Sixty-four bytes at a time are compared with the anchors' letters (``retrieval.rare``), in buckets; what fits in four
   places is compared letter by letter, through the whole run, as far as it is plain.
2. Digits are laid side by side, whatever stands between them, and compared the same way.
3. Each character that must be decoded (no ASCII, an escape) is folded, and counts where its letters, between those that
   stand before and behind, may be an anchor's; or where a number may go on with it.

It may name too much, never too little: rows that it names are looked through with ``retrieval.prefilter``. Needs a
processor with AVX2 (where it has AVX-512 VBMI and VBMI2, it takes fewer steps). The idea of buckets: Qiu et al.,
"Teddy", in Hyperscan, NSDI 2019.
"""

import threading
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from retrieval.coding import wide
from retrieval.decoding import READ, Words, neighbours
from retrieval.lanes import WORD, available
from retrieval.letters import letters
from retrieval.packing import packs
from retrieval.rare import AROUND, WINDOW, Anchor, anchors_of
from retrieval.sifting import CHUNK, MARGIN, sift
from retrieval.types import Needle

__all__ = ["MARGIN", "MOST", "Sieve", "sifts", "way"]

MOST: Final = 32  # anchors; more fill the buckets
_BUCKETS: Final = 8


def sifts() -> bool:
    """Whether this processor has what the sieve needs."""
    return available()


def way() -> str:
    """Name the vector instructions that searches use on this processor, as its settings say."""
    if wide() and packs():
        return "AVX-512 VBMI2"
    return "AVX-512 VBMI" if wide() else "AVX2" if available() else "no vector instructions of its own"


class Sieve:
    """Anchors made ready once; ``sift`` says which places of a block are worth a look."""

    def __init__(self, anchors: Sequence[Anchor]) -> None:
        self._rooms = threading.local()
        words = sorted((one for one in anchors if not one.number), key=lambda one: one.window)
        numbers = sorted({one.window for one in anchors if one.number})
        self._looks = (
            _tables([one.window for one in words]), *_runs(words), _tables([one[:WINDOW] for one in numbers]),
            _values(numbers), READ, neighbours([one.window for one in words]),
        )  # fmt: skip

    @classmethod
    def of(cls, needles: Sequence[Needle], region: str | None) -> "Sieve | None":
        """Return a sieve for needles, or none: for many, for spellings without an anchor, on other processors."""
        every_: set[Anchor] = set()
        for needle in needles if sifts() and len(needles) <= MOST else ():
            anchors = anchors_of(needle, region)
            if anchors is None:
                return None
            every_ |= anchors
        return cls(sorted(every_, key=lambda one: one.window)) if 0 < len(every_) <= MOST else None

    def sift(
        self, content: npt.NDArray[np.uint8], size: int, *, json: bool
    ) -> tuple[npt.NDArray[np.int64], int] | None:
        """Return (places worth a look, line ends) of the first ``size`` bytes; none where too much is to be decoded.

        Behind them ``MARGIN`` bytes more must be readable, whatever they are.
        """
        room, table = self._room(size), letters()
        while True:
            found, lines, whole = sift(
                content, size, json, self._looks, (table.starts, table.pool), room.arrays, room.out
            )
            if found <= len(room.out):
                return (room.out[:found].copy(), int(lines)) if whole else None
            room.out = np.empty(found, np.int64)

    def _room(self, size: int) -> "_Room":
        """Return this thread's own room: made anew for each block, it would cost more than the block."""
        room: _Room | None = getattr(self._rooms, "room", None)
        if room is None or room.size < size:
            room = self._rooms.room = _Room(size)
        return room


class _Room:
    def __init__(self, size: int) -> None:
        self.size, words = size, size // WORD + 2
        self.arrays = (
            np.empty(size + 2 * MARGIN, np.uint8), np.empty(words, np.uint32),
            np.empty(2 * CHUNK + 2, np.uint64), np.empty(2 * CHUNK + 2, np.uint64),
            np.empty(WORD * CHUNK + 2, np.uint64), np.zeros(3, np.int64),
        )  # fmt: skip
        self.out = np.empty(4_096, np.int64)


def _tables(windows: Sequence[str]) -> npt.NDArray[np.uint8]:
    """Spread windows over buckets, a bit each: which may have a byte in which place.

    By six bits of the byte where a processor looks up so many, else by each half of it.
    """
    halves = (63,) if wide() else (15, 240)
    rows = np.zeros((WINDOW * len(halves), WORD), np.uint8)
    for number, window in enumerate(windows):
        bucket = np.uint8(1 << (number * _BUCKETS // len(windows)))
        for row in range(len(rows)):
            place, half = divmod(row, len(halves))
            rows[row, _entries(window[place : place + 1], halves[half])] |= bucket
    return rows.reshape(-1)


def _entries(letter: str, half: int) -> list[int] | slice:
    """Return where a table has a letter; everywhere for a place behind the window's end."""
    if not letter:
        return slice(None)
    looked_up = ord(letter) & half
    if half == 63:
        return [looked_up]
    return list(range(looked_up >> 4 if half == 240 else looked_up, WORD, 16))


def _runs(anchors: Sequence[Anchor]) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint8]]:
    """Return (window, its mask, its size, letters before, letters behind) of each anchor, and those letters."""
    rows, runs = np.zeros((len(anchors), 5), np.uint32), np.zeros((len(anchors), 2 * AROUND), np.uint8)
    for row, one in enumerate(anchors):
        size = len(one.window)
        mask = (1 << 8 * size) - 1
        rows[row] = int.from_bytes(one.window.encode(), "little"), mask, size, len(one.before), len(one.behind)
        runs[row, AROUND - len(one.before) : AROUND] = list(one.before.encode())
        runs[row, AROUND : AROUND + len(one.behind)] = list(one.behind.encode())
    return rows, runs


def _values(numbers: Sequence[str]) -> Words:
    rows = np.zeros((len(numbers), 2), np.uint64)
    for row, number in enumerate(numbers):
        rows[row] = int.from_bytes(number.encode(), "little"), (1 << 8 * len(number)) - 1
    return rows
