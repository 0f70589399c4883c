"""The compiled loop of the ingest index: from bytes to the keys of the letters behind each begin."""

from typing import Any, Final

import numpy as np
from numba import njit

from retrieval.letters import character_at, escape_at, high, short

TAG: Final = 1  # no letter: it begins the letters before a tag's plus sign
_ROOM: Final = 65_536  # letters held at a time


@njit(cache=True, inline="always")
def _turned(word: Any, by: Any) -> Any:
    return (word << np.uint64(by)) | (word >> np.uint64(64 - by))


@njit(cache=True, inline="always")
def _round(a: Any, b: Any, c: Any, d: Any) -> tuple[Any, Any, Any, Any]:
    a += b
    b = _turned(b, 13) ^ a
    a = _turned(a, 32)
    c += d
    d = _turned(d, 16) ^ c
    a += d
    d = _turned(d, 21) ^ a
    c += b
    b = _turned(b, 17) ^ c
    return a, b, _turned(c, 32), d


@njit(cache=True, inline="always")
def _hashed(low: Any, up: Any, key0: Any, key1: Any) -> Any:
    """SipHash-1-3 of sixteen bytes."""
    a, b = key0 ^ np.uint64(0x736F6D6570736575), key1 ^ np.uint64(0x646F72616E646F6D)
    c, d = key0 ^ np.uint64(0x6C7967656E657261), key1 ^ np.uint64(0x7465646279746573)
    a, b, c, d = _round(a, b, c, d ^ low)
    a, b, c, d = _round(a ^ low, b, c, d ^ up)
    a ^= up
    end = np.uint64(16) << np.uint64(56)
    a, b, c, d = _round(a, b, c, d ^ end)
    a ^= end
    c ^= np.uint64(0xFF)
    for _ in range(3):
        a, b, c, d = _round(a, b, c, d)
    return a ^ b ^ c ^ d


@njit(cache=True)
def key_of(low: Any, up: Any, key0: Any, key1: Any) -> Any:
    """Return the 44 bits of a key: of up to sixteen letters, eight bits each, the first one lowest."""
    every, none = np.uint64(0xFFFFFFFFFFFFFFFF), np.uint64(0)
    key = _hashed(low & np.uint64(0xFFFFFFFF), none, key0, key1) >> np.uint64(51)
    key = (key << np.uint64(5)) | (_hashed(low & (every >> np.uint64(24)), none, key0, key1) >> np.uint64(59))
    key = (key << np.uint64(4)) | (_hashed(low & (every >> np.uint64(16)), none, key0, key1) >> np.uint64(60))
    key = (key << np.uint64(6)) | (_hashed(low, none, key0, key1) >> np.uint64(58))
    key = (key << np.uint64(6)) | (_hashed(low, up & np.uint64(0xFFFF), key0, key1) >> np.uint64(58))
    return (key << np.uint64(10)) | (_hashed(low, up, key0, key1) >> np.uint64(54))


@njit(cache=True, inline="always")
def _four(squeezed: Any, at: Any) -> Any:
    word = np.uint64(squeezed[at])
    for place in range(1, 4):
        word |= np.uint64(squeezed[at + place]) << np.uint64(8 * place)
    return word


@njit(cache=True)
def _put(key: Any, block: Any, out: Any, found: Any) -> Any:
    if found < len(out):
        out[found] = (key << np.uint64(20)) | np.uint64(block)
    return found + 1


@njit(cache=True)
def _look(squeezed: Any, begins: Any, upto: Any, block: Any, halves: Any, out: Any, found: Any) -> Any:
    """Write the entry of each begin."""
    for index in range(upto):
        at = begins[index]
        low = _four(squeezed, at) | (_four(squeezed, at + 4) << np.uint64(32))
        up = _four(squeezed, at + 8) | (_four(squeezed, at + 12) << np.uint64(32))
        found = _put(key_of(low, up, halves[0], halves[1]), block, out, found)
    return found


@njit(cache=True)
def _tagged(squeezed: Any, length: Any, block: Any, halves: Any, out: Any, found: Any) -> Any:
    """Write the entries of the letters before a plus sign: of the last one, and of the last four."""
    one = np.uint64(0x01010101) | (np.uint64(squeezed[length - 1]) << np.uint64(32))
    found = _put(key_of(one, np.uint64(0), halves[0], halves[1]), block, out, found)
    if length >= 4:
        four = np.uint64(1) | (_four(squeezed, length - 4) << np.uint64(8))
        found = _put(key_of(four, np.uint64(0), halves[0], halves[1]), block, out, found)
    return found


@njit(cache=True)
def _spill(squeezed: Any, begins: Any, state: Any, block: Any, halves: Any, out: Any, found: Any) -> Any:
    """Write what is settled; letters that may still begin a window, or stand before a tag, move to the front."""
    length, count = state[0], state[1]
    settled = count
    while settled > 0 and begins[settled - 1] + 16 > length:
        settled -= 1
    found = _look(squeezed, begins, settled, block, halves, out, found)
    moved = length - 16
    for place in range(16):
        squeezed[place] = squeezed[moved + place]
    for index in range(settled, count):
        begins[index - settled] = begins[index] - moved
    state[0], state[1] = 16, count - settled
    return found


@njit(cache=True)
def _character(code: Any, starts: Any, pool: Any, squeezed: Any, begins: Any, state: Any) -> None:
    """Lay the letters of one character beside the others."""
    length, count, before = state[0], state[1], state[2]
    listed = code < len(starts) - 1
    from_: Any = starts[code] if listed else 0
    to: Any = starts[code + 1] if listed else 1
    for piece in range(from_, to):
        value: Any = np.int64(pool[piece]) if listed else high(code)
        if value >= 0:
            kind = int(value > 0) + int(48 <= value < 58)
            begins[count] = length
            count += int(kind > before)
            squeezed[length] = short(value)
            length += int(kind > 0)
            before = kind
    state[0], state[1], state[2] = length, count, before


@njit(cache=True, nogil=True, boundscheck=False)
def _plainly(content: Any, at: Any, stop: Any, plain: Any, squeezed: Any, begins: Any, state: Any) -> Any:
    """Squeeze ASCII up to where something else stands, or to where there is no more room; returns that place."""
    length, count, before = state[0], state[1], state[2]
    stop = min(stop, at + _ROOM - length)
    while at < stop:
        folded = plain[content[at]]
        kind = np.int64(folded >> 8)
        if kind == 3:
            break
        begins[count] = length
        count += np.int64(kind > before)
        squeezed[length] = np.uint8(folded)
        length += np.int64(kind > 0)
        before = kind
        at += 1
    state[0], state[1], state[2] = length, count, before
    return at


@njit(cache=True, nogil=True, boundscheck=False)
def windows(content: Any, ends: Any, first: Any, plain: Any, folds: Any, halves: Any, out: Any) -> Any:
    """Squeeze block after block; nothing is carried from one into the next."""
    squeezed, begins = np.zeros(_ROOM + 256, np.uint8), np.empty(_ROOM + 256, np.int64)
    state, (starts, pool), json = np.zeros(3, np.int64), folds, plain[92] >> 8 == 3
    found: Any = 0
    at: Any = 0
    for number in range(len(ends)):
        stop: Any = ends[number]
        state[:] = 0  # letters, begins, kind of the last character
        while at < stop:
            if state[0] >= _ROOM:
                found = _spill(squeezed, begins, state, first + number, halves, out, found)
            at = _plainly(content, at, stop, plain, squeezed, begins, state)
            if at < stop and state[0] < _ROOM:
                escaped = json and content[at] == 92
                code, used = escape_at(content, at, stop) if escaped else character_at(content, at, stop)
                if (code == 43 or code == 0xFF0B) and state[2] > 0:
                    found = _tagged(squeezed, state[0], first + number, halves, out, found)
                _character(code, starts, pool, squeezed, begins, state)
                at += used
        squeezed[state[0] : state[0] + 16] = 0
        found = _look(squeezed, begins, state[1], first + number, halves, out, found)
    return found
