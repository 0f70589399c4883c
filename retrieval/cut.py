"""Said words that are cut: «arr», a line end, «oba»; and what their pieces say together.

A word that may begin one that is said for a digit or a sign is remembered with the readings before it. The next word
goes on with it: where both are one that is said, those readings take what it says.
"""

from typing import Any, Final

import numpy as np
from numba import njit

from retrieval.hashing import HIDDEN, meaning_at
from retrieval.readings import NOW, READING, READINGS_END, START, WAS, WORDS, pass_by, say
from retrieval.skeleton import PREFIX

# Of each: its letters so far (a hash), where the first began, what they say already, and the readings before it.
_CUT, _MOST_CUT, _CUT_READINGS = READINGS_END + 1, 4, 24
_CUT_SIZE: Final = 3 + 1 + _CUT_READINGS * READING
CUTS: Final = READINGS_END
CUTS_END: Final = _CUT + _MOST_CUT * _CUT_SIZE
EMPTY: Final = np.uint64(0xCBF29CE484222325)
_LETTER: Final = np.uint64(0xFFFFFFFF)


@njit(cache=True)
def spelled_on(state: Any, value: Any, first: Any, size: Any) -> Any:
    """Go on with FNV-1a over the letters of the word, from one on."""
    for place in range(first, size):
        value = (value ^ (state[WORDS + place] & _LETTER)) * np.uint64(0x100000001B3)
    return value


@njit(cache=True)
def take_piece(state: Any, folds: Any, table: Any, size: Any, start: Any, meaning: Any) -> None:
    """Take the words in whose pieces this one may be for what they say; remember it where it may begin one."""
    kept, same = 0, ~np.uint64(PREFIX)
    for each in range(np.int64(state[READINGS_END])):
        old, new = _CUT + each * _CUT_SIZE, _CUT + kept * _CUT_SIZE
        value = spelled_on(state, state[old], 0, size)
        whole = meaning_at(folds, value)
        before = np.int64(state[NOW])
        say(state, table, old + 3, whole, np.int64(state[old + 1]))
        if whole & same == state[old + 2]:  # «um a» says no more than «um», and a value ends before it
            for other in range(before, np.int64(state[NOW])):
                pass_by(state, NOW + 1 + other * READING)
        if whole & np.uint64(PREFIX) or state[HIDDEN]:  # a flag may be part of a word, or stand in it
            for part in range(1, 4 + np.int64(state[old + 3]) * READING):
                state[new + part] = state[old + part]
            state[new] = value if whole & np.uint64(PREFIX) else state[old]
            state[new + 2] = max(state[new + 2], whole & same)
            kept += 1
    if meaning & np.uint64(PREFIX) and kept < _MOST_CUT:
        count: Any = min(np.int64(state[WAS]), _CUT_READINGS)
        new = _CUT + kept * _CUT_SIZE
        state[new] = spelled_on(state, EMPTY, 0, size)
        state[new + 1], state[new + 2], state[new + 3] = np.uint64(start), meaning & same, np.uint64(count)
        for part in range(count * READING):
            state[new + 4 + part] = state[WAS + 1 + part]
        kept += 1
    state[READINGS_END] = np.uint64(kept)


@njit(cache=True)
def first_held(state: Any, first: Any) -> Any:
    """Return the earliest place that a cut word, or a reading before one, needs."""
    for each in range(np.int64(state[READINGS_END])):
        cut = _CUT + each * _CUT_SIZE
        first = min(earliest(state, cut + 3, first), np.int64(state[cut + 1]))
    return first


@njit(cache=True)
def earliest(state: Any, base: Any, first: Any) -> Any:
    """Return the earliest place at which one of a list's readings began."""
    for each in range(np.int64(state[base])):
        first = min(first, np.int64(state[base + 1 + each * READING + START]))
    return first
