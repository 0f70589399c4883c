"""Keyed hashes that grow letter by letter, and the list in which they are looked up: a Bloom filter, then sorted rows.

SipHash: Aumasson and Bernstein 2012, IACR ePrint 2012/351. Blocked Bloom filter: Putze, Sanders and Singler 2007.
"""

from typing import Any, Final

import numpy as np
from numba import njit

CHECKPOINTS: Final = (4, 6, 8, 10, 13, 17, 24, 32, 48)
# The state of a text is one array, so that a call costs little: these scalars first (``retrieval.keyed`` has the rest).
(
    SEEN,
    IN_WORD,
    SIZE,
    LEAD,
    KIND,
    RUN,
    FOUND,
    KEY0,
    KEY1,
    BLOOM,
    ROWS,
    LONGEST,
    HIDDEN,
    MARKUP,
    MARKED,
    HALF,
    NEED,
    CODE,
    BRACE,
    PIECES,
    OPENED,
    BRACKET,
    MADE_OF,
) = range(23)
SCALARS: Final = 23
WORD, EVENTS = 256, 1024
SLOTS: Final = 4096  # of words that are said for something; they stand before the letters in one array
SAID: Final = 2 * SLOTS


@njit(cache=True, inline="always")
def _turn(word: Any, by: Any) -> Any:
    return (word << np.uint64(by)) | (word >> np.uint64(64 - by))


@njit(cache=True, inline="always")
def _round(a: Any, b: Any, c: Any, d: Any) -> tuple[Any, Any, Any, Any]:
    a += b
    b = _turn(b, 13) ^ a
    a = _turn(a, 32)
    c += d
    d = _turn(d, 16) ^ c
    a += d
    d = _turn(d, 21) ^ a
    c += b
    b = _turn(b, 17) ^ c
    return a, b, _turn(c, 32), d


@njit(cache=True)
def begin(state: Any, at: Any, key0: Any, key1: Any) -> None:
    """Start a hash in four words of ``state``."""
    state[at] = key0 ^ np.uint64(0x736F6D6570736575)
    state[at + 1] = key1 ^ np.uint64(0x646F72616E646F6D)
    state[at + 2] = key0 ^ np.uint64(0x6C7967656E657261)
    state[at + 3] = key1 ^ np.uint64(0x7465646279746573)


@njit(cache=True)
def take(state: Any, at: Any, letter: Any) -> None:
    """Take one more letter into a hash."""
    a, b, c, d = _round(state[at], state[at + 1], state[at + 2], state[at + 3] ^ letter)
    state[at], state[at + 1], state[at + 2], state[at + 3] = a ^ letter, b, c, d


@njit(cache=True)
def finish(state: Any, at: Any, last: Any) -> Any:
    """Return the hash so far; ``last`` tells a beginning (1) from a whole value (2) and its check (3)."""
    end = np.uint64(last) << np.uint64(56)
    a, b, c, d = _round(state[at], state[at + 1], state[at + 2], state[at + 3] ^ end)
    a ^= end
    c ^= np.uint64(0xFF)
    for _ in range(3):
        a, b, c, d = _round(a, b, c, d)
    return a ^ b ^ c ^ d


@njit(cache=True, inline="always")
def bloom_bits(value: Any) -> Any:
    """Return the four bits of a key within its word of the Bloom filter."""
    bits = np.uint64(0)
    for part in range(4):
        bits |= np.uint64(1) << ((value >> np.uint64(6 * part)) & np.uint64(63))
    return bits


@njit(cache=True, inline="always")
def bloom_place(value: Any, words: Any) -> Any:
    """Return the word of the Bloom filter in which a key stands."""
    return ((value >> np.uint64(32)) * words) >> np.uint64(32)


@njit(cache=True)
def listed(value: Any, state: Any, table: Any) -> Any:
    """Whether a key may be in the Bloom filter."""
    words = state[BLOOM]
    if words == 0:
        return False
    bits = bloom_bits(value)
    return (table[bloom_place(value, words)] & bits) == bits


@njit(cache=True)
def row_of(value: Any, check: Any, state: Any, table: Any) -> Any:
    """Return the first row with this hash and this check (32 bits of another hash), or -1."""
    low, up = np.int64(state[BLOOM]), np.int64(state[BLOOM] + state[ROWS])
    base, end = low, up
    while low < up:
        middle = (low + up) >> 1
        if table[middle] < value:
            low = middle + 1
        else:
            up = middle
    if low == end or table[low] != value:
        return -1
    pair = table[end + ((low - base) >> 1)]
    known = (pair >> np.uint64(32 * ((low - base) & 1))) & np.uint64(0xFFFFFFFF)
    return low - base if known == (check & np.uint64(0xFFFFFFFF)) else -1


@njit(cache=True)
def stops_at(size: Any) -> Any:
    """Whether a hash of so many letters goes on only if something listed begins so."""
    early = size == 4 or size == 6 or size == 8 or size == 10 or size == 13 or size == 17
    return early or size == 24 or size == 32 or size == 48


@njit(cache=True)
def goes_on(state: Any, table: Any, at: Any, letter: Any) -> Any:
    """Take a letter into a reading (hash, then its size): whether something listed may go on so."""
    size = np.int64(state[at + 4])
    if size >= np.int64(state[LONGEST]):
        return False
    if stops_at(size) and not listed(finish(state, at, 1), state, table):
        return False
    take(state, at, letter)
    state[at + 4] = np.uint64(size + 1)
    return True


@njit(cache=True)
def meaning_at(folds: Any, value: Any) -> Any:
    """Return what a word with this hash (FNV-1a over its letters) is said for, or 0."""
    slot = np.int64((value >> np.uint64(32)) & np.uint64(SLOTS - 1))
    key = value & np.uint64(0xFFFFFFFF)
    while folds[2 * slot + 1] != 0:
        if np.uint64(folds[2 * slot]) == key:
            return np.uint64(folds[2 * slot + 1])
        slot = (slot + 1) & np.int64(SLOTS - 1)
    return np.uint64(0)


@njit(cache=True)
def note(state: Any, table: Any, at: Any, start: Any, end: Any, lane: Any, events: Any) -> None:
    """Look a whole hash up, and note where it was found: four words an event, from ``events`` on.

    The last one says whether it was meant (its lowest bit) and how many letters it has.
    """
    value = finish(state, at, 2)
    if not listed(value, state, table):
        return
    row = row_of(value, finish(state, at, 3), state, table)
    found = np.int64(state[FOUND])
    if row >= 0 and found < EVENTS:
        event = events + found * 4
        state[event], state[event + 1] = np.uint64(start), np.uint64(end)
        state[event + 2], state[event + 3] = np.uint64(row), np.uint64(lane) | state[at + 4] << np.uint64(1)
        state[FOUND] = np.uint64(found + 1)
