"""Laying folded letters side by side: UTF-8 and JSON's escapes read, separators skipped, begins of words kept."""

from typing import Any, Final

import numpy as np
from numba import njit

from retrieval.letters import character_at, escape_at, high, short

PLACE: Final = np.uint64(0xFFFFF)  # a begin is its byte << 20 | its letter's place in the piece
AHEAD: Final = 64  # letters that must follow a begin before it is looked up: a whole form and its domain


@njit(cache=True, inline="always")
def word_of(buffer: Any, at: Any) -> Any:
    """Load eight bytes as one word, the first one lowest."""
    word = np.uint64(buffer[at])
    for place in range(1, 8):
        word |= np.uint64(buffer[at + np.uint64(place)]) << np.uint64(8 * place)
    return word


@njit(cache=True, inline="always")
def _has_special(word: Any, other: Any) -> Any:
    """Whether one of eight bytes is no ASCII, or is the byte that fills ``other``."""
    zero = word ^ other
    ones, tops = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080)
    return ((word & tops) | ((zero - ones) & ~zero & tops)) != np.uint64(0)


@njit(cache=True)
def slowly(
    block: Any, at: Any, until: Any, classes: Any, starts: Any, pool: Any, squeezed: Any, begins: Any, state: Any
) -> Any:
    """Squeeze a few bytes among which something is no plain letter; returns where it stopped (past a character)."""
    stop = len(block)
    length, count, before = state[0], state[1], state[2]
    while at < until:
        code: Any = np.int64(block[at])
        used: Any = 1
        if classes[block[at]] == 255 and code != 43:
            code, used = escape_at(block, at, stop) if code == 92 else character_at(block, at, stop)
        listed = code < len(starts) - 1
        from_: Any = starts[code] if listed else 0
        to: Any = starts[code + 1] if listed else 1
        for piece in range(from_, to):
            value: Any = np.int64(pool[piece]) if listed else high(code)
            if value >= 0:
                kind = int(value > 0) + int(48 <= value < 58)
                squeezed[length] = short(value)
                begins[count] = np.uint64((at << 20) | length)
                count += int(kind > before)
                length += int(kind != 0)
                before = kind
        at += used
    state[0], state[1], state[2] = length, count, before
    return at


@njit(cache=True, nogil=True, boundscheck=False)
def plainly(block: Any, at: Any, until: Any, classes: Any, other: Any, squeezed: Any, begins: Any, state: Any) -> Any:
    """Squeeze plain ASCII, eight bytes a step and without a branch; returns where something else stands."""
    here, end = np.uint64(at), np.uint64(until)
    length, count, before = np.uint64(state[0]), np.uint64(state[1]), np.uint32(state[2])
    eight, twenty, tip = np.uint64(8), np.uint64(20), np.uint32(8)
    while here + eight <= end:
        if _has_special(word_of(block, here), other):
            break
        for step in range(8):
            folded = classes[block[here + np.uint64(step)]]
            kind = folded >> tip
            squeezed[length] = np.uint8(folded)
            begins[count] = ((here + np.uint64(step)) << twenty) | length
            count += np.uint64(kind > before)
            length += np.uint64(kind != np.uint32(0))
            before = kind
        here += eight
    state[0], state[1], state[2] = length, count, before
    return np.int64(here)
