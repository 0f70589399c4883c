"""The loop behind the serving filter: words in, keyed windows looked up, and how much may be said already.

1. Characters become letters (folded, look-alikes joined) and letters become words.
2. A word is taken in twice: as it stands, and as it is meant (said digits as digits; "at", "dot", a mailbox tag and
   %-codes as separators).
3. Where a word or a number begins, a keyed hash (SipHash-1-3) begins too and takes every further letter. After 4, 6, 8,
   ... letters it goes on only if a listed value begins so (a keyed Bloom filter); the others are dropped.
4. Where a word ends, each living hash is looked up among the listed ones.
5. What stands before the first living begin, and before the word that is still growing, may be said.

SipHash: Aumasson and Bernstein 2012, IACR ePrint 2012/351. Blocked Bloom filter: Putze, Sanders and Singler 2007.
"""

from typing import Any, Final

import numpy as np
from numba import njit

from retrieval.letters import REACH, character_at, high
from retrieval.skeleton import AND, DROP, NUMBER, TENS, THRICE, TWICE

CHECKPOINTS: Final = (4, 6, 8, 10, 13, 17, 24, 32, 48)
LANES, LIVING, WORD, EVENTS = 2, 48, 256, 1024
# The state is one array, so that a call costs little: scalars, then the parts below.
(SEEN, IN_WORD, SIZE, LEAD, KIND, RUN, TAGGED, ZERO, TIMES, _, FOUND, KEY0, KEY1, BLOOM, ROWS, BEFORE, LONGEST) = range(
    17
)
_SCALARS = 17
_WORD = _SCALARS  # letter | flag << 32, each
_SPOKEN = _WORD + WORD
_LANE = _SPOKEN + 2048
_BEGIN = 6  # four words of hash, letters so far, place
_LANE_SIZE = 1 + LIVING * _BEGIN
EVENT = _LANE + LANES * _LANE_SIZE
STATE = EVENT + EVENTS * 4


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
def _row(value: Any, check: Any, state: Any, table: Any) -> Any:
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
def _letter(state: Any, table: Any, lane: Any, letter: Any, place: Any, begins: Any) -> None:
    """Let every living hash of a lane take a letter; those that continue nothing listed end here."""
    base = _LANE + lane * _LANE_SIZE
    alive, kept = np.int64(state[base]), 0
    if alive == 0 and not begins:
        return
    for each in range(alive):
        old = base + 1 + each * _BEGIN
        size = np.int64(state[old + 4])
        stops = size == 4 or size == 6 or size == 8 or size == 10 or size == 13 or size == 17
        if size >= np.int64(state[LONGEST]):
            continue
        stops = stops or size == 24 or size == 32 or size == 48
        if stops and not listed(finish(state, old, 1), state, table):
            continue
        new = base + 1 + kept * _BEGIN
        if new != old:
            for part in range(_BEGIN):
                state[new + part] = state[old + part]
        take(state, new, letter)
        state[new + 4] = np.uint64(size + 1)
        kept += 1
    if begins and kept < LIVING:
        new = base + 1 + kept * _BEGIN
        begin(state, new, state[KEY0], state[KEY1])
        take(state, new, letter)
        state[new + 4] = np.uint64(1)
        state[new + 5] = np.uint64(place)
        kept += 1
    state[base] = np.uint64(kept)


@njit(cache=True)
def _end(state: Any, table: Any, lane: Any, place: Any) -> None:
    """Look up every living hash where a word ends."""
    base = _LANE + lane * _LANE_SIZE
    for each in range(np.int64(state[base])):
        at = base + 1 + each * _BEGIN
        if np.int64(state[at + 4]) < 4:
            continue
        value = finish(state, at, 2)
        if not listed(value, state, table):
            continue
        row = _row(value, finish(state, at, 3), state, table)
        found = np.int64(state[FOUND])
        if row >= 0 and found < EVENTS:
            event = EVENT + found * 4
            state[event] = state[at + 5]
            state[event + 1] = np.uint64(place)
            state[event + 2] = np.uint64(row)
            state[event + 3] = np.uint64(lane)
            state[FOUND] = np.uint64(found + 1)


@njit(cache=True)
def _meaning(state: Any, size: Any) -> Any:
    """Return what a word is said for, or 0."""
    value = np.uint64(0xCBF29CE484222325)
    for place in range(size):
        letter = state[_WORD + place] & np.uint64(0xFFFFFFFF)
        value = (value ^ letter) * np.uint64(0x100000001B3)
    slot = np.int64(value & np.uint64(1023))
    while state[_SPOKEN + 2 * slot + 1] != 0:
        if state[_SPOKEN + 2 * slot] == value:
            return state[_SPOKEN + 2 * slot + 1]
        slot = (slot + 1) & np.int64(1023)
    return np.uint64(0)


@njit(cache=True)
def _word(state: Any, table: Any, place: Any) -> None:
    """Take in the word that ends before ``place``."""
    size, start = np.int64(state[SIZE]), np.int64(state[IN_WORD]) - 1
    for at in range(size):
        packed = state[_WORD + at]
        flag = bool(packed >> np.uint64(32) & np.uint64(1))
        _letter(state, table, 0, packed & np.uint64(0xFFFFFFFF), start, flag)
    _end(state, table, 0, place)
    _meant(state, table, size, start, place)
    state[IN_WORD], state[SIZE] = np.uint64(0), np.uint64(0)


@njit(cache=True)
def _meant(state: Any, table: Any, size: Any, start: Any, place: Any) -> None:
    """Take in the same word as it is meant."""
    lead = np.int64(state[LEAD])
    if state[TAGGED]:
        return
    skip = 0
    if lead == 37 and size >= 2:  # %40
        skip = 2
    elif lead == 35 and size <= 4:  # &#64;
        skip = size
    meaning = _meaning(state, size)
    what = np.int64(meaning & np.uint64(255))
    if state[ZERO] and not (what == NUMBER and ((meaning >> np.uint64(8)) & np.uint64(255)) == 1):
        if what == AND:
            return
        _letter(state, table, 1, np.uint64(111), start, False)
        _end(state, table, 1, start)
    state[ZERO] = np.uint64(0)
    if what == DROP or (lead == 38 and size == 6):
        return
    if what in (TWICE, THRICE):
        state[TIMES] = np.uint64(2 if what == TWICE else 3)
        return
    times: Any = max(1, np.int64(state[TIMES]))
    state[TIMES] = np.uint64(0)
    if what in (NUMBER, TENS):
        for _ in range(times):
            for at in range(np.int64((meaning >> np.uint64(8)) & np.uint64(255))):
                _letter(state, table, 1, (meaning >> np.uint64(16 + 8 * at)) & np.uint64(255), start, True)
        state[ZERO] = np.uint64(what == TENS)
    else:
        for _ in range(times if size == 1 else 1):
            for at in range(skip, size):
                packed = state[_WORD + at]
                flag = at == skip or bool(packed >> np.uint64(32) & np.uint64(1))
                _letter(state, table, 1, packed & np.uint64(0xFFFFFFFF), start, flag)
    _end(state, table, 1, place)


@njit(cache=True)
def _one(state: Any, table: Any, value: Any, digit: Any, place: Any, before: Any) -> None:
    """Add one letter to the growing word."""
    if state[SIZE] == 0:
        signed = state[LEAD] == 43 and state[KIND] == 0
        state[IN_WORD] = np.uint64(place + 1 - np.int64(signed))
        if state[LEAD] == 43 and (state[BEFORE] or not digit):
            state[TAGGED] = np.uint64(1)
    run = np.int64(state[RUN]) + 1 if digit else 0
    flag = state[SIZE] == 0 or (digit and run <= 7)
    state[RUN] = np.uint64(run)
    state[_WORD + np.int64(state[SIZE])] = np.uint64(value) | (np.uint64(flag) << np.uint64(32))
    state[SIZE] += np.uint64(1)
    state[KIND] = np.uint64(1)


@njit(cache=True)
def feed(chunk: Any, state: Any, folds: Any, table: Any) -> Any:
    """Take in UTF-8 text; returns how many characters, from the first one on, may be said."""
    stop, at = len(chunk), 0
    place = np.int64(state[SEEN])
    pools = (len(folds) - REACH - 1) // 2
    while at < stop:
        code, used = character_at(chunk, at, stop)
        at += used
        start, end = (np.int64(folds[code]), np.int64(folds[code + 1])) if code < REACH else (0, 1)
        for piece in range(start, end):
            value = np.int64(folds[REACH + 1 + piece]) if code < REACH else high(code)
            if value < 0:
                continue
            if value == 0:
                if state[SIZE]:
                    _word(state, table, place)
                    state[BEFORE] = np.uint64(1)
                else:
                    state[BEFORE] = np.uint64(0)
                if 0xFF01 <= code <= 0xFF5E:  # the wide form of an ASCII sign
                    code -= 0xFEE0
                if code != 46 and code != 45 and code != 95 and code != 43:
                    state[TAGGED] = np.uint64(0)
                state[LEAD], state[KIND], state[RUN] = np.uint64(code), np.uint64(0), np.uint64(0)
                continue
            plain = np.int64(folds[REACH + 1 + pools + piece]) if code < REACH else value
            if np.int64(state[SIZE]) == WORD:
                _word(state, table, place)
            _one(state, table, value, 48 <= plain < 58, place, state[LEAD])
        place += 1
    state[SEEN] = np.uint64(place)
    return sayable(state)


@njit(cache=True)
def sayable(state: Any) -> Any:
    """Return how many characters may be said: up to the growing word, a sign before it, and the first living begin."""
    first = np.int64(state[SEEN])
    if state[IN_WORD]:
        first = np.int64(state[IN_WORD]) - 1
    elif state[LEAD] == 43 and first > 0:
        first -= 1
    for lane in range(LANES):
        base = _LANE + lane * _LANE_SIZE
        for each in range(np.int64(state[base])):
            first = min(first, np.int64(state[base + 1 + each * _BEGIN + 5]))
    return first


@njit(cache=True)
def close(state: Any, table: Any) -> None:
    """End the text: the growing word is whole."""
    if state[SIZE]:
        _word(state, table, np.int64(state[SEEN]))
    if state[ZERO]:
        _letter(state, table, 1, np.uint64(111), np.int64(state[SEEN]), False)
        _end(state, table, 1, np.int64(state[SEEN]))
    for lane in range(LANES):
        state[_LANE + lane * _LANE_SIZE] = np.uint64(0)


def opened(keys: tuple[int, int], bloom: int, rows: int, longest: int, said: Any) -> Any:
    """Return a fresh state for one text: ``bloom`` words and ``rows`` of a table, its longest value."""
    state = np.zeros(STATE, np.uint64)
    state[KEY0], state[KEY1] = keys
    state[BLOOM], state[ROWS], state[LONGEST] = bloom, rows, longest
    state[_SPOKEN : _SPOKEN + 2048] = said
    state[LEAD] = 32
    return state


@njit(cache=True)
def hashes_of(text: Any, sizes: Any, key0: Any, key1: Any) -> Any:
    """Return, for each value (letters side by side), its hash, its check, and its beginnings' hashes (0: none)."""
    out = np.zeros((len(sizes), 11), np.uint64)
    state = np.zeros(4, np.uint64)
    at = 0
    for row in range(len(sizes)):
        begin(state, 0, key0, key1)
        checkpoint = 0
        for place in range(sizes[row]):
            stops = place == 4 or place == 6 or place == 8 or place == 10 or place == 13 or place == 17
            if stops or place == 24 or place == 32 or place == 48:
                out[row, 2 + checkpoint] = finish(state, 0, 1)
                checkpoint += 1
            take(state, 0, np.uint64(text[at + place]))
        out[row, 0] = finish(state, 0, 2)
        out[row, 1] = finish(state, 0, 3) & np.uint64(0xFFFFFFFF)
        at += sizes[row]
    return out


@njit(cache=True)
def fill(bloom: Any, keys: Any) -> None:
    """Mark keys in a Bloom filter."""
    for index in range(len(keys)):
        bloom[bloom_place(keys[index], np.uint64(len(bloom)))] |= bloom_bits(keys[index])
