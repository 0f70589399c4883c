"""What readings may pass: tags of markup, and signs in brackets («[at]» in any language).

A copy of every reading waits where one opens, and goes on behind its end. What only looks like one is none: the copies
are forgotten, and the readings that took it as it stands go on.
"""

from typing import Any, Final

import numpy as np
from numba import njit

from retrieval.hashing import BRACKET, MARKED, MARKUP, OPENED
from retrieval.readings import IN_BRACKETS, IN_MARKUP, behind, wait

_LONGEST_TAG: Final = 256
_LONGEST_SIGN: Final = 16  # letters in brackets


@njit(cache=True)
def markup(state: Any, code: Any) -> None:
    """Follow a tag of markup: its name, then up to 256 characters to its end; anything else is no tag."""
    inside = np.int64(state[MARKUP])
    state[MARKED] += np.uint64(1)
    named = 97 <= (code | 32) <= 122 or code == 47
    if code == 60:
        if inside > 1:
            behind(state, IN_MARKUP, False, -1)
        state[MARKUP], state[MARKED] = np.uint64(1), np.uint64(0)
    elif inside == 1:
        state[MARKUP] = np.uint64(2 if named else 3 if code == 33 or code == 63 else 0)
        if state[MARKUP]:
            wait(state, IN_MARKUP)
    elif code == 62:
        behind(state, IN_MARKUP, True, np.int64(state[OPENED]))
        state[MARKUP] = np.uint64(0)
    elif inside == 2 and not (named or 48 <= code < 58 or code == 45 or code == 58):
        state[MARKUP] = np.uint64(3 if code == 32 or 9 <= code <= 13 else 0)
        if state[MARKUP] == 0:
            behind(state, IN_MARKUP, False, -1)
    elif state[MARKED] > _LONGEST_TAG:
        behind(state, IN_MARKUP, False, -1)
        state[MARKUP] = np.uint64(0)


@njit(cache=True)
def brackets(state: Any, code: Any) -> None:
    """Let readings pass what stands in brackets, if it may be a sign in some language: a few letters, no figures."""
    if code == 40 or code == 91 or code == 123:
        behind(state, IN_BRACKETS, False, -1)
        wait(state, IN_BRACKETS)
        state[BRACKET] = np.uint64(1)
    elif code == 41 or code == 93 or code == 125:
        behind(state, IN_BRACKETS, 2 < state[BRACKET] <= _LONGEST_SIGN, -1)
        state[BRACKET] = np.uint64(0)


@njit(cache=True)
def in_brackets(state: Any, digit: Any) -> None:
    """Count a letter in brackets; figures in them are no sign."""
    state[BRACKET] += np.uint64(100 if digit else 1)
    if state[BRACKET] > _LONGEST_SIGN:
        behind(state, IN_BRACKETS, False, -1)
        state[BRACKET] = np.uint64(0)
