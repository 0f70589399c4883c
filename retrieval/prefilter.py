"""Where a needle may begin, for any number of needles in one pass over bytes: a compiled loop over folded letters.

1. Every needle gives one or several windows: its first four to eight folded letters, without separators.
2. The loop reads UTF-8 (and JSON's escapes), folds each character by a table and lays the letters side by side,
   separators skipped; it keeps where words and numbers begin. ``retrieval.packed`` does so sixty-four bytes a step.
3. The letters after each begin are looked up in a bitmap, and what passes in the table of windows, exactly.

It may report too much (the caller checks), never too little. Idea of the window filter: Wu and Manber, "A fast
algorithm for multi-pattern searching", TR 94-17, University of Arizona, 1994.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from numba import njit

from retrieval.coded import Coded
from retrieval.coding import wide
from retrieval.glance import byte_tables, glance, line_start
from retrieval.lanes import available
from retrieval.letters import Bytes, letters
from retrieval.marks import front_of, maps_of, marked, shift_of
from retrieval.packed import scan
from retrieval.packing import packs
from retrieval.reporting import hash_of, report, slot_of
from retrieval.squeezing import AHEAD, PLACE, plainly, slowly, word_of

LONGEST, SHORTEST, WHOLE, DOMAIN = 8, 4, 32, 12
_PRIME: Final = np.uint64(0x9E3779B97F4A7C15)
_BEGINNINGS: Final = 384  # different first four letters of forms, for the first look
_CODED: Final = 2_000  # the same, where bytes are looked at as codes
_PACKED: Final = 100  # the same, where letters are packed for any number
_SPECIAL: Final = 255
_PIECE: Final = 16_384  # bytes squeezed at a time: they stay in the nearest cache
Hits = npt.NDArray[np.int64]


Form: TypeAlias = tuple[
    str, str
]  # folded letters as a needle shows them; the domain that follows a mailbox name, or ""


class Prefilter:
    """Forms made ready once; ``hits`` says at which byte which form begins."""

    def __init__(self, forms: Sequence[Form], *, after_plus: bool = False) -> None:
        """Take forms of at least four letters (more than 32 are cut); form ``n`` is reported as ``n``.

        ``after_plus`` reports every "+" that follows a letter as form -1 (mailbox tags behind very short names).
        """
        letters_, sizes, hashes = _tails([form[0][:WHOLE] for form in forms])
        _, domain_sizes, domain_hashes = _tails([form[1][:DOMAIN] for form in forms])
        words, heads = _heads(letters_, sizes, 0), np.minimum(sizes, LONGEST)
        self._width = int(heads.min()) if len(heads) else LONGEST
        self._front = front_of(words, self._width)
        firsts = np.unique(words & np.uint64(0xFFFFFFFF))
        self._maps = maps_of((words, _heads(letters_, sizes, 8)), sizes, firsts)
        present = np.bincount(heads, minlength=LONGEST + 1).astype(np.uint8)
        by_head = _masks(words, sizes, np.zeros(_slots(words), np.uint64), np.zeros(_slots(words), np.uint64))
        by_hash = _chains(hashes, np.full(_slots(words), -1, np.int64), np.full(len(words) + 1, -1, np.int64))
        self._table = (present, *by_head, *by_hash, hashes, domain_sizes, domain_hashes, _marks(hashes))
        self._after_plus = after_plus
        self._bytes = byte_tables(firsts) if _pays(len(firsts)) else None
        self._coded: Coded | None = None
        if self._bytes is not None and wide():
            self._coded = Coded(firsts, self._maps, _READING, self._table)

    def hits(self, block: Bytes, *, json: bool = False) -> Hits:
        """Return (byte, form) rows, the byte where the form begins; ``json`` reads backslash escapes."""
        found, stop = self.glanced(block, json=json)
        if stop < len(block):
            start = line_start(block, stop)
            rest = (self.packed if packs() else self.squeezed)(block[start:], json=json)
            found = np.concatenate((found, rest + np.array([start, 0])))
        return np.concatenate((found, _pluses(block, json=json))) if self._after_plus else found

    def glanced(self, block: Bytes, *, json: bool = False) -> tuple[Hits, int]:
        """Return what the first look reports, and how far it looked: not at all where the processor cannot."""
        if self._bytes is None:
            return np.empty((0, 2), np.int64), 0
        folds, stop, coded, tables = _folds(), 0, self._coded, self._bytes

        def write(out: Hits) -> int:
            nonlocal stop
            if coded is not None:
                found, stop = coded.look(block, out, json=json)
            else:
                found, stop = glance(block, _READING[json], json, tables, self._maps, self._table, folds, out)
            return int(found)

        return _grown(write), stop

    def squeezed(self, block: Bytes, *, json: bool = False) -> Hits:
        """Return what the loop over squeezed letters reports."""

        def write(out: Hits) -> int:
            return int(_scan(block, *_READING[json], self._width, self._front, self._table, _folds(), out))

        return _grown(write)

    def packed(self, block: Bytes, *, json: bool = False) -> Hits:
        """Return the same, sixty-four bytes a step: only where ``retrieval.packing.packs`` says so."""
        looks = (self._width, self._front, shift_of(self._front)), self._maps, self._table

        def write(out: Hits) -> int:
            return int(scan(block, json, _READING[json], _folds(), *looks, out))

        return _grown(write)


def _folds() -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint32]]:
    return letters().starts, letters().pool


def _pays(beginnings: int) -> bool:
    """Whether the first look is worth it: for few beginnings; beyond, too many words pass it."""
    most = _BEGINNINGS if not wide() else _PACKED if packs() else _CODED
    return available() and 0 < beginnings <= most


def _grown(write: Callable[[Hits], int]) -> Hits:
    """Return what is written, in as much room as it turns out to need."""
    out = np.empty((1_024, 2), np.int64)
    while (found := write(out)) > len(out):
        out = np.empty((found, 2), np.int64)
    return out[:found]


def _classes(*, json: bool) -> Bytes:
    """For each byte its letter, 0 for a separator, 255 for what needs a closer look."""
    table = np.zeros(256, np.uint8)
    for code in range(128):
        lowered = chr(code).lower()
        table[code] = ord(lowered) if lowered.isalnum() else 0
    table[128:] = _SPECIAL
    if json:
        table[ord("\\")] = _SPECIAL
    return table


def _reading(*, json: bool) -> tuple[Bytes, npt.NDArray[np.uint32], np.uint64]:
    """Return what each byte is, the same with its kind (1 letter, 2 digit) above it, and the byte that escapes."""
    kinds = [2 if chr(code).isdigit() else int(chr(code).isalnum()) for code in range(128)] + [0] * 128
    classes = _classes(json=json)
    paired = classes.astype(np.uint32) | (np.array(kinds, np.uint32) << np.uint32(8))
    return classes, paired, np.uint64(0x0101010101010101 * (92 if json else 0xFF))


_READING: Final = {json: _reading(json=json) for json in (False, True)}


def _tails(texts: list[str]) -> tuple[Bytes, Hits, npt.NDArray[np.uint64]]:
    """Return all letters in eight bits, each text's length and its hash."""
    sizes = np.fromiter(map(len, texts), np.int64, len(texts))
    every = _shortened("".join(texts))
    return every, sizes, _hashes(every, sizes)


def _shortened(text: str) -> Bytes:
    """Return letters in eight bits, as ``retrieval.letters.short`` does."""
    if text.isascii():
        return np.frombuffer(text.encode(), np.uint8)
    codes = np.frombuffer(text.encode("utf-32-le"), np.uint32).astype(np.uint64)
    hashed = np.uint64(128) | (((codes * np.uint64(40503)) >> np.uint64(7)) & np.uint64(127))
    return np.where(codes < 128, codes, hashed).astype(np.uint8)


@njit(cache=True)
def _hashes(letters: Any, sizes: Any) -> Any:
    values, at = np.empty(len(sizes), np.uint64), 0
    for row in range(len(sizes)):
        values[row] = hash_of(letters, at, sizes[row])
        at += sizes[row]
    return values


@njit(cache=True)
def _heads(letters: Any, sizes: Any, skipped: int) -> Any:
    """Return up to eight letters of each text, behind some that are skipped, as one word, the first one lowest."""
    words, at = np.zeros(len(sizes), np.uint64), 0
    for row in range(len(sizes)):
        for place in range(min(8, sizes[row] - skipped)):
            words[row] |= np.uint64(letters[at + skipped + place]) << np.uint64(8 * place)
        at += sizes[row]
    return words


def _marks(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Mark every form's hash in a map that the caches hold, sixteen bits a form: most letters end as nobody's form."""
    bits = max(6, int(np.ceil(np.log2(16 * max(1, len(hashes))))))
    places = ((hashes * _PRIME) >> np.uint64(20)) & np.uint64((1 << bits) - 1)
    marks = np.zeros((1 << bits) // 64, np.uint64)
    np.bitwise_or.at(marks, (places >> np.uint64(6)).astype(np.int64), np.uint64(1) << (places & np.uint64(63)))
    return marks


def _slots(words: npt.NDArray[np.uint64]) -> int:
    return 1 << max(4, int(np.ceil(np.log2(max(1, 2 * len(words))))))


@njit(cache=True)
def _masks(words: Any, sizes: Any, keys: Any, masks: Any) -> tuple[Any, Any]:
    """For each head, by open addressing: which lengths its forms have, as bits."""
    last = len(keys) - 1
    for row in range(len(words)):
        slot = slot_of(words[row], last)
        while masks[slot] and keys[slot] != words[row]:
            slot = (slot + 1) & last
        keys[slot] = words[row]
        masks[slot] |= np.uint64(1) << np.uint64(sizes[row])
    return keys, masks


@njit(cache=True)
def _chains(hashes: Any, first: Any, following: Any) -> tuple[Any, Any]:
    """For each hash, by open addressing: its first form; forms of one hash are chained."""
    last = len(first) - 1
    for row in range(len(hashes)):
        slot = slot_of(hashes[row], last)
        while first[slot] >= 0 and hashes[first[slot]] != hashes[row]:
            slot = (slot + 1) & last
        following[row] = first[slot]
        first[slot] = row
    return first, following


@njit(cache=True, nogil=True, boundscheck=False)
def _look(
    block: Any,
    squeezed: Any,
    begins: Any,
    upto: Any,
    count: Any,
    width: Any,
    front: Any,
    table: Any,
    out: Any,
    found: Any,
) -> Any:
    """Look up the letters after each begin."""
    head, bits = np.uint64(0xFFFFFFFFFFFFFFFF) >> np.uint64(64 - 8 * width), np.uint64(6)
    while (1 << int(bits)) < 64 * len(front):
        bits += np.uint64(1)
    shift = np.uint64(64) - bits
    for index in range(upto):
        word = word_of(squeezed, begins[np.uint64(index)] & PLACE)
        if marked(front, shift, word & head):
            found = report(block, squeezed, begins, index, count, word, table, out, found)
    return found


@njit(cache=True, nogil=True, boundscheck=False)
def _scan(
    block: Any, classes: Any, kinds: Any, other: Any, width: Any, front: Any, table: Any, folds: Any, out: Any
) -> Any:
    """Squeeze a piece at a time; letters that may still begin a window are carried into the next piece."""
    stop: Any = len(block)
    at: Any = 0
    found: Any = 0
    starts_, pool = folds
    squeezed = np.zeros(_PIECE * 7 + 256, np.uint8)
    begins = np.empty(_PIECE * 7 + 256, np.uint64)
    state = np.zeros(3, np.int64)  # letters, begins, kind of the last character
    while at < stop:
        until = min(stop, at + _PIECE)
        while at < until:
            at = plainly(block, at, until, kinds, other, squeezed, begins, state)
            if at < until:
                at = slowly(block, at, min(until, at + 8), classes, starts_, pool, squeezed, begins, state)
        length, count = state[0], state[1]
        squeezed[length : length + AHEAD] = 0
        settled = count
        if at < stop:
            while settled > 0 and np.int64(begins[settled - 1] & PLACE) + AHEAD > length:
                settled -= 1
        found = _look(block, squeezed, begins, settled, count, width, front, table, out, found)
        moved = max(0, length - AHEAD)
        for place in range(length - moved):
            squeezed[place] = squeezed[moved + place]
        for index in range(settled, count):
            begins[index - settled] = begins[index] - np.uint64(moved)
        state[0], state[1] = length - moved, count - settled
    return found


def _pluses(block: Bytes, *, json: bool) -> Hits:
    """Return every plus sign that stands behind a letter or a digit (or behind what is no ASCII), as form -1."""
    places = np.flatnonzero(block[1:] == 43) + 1
    behind = places[_READING[json][0][block[places - 1]] != 0]
    return np.column_stack((behind, np.full(len(behind), -1, np.int64)))
