"""The fold of every character as arrays, for compiled loops: what ``retrieval.folding`` says, at memory speed.

A character becomes no letter (a mark, an invisible character), a separator (0) or one or several letters; the arrays
are made from ``fold_character`` itself, so that compiled and interpreted code cannot disagree.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

from retrieval.folding import fold_character

Bytes = npt.NDArray[np.uint8]
REACH: Final = 0x32000  # above stand only letters without other spellings, tags and private use
_HIGH_LETTERS: Final = 0x40000
SEPARATOR, DROPPED = 0, -1


@dataclass(frozen=True, slots=True)
class Letters:
    """``pool[starts[c]:starts[c + 1]]`` are the folded characters of code point ``c``: letters, 0 for a separator."""

    starts: npt.NDArray[np.int32]
    pool: npt.NDArray[np.uint32]


@lru_cache(maxsize=1)
def letters() -> Letters:
    """Return the tables, made once a process (about a third of a second)."""
    pool: list[int] = []
    starts = np.zeros(REACH + 1, np.int32)
    for code in range(REACH):
        starts[code] = len(pool)
        if not 0xD800 <= code < 0xE000:
            folded = fold_character.__wrapped__(chr(code))
            pool.extend(ord(part) if part.isalnum() else SEPARATOR for part in folded)
        else:
            pool.append(SEPARATOR)
    starts[REACH] = len(pool)
    return Letters(starts, np.array(pool, np.uint32))


@njit(cache=True, inline="always")
def _hex(byte: int) -> int:
    if 48 <= byte <= 57:
        return byte - 48
    if 97 <= byte <= 102:
        return byte - 87
    return byte - 55 if 65 <= byte <= 70 else -1


@njit(cache=True)
def _four_hex(buffer: Any, at: int, stop: int) -> int:
    if at + 4 > stop:
        return -1
    code = 0
    for place in range(at, at + 4):
        digit = _hex(buffer[place])
        if digit < 0:
            return -1
        code = code * 16 + digit
    return code


@njit(cache=True)
def escape_at(buffer: Any, at: int, stop: int) -> tuple[int, int]:
    """Read a JSON escape whose backslash stands at ``at``: (code point, bytes used)."""
    if at + 1 >= stop:
        return 32, 1
    if buffer[at + 1] != 117:  # u
        return (buffer[at + 1] if buffer[at + 1] in (34, 47, 92) else 32), 2
    code = _four_hex(buffer, at + 2, stop)
    if code < 0:
        return 32, 2
    if 0xD800 <= code < 0xDC00 and at + 12 <= stop and buffer[at + 6] == 92 and buffer[at + 7] == 117:
        low = _four_hex(buffer, at + 8, stop)
        if 0xDC00 <= low < 0xE000:
            return 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00), 12
    return code, 6


@njit(cache=True)
def character_at(buffer: Any, at: int, stop: int) -> tuple[int, int]:
    """Read one UTF-8 character: (code point, bytes used); a byte that begins none is read as Latin-1."""
    first = int(buffer[at])
    if first < 0x80:
        return first, 1
    size = 2 if 0xC2 <= first < 0xE0 else 3 if 0xE0 <= first < 0xF0 else 4 if 0xF0 <= first < 0xF5 else 0
    if size == 0 or at + size > stop:
        return (first if first >= 0xC0 else 32), 1
    code = first & (0x7F >> size)
    for place in range(at + 1, at + size):
        if buffer[place] & 0xC0 != 0x80:
            return first, 1
        code = (code << 6) | (int(buffer[place]) & 0x3F)
    return code, size


@njit(cache=True, inline="always")
def high(code: int) -> int:
    """Return the letter of a code point past the tables, 0 (separator) or -1 (dropped)."""
    if code < _HIGH_LETTERS:
        return code
    return -1 if 0xE0000 <= code < 0xE0200 else 0


@njit(cache=True, inline="always")
def short(letter: int) -> int:
    """Return a letter in eight bits: ASCII as it is, others by a hash (a filter may confuse two, never miss one)."""
    return letter if letter < 128 else 128 | (((letter * 40503) >> 7) & 127)
