r"""What an escape writes, word by word: ``%40``, ``=40``, ``&#64;``, ``&eacute;``, ``\u0040``, ``\x40``, ``\n``.

A word behind a sign that opens an escape is one, or begins with one; several may make one character (bytes of UTF-8,
halves of a surrogate pair, what a line end cuts). An escape of a sign writes nothing: signs are no letters.
"""

from typing import Any, Final

import numpy as np
from numba import njit

from retrieval.hashing import BRACE, CODE, HALF, NEED, PIECES, SAID, meaning_at
from retrieval.letters import REACH, high
from retrieval.readings import MOST_PIECES, PIECES_AT, WORDS
from retrieval.skeleton import ACCENT, HAN

_HAN_CODES: Final = np.array(list(HAN), np.uint64)
_HAN_LETTERS: Final = np.array(list(HAN.values()), np.uint64)
_HASH, _PERCENT, _AMPERSAND, _SEMICOLON, _EQUALS, _BACKSLASH, _BRACE = 35, 37, 38, 59, 61, 92, 123
_DECIMAL, _SURROGATE = 200, 100  # what is missing of a character; below, how many bytes


@njit(cache=True, inline="always")
def opens(lead: Any) -> Any:
    """Whether a sign opens an escape."""
    return lead in (_HASH, _PERCENT, _AMPERSAND, _BACKSLASH, _EQUALS, _SEMICOLON, _BRACE)


@njit(cache=True, inline="always")
def _raw(state: Any, place: Any) -> Any:
    return np.int64(state[WORDS + place] >> np.uint64(40))


@njit(cache=True)
def _digit(state: Any, place: Any, base: Any) -> Any:
    code = _raw(state, place)
    value = code - 48 if 48 <= code < 58 else (code | 32) - 87 if 97 <= (code | 32) <= 102 else 99
    return value if value < base else -1


@njit(cache=True)
def _value(state: Any, first: Any, most: Any, base: Any) -> Any:
    """Read digits: (their value, behind the last); the value is -1 where there is none."""
    value, at = 0, first
    while at < most and _digit(state, at, base) >= 0:
        value = min(value * base + _digit(state, at, base), 1 << 22)
        at += 1
    return (value if at > first else -1), at


@njit(cache=True)
def _piece(state: Any, letter: Any) -> None:
    count = np.int64(state[PIECES])
    if count < MOST_PIECES:
        state[PIECES_AT + count] = np.uint64(letter)
        state[PIECES] = np.uint64(count + 1)


@njit(cache=True)
def _character(state: Any, folds: Any, code: Any) -> None:
    """Write the letters of a character, of which a sign has none."""
    state[NEED] = np.uint64(0)
    if code < REACH:
        for piece in range(np.int64(folds[SAID + code]), np.int64(folds[SAID + code + 1])):
            letter = np.int64(folds[SAID + REACH + 1 + piece])
            if letter:
                _piece(state, letter)
    elif high(code) > 0:
        _piece(state, code)


@njit(cache=True)
def _byte(state: Any, folds: Any, value: Any) -> None:
    """Take a byte of a character in UTF-8."""
    need = np.int64(state[NEED])
    if value < 0x80:
        _character(state, folds, value)
    elif value < 0xC0:
        code = np.int64(state[CODE]) << 6 | (value & 63)
        state[CODE], state[NEED] = np.uint64(code), np.uint64(need - 1 if need else 0)
        if need == 1:
            _character(state, folds, code)
    else:
        size = 1 if value < 0xE0 else 2 if value < 0xF0 else 3
        state[CODE], state[NEED] = np.uint64(value & (0x3F >> size)), np.uint64(size)


@njit(cache=True)
def _hexadecimal(state: Any, folds: Any, first: Any, size: Any) -> Any:
    """Read two digits, and what they escape in turn («%2540»); half of them may stand in the next word."""
    while first < size:
        value, behind = _value(state, first, min(first + 2, size), 16)
        if value < 0:
            break
        if behind < first + 2:
            if behind == size:
                state[HALF] = np.uint64(value + 1)
                return behind
            break
        first = behind
        if value != _PERCENT:
            _byte(state, folds, value)
            return first
    return first


@njit(cache=True)
def _backslash(state: Any, folds: Any, size: Any, code: Any) -> Any:
    kind = _raw(state, 0)
    if kind == 117 or kind == 85:  # u, U
        value, behind = _value(state, 1, min(size, 5 if kind == 117 else 9), 16)
        if behind != (5 if kind == 117 else 9):
            state[BRACE] = np.uint64(size == 1 and code == _BRACE)
            return 1 if size == 1 and code == _BRACE else -1
        if 0xD800 <= value < 0xDC00:
            state[CODE], state[NEED] = np.uint64(value - 0xD800), np.uint64(_SURROGATE)
        elif 0xDC00 <= value < 0xE000:
            if state[NEED] == _SURROGATE:
                _character(state, folds, 0x10000 + (np.int64(state[CODE]) << 10) + value - 0xDC00)
        else:
            _character(state, folds, value)
        return behind
    if kind == 120:  # x
        return _hexadecimal(state, folds, 1, size) if size > 2 else -1
    value, behind = _value(state, 0, min(size, 3), 8)
    if behind > 1:
        _character(state, folds, value)
        return behind
    return 1 if kind in (48, 98, 102, 110, 114, 116, 118) else -1  # 0 b f n r t v


@njit(cache=True)
def _number(state: Any, folds: Any, size: Any, code: Any) -> Any:
    """Read the number behind «&#», which a line end may have cut."""
    hexadecimal = _raw(state, 0) | 32 == 120
    value, behind = _value(state, 1, size, 16) if hexadecimal else _value(state, 0, size, 10)
    if value < 0:
        return -1
    if state[NEED] == _DECIMAL and not hexadecimal:
        value += np.int64(state[CODE]) * 10**behind if behind < 7 else 0
    if behind == size and code != _SEMICOLON:
        state[CODE], state[NEED] = np.uint64(min(value, 1 << 22)), np.uint64(_DECIMAL)
    else:
        _character(state, folds, value)
    return behind


@njit(cache=True)
def _named(state: Any, folds: Any, size: Any) -> Any:
    value = np.uint64(0xCBF29CE484222325)
    for place in range(1, size):
        value = (value ^ (state[WORDS + place] & np.uint64(0xFFFFFFFF))) * np.uint64(0x100000001B3)
    if size > 3 and meaning_at(folds, value) & np.uint64(127) == ACCENT:
        _piece(state, state[WORDS] & np.uint64(0xFFFFFFFF))
    return size


@njit(cache=True)
def escaped(state: Any, folds: Any, size: Any, lead: Any, code: Any) -> Any:
    """Read a word behind ``lead`` and before ``code`` as an escape: how many of its letters are one; -1 for none."""
    state[PIECES] = np.uint64(0)
    half, brace = np.int64(state[HALF]), state[BRACE]
    state[HALF], state[BRACE] = np.uint64(0), np.uint64(0)
    if half and _digit(state, 0, 16) >= 0:
        _byte(state, folds, (half - 1) * 16 + _digit(state, 0, 16))
        return 1
    used: Any = -1
    if lead in (_PERCENT, _EQUALS):
        used = _hexadecimal(state, folds, 0, size)
    elif lead == _BACKSLASH:
        used = _backslash(state, folds, size, code)
    elif lead == _HASH:
        used = _number(state, folds, size, code)
    elif lead in (_AMPERSAND, _SEMICOLON) and code == _SEMICOLON and size > 1:
        used = _named(state, folds, size)
    elif lead == _BRACE and brace:
        value, used = _value(state, 0, size, 16)
        if value >= 0:
            _character(state, folds, value)
    if used <= 0:
        state[NEED] = np.uint64(0)
    return used if used > 0 else -1


@njit(cache=True)
def han(state: Any, size: Any) -> Any:
    """Read a word with Chinese digits: whether there is one in it."""
    state[PIECES], found = np.uint64(0), False
    for place in range(min(size, MOST_PIECES)):
        letter = state[WORDS + place] & np.uint64(0xFFFFFFFF)
        for each in range(len(_HAN_CODES)):
            if _HAN_CODES[each] == letter:
                letter, found = _HAN_LETTERS[each], True
        _piece(state, letter)
    return found and size <= MOST_PIECES
