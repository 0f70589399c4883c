"""Values spelled out: a run of words of one letter or two, read as letters, said digits and signs in any mixture.

«n u l l e i n s ...» and «nu-ll-ei-ns» hide a number in letters that mean nothing alone. When a run ends, each letter
in turn may begin a value: its hash takes either the letter that stands there or the digits of a word that does, as
long as something listed begins so. A mailbox's tag is skipped up to the sign behind it.
"""

from typing import Any, Final

import numpy as np
from numba import njit

from retrieval.hashing import KEY0, KEY1, SIZE, begin, goes_on, meaning_at, note
from retrieval.skeleton import DROP, NUMBER, TENS

SHORT: Final = 2  # letters of a word that may be part of a run
_MOST: Final = 320  # letters and signs of a run; of a longer one the last half is read again with what follows
_FEWEST: Final = 6
_WORD: Final = 12  # letters of a word that is said for a digit or a sign
_STEPS: Final = 600  # readings of one begin that are tried
_DEEP: Final = 48  # readings that wait at once
_MOST_SIGNS: Final = 6  # that are said one behind the other
_TRY: Final = 7  # four words of hash, letters so far, place in the run, signs since the last letter
_LETTERS = (
    2  # how many, where the run begins; then letter or sign, first character, behind the last, whether a word begins
)
_TRIES = _LETTERS + 4 * _MOST
ROOM: Final = _TRIES + _DEEP * _TRY
_SIGN: Final = np.uint64(1 << 40)
_PLUS, _AT, _HASH, _PERCENT = 43, 64, 35, 37


@njit(cache=True)
def take_word(state: Any, folds: Any, table: Any, base: Any, word: Any, start: Any, place: Any, events: Any) -> None:
    """Add a short word to the run: one letter or two from ``word`` on."""
    count = np.int64(state[base])
    if count + SHORT >= _MOST:
        _read(state, folds, table, base, events)
        _keep_half(state, base)
        count = np.int64(state[base])
    if count == 0:
        state[base + 1] = np.uint64(start)
    size = np.int64(state[SIZE])
    for at in range(size):
        here = base + _LETTERS + 4 * (count + at)
        state[here] = state[word + at] & np.uint64(0xFFFFFFFF)
        state[here + 1] = np.uint64(start + at)
        state[here + 2] = np.uint64(place if at + 1 == size else 0)
        state[here + 3] = np.uint64(at == 0)
    state[base] = np.uint64(count + size)


@njit(cache=True)
def take_sign(state: Any, base: Any, code: Any) -> None:
    """Add a sign between words of the run that says how they are read."""
    count = np.int64(state[base])
    if count < _MOST - SHORT:
        here = base + _LETTERS + 4 * count
        state[here], state[here + 1] = _SIGN | np.uint64(code), np.uint64(0)
        state[here + 2], state[here + 3] = np.uint64(0), np.uint64(0)
        state[base] = np.uint64(count + 1)


@njit(cache=True)
def close_run(state: Any, folds: Any, table: Any, base: Any, events: Any) -> None:
    """Read the run and forget it."""
    if state[base] >= _FEWEST:
        _read(state, folds, table, base, events)
    state[base] = np.uint64(0)


@njit(cache=True)
def _keep_half(state: Any, base: Any) -> None:
    kept, count = _MOST // 2, np.int64(state[base])
    moved = count - kept
    for each in range(4 * kept):
        state[base + _LETTERS + each] = state[base + _LETTERS + 4 * moved + each]
    state[base] = np.uint64(kept)
    for each in range(kept):
        if state[base + _LETTERS + 4 * each] < _SIGN:
            state[base + 1] = state[base + _LETTERS + 4 * each + 1]
            break


@njit(cache=True)
def _said(state: Any, folds: Any, base: Any, at: Any, longest: Any) -> Any:
    """Return (letters, meaning) of the shortest word from a letter on that is longer than some, or of none."""
    value, count, size = np.uint64(0xCBF29CE484222325), np.int64(state[base]), 0
    while at + size < count and size < _WORD:
        letter = state[base + _LETTERS + 4 * (at + size)]
        if letter >= _SIGN:
            break
        value = (value ^ letter) * np.uint64(0x100000001B3)
        size += 1
        if size > longest and size > 1:
            meaning = meaning_at(folds, value)
            what = meaning & np.uint64(127)
            if what in (DROP, NUMBER, TENS):
                return size, meaning
    return 0, np.uint64(0)


@njit(cache=True)
def _pushed(state: Any, tries: Any, waiting: Any, place: Any, signs: Any) -> Any:
    """Keep the reading in the first slot for later, as going on at another place; returns how many wait."""
    if waiting >= _DEEP or signs > _MOST_SIGNS:
        return waiting
    to = tries + waiting * _TRY
    for part in range(5):
        state[to + part] = state[tries + part]
    state[to + 5], state[to + 6] = np.uint64(place), np.uint64(signs)
    return waiting + 1


@njit(cache=True)
def _behind_tag(state: Any, folds: Any, base: Any, at: Any) -> Any:
    """Return where the address goes on behind a tag: at its sign, however that is said; 0 where it does not."""
    count = np.int64(state[base])
    for place in range(at + 1, count):
        letter = state[base + _LETTERS + 4 * place]
        if letter >= _SIGN and letter & np.uint64(255) != np.uint64(_PLUS):
            return place
        size, meaning = _said(state, folds, base, place, 0)
        if size and meaning & np.uint64(127) == DROP and letter == np.uint64(97):
            return place
    return 0


@njit(cache=True)
def _read(state: Any, folds: Any, table: Any, base: Any, events: Any) -> None:
    """Read a run from each of its letters on."""
    for first in range(np.int64(state[base])):
        here = base + _LETTERS + 4 * first
        if state[here] < _SIGN and (state[here + 3] or _said(state, folds, base, first, 0)[0]):
            _from(state, folds, table, base, first, events)


@njit(cache=True)
def _from(state: Any, folds: Any, table: Any, base: Any, first: Any, events: Any) -> None:
    """Try readings of one begin, the ones that take words for what they say first."""
    count, tries, waiting = np.int64(state[base]), base + _TRIES, 2
    start = state[base + _LETTERS + 4 * first + 1]
    one = tries + _TRY
    begin(state, one, state[KEY0], state[KEY1])
    state[one + 4], state[one + 5] = np.uint64(0), np.uint64(first)
    state[one + 6] = np.uint64(0)
    for _ in range(_STEPS):
        if waiting <= 1:
            return
        waiting -= 1
        for part in range(_TRY):
            state[tries + part] = state[tries + waiting * _TRY + part]
        at = np.int64(state[tries + 5])
        if at > first and state[tries + 4] >= 4 and state[base + _LETTERS + 4 * (at - 1) + 2]:
            note(state, table, tries, start, state[base + _LETTERS + 4 * (at - 1) + 2], 1, events)
        if at >= count:
            continue
        waiting = _onward(state, folds, table, base, at, tries, waiting)


@njit(cache=True)
def _onward(state: Any, folds: Any, table: Any, base: Any, at: Any, tries: Any, waiting: Any) -> Any:
    """Add every way to go on from a place in the run; returns how many readings wait."""
    letter = state[base + _LETTERS + 4 * at]
    if letter >= _SIGN:
        code = np.int64(letter & np.uint64(255))
        waiting = _pushed(state, tries, waiting, at + (3 if code in (_HASH, _PERCENT) else 1), 0)
        behind = _behind_tag(state, folds, base, at) if code == _PLUS else 0
        return _pushed(state, tries, waiting, behind, 0) if behind else waiting
    longest, signs = 0, np.int64(state[tries + 6])
    for _ in range(3):
        size, meaning = _said(state, folds, base, at, longest)
        if not size:
            break
        longest, kept = size, waiting
        if meaning & np.uint64(127) == DROP and state[tries + 4] == 0:
            continue  # no value begins with a sign
        waiting = _pushed(state, tries, waiting, at + size, signs + 1 if meaning & np.uint64(127) == DROP else 0)
        to = tries + kept * _TRY
        if waiting > kept and meaning & np.uint64(127) != DROP:
            for digit in range(np.int64((meaning >> np.uint64(8)) & np.uint64(255))):
                if not goes_on(state, table, to, (meaning >> np.uint64(16 + 8 * digit)) & np.uint64(255)):
                    waiting = kept
                    break
    kept = waiting
    waiting = _pushed(state, tries, waiting, at + 1, 0)
    if waiting > kept and not goes_on(state, table, tries + kept * _TRY, letter):
        waiting = kept
    return waiting
