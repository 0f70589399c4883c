"""Readings of a text that is under way: keyed hashes, each begun somewhere, that may still become a listed value.

A reading takes a word as it stands; where the word may mean something else (a digit, a sign, an escape), it is copied,
and the copy takes what is meant. So every mixture of what is said, coded and written is one of the readings, and what
continues nothing listed is dropped after four letters.

A reading waits where a mailbox's tag or a tag of markup begins, and goes on behind it.
"""

from typing import Any, Final

import numpy as np
from numba import njit

from retrieval.hashing import HIDDEN, KEY0, KEY1, SCALARS, WORD, begin, goes_on
from retrieval.skeleton import AND, DROP, NUMBER, ROMAN, TENS, THRICE, TWICE

LIVING: Final = 192
# Four words of hash, how many letters, where it began; how it was read: the lowest bit says otherwise than written, the
# next that it holds flags or letters that nobody sees, then what its last word asks of the next, then how much it
# skipped since its last letter; until when it waits.
_SIZE, START, _HOW, WAIT, READING = 4, 5, 6, 7, 8
LIST: Final = 1 + LIVING * READING
WORDS: Final = SCALARS  # letter | begins << 32 | byte as written << 40, each
PIECES_AT: Final = WORDS + WORD  # what an escape or a word of digits writes
MOST_PIECES: Final = 24
NOW: Final = PIECES_AT + MOST_PIECES
WAS: Final = NOW + LIST
READINGS_END: Final = WAS + LIST
IN_MARKUP: Final = np.uint64(1 << 20)  # below stand the words after which a mailbox's tag is given up
IN_BRACKETS: Final = np.uint64(1 << 21)
_LETTER: Final = np.uint64(0xFFFFFFFF)
_UNIT: Final = 1  # twenty, and now one to nine; TWICE and THRICE ask for a digit too
_SAID_SKIP, _SKIPPED, _ZERO = 8, 24, 111


@njit(cache=True)
def copied(state: Any, old: Any) -> Any:
    """Copy a reading to the end of those that go on; -1 where there is no room."""
    count = np.int64(state[NOW])
    if count >= LIVING:
        return -1
    at = NOW + 1 + count * READING
    for part in range(READING):
        state[at + part] = state[old + part]
    state[NOW] = np.uint64(count + 1)
    return at


@njit(cache=True)
def begun(state: Any, start: Any) -> Any:
    """Begin a reading; -1 where there is no room."""
    count = np.int64(state[NOW])
    if count >= LIVING:
        return -1
    at = NOW + 1 + count * READING
    begin(state, at, state[KEY0], state[KEY1])
    state[at + _SIZE], state[at + START] = np.uint64(0), np.uint64(start)
    state[at + _HOW], state[at + WAIT] = np.uint64(0), np.uint64(0)
    state[NOW] = np.uint64(count + 1)
    return at


@njit(cache=True)
def settled(state: Any, goes: Any) -> None:
    """Forget the last reading if it does not go on, or if there is the same already."""
    last = np.int64(state[NOW]) - 1
    at = NOW + 1 + last * READING
    if goes:
        for each in range(last):
            other = NOW + 1 + each * READING
            same = state[other + START] == state[at + START] and state[other] == state[at]
            same = same and state[other + WAIT] == state[at + WAIT] and state[other + _SIZE] == state[at + _SIZE]
            if same and (state[other + _HOW] ^ state[at + _HOW]) >> np.uint64(2) == 0:
                state[NOW] = np.uint64(last)
                return
    else:
        state[NOW] = np.uint64(last)


@njit(cache=True)
def _drawn(state: Any) -> Any:
    return np.uint64(2) if state[HIDDEN] else np.uint64(0)


@njit(cache=True)
def _asks(state: Any, at: Any) -> Any:
    return np.int64((state[at + _HOW] >> np.uint64(8)) & np.uint64(255))


@njit(cache=True)
def complete(state: Any, at: Any) -> Any:
    """Whether a reading has just taken a letter, asks for nothing and is long enough to be looked up."""
    return state[at + WAIT] == 0 and state[at + _HOW] < np.uint64(4) and state[at + _SIZE] >= 4


@njit(cache=True)
def meant(state: Any, at: Any) -> Any:
    """Whether a reading is otherwise than written: 1 or 0."""
    return np.int64(state[at + _HOW] & np.uint64(1))


@njit(cache=True)
def keep(state: Any) -> None:
    """Put the readings so far aside, for the next word to go on from."""
    size = 1 + np.int64(state[NOW]) * READING
    for each in range(size):
        state[WAS + each] = state[NOW + each]
    state[NOW] = np.uint64(0)


@njit(cache=True)
def _took(state: Any, table: Any, at: Any, first: Any, size: Any) -> Any:
    goes = True
    for place in range(first, size):
        goes = goes and goes_on(state, table, at, state[WORDS + place] & _LETTER)
    return goes


@njit(cache=True)
def stand(state: Any, table: Any, size: Any, start: Any) -> None:
    """Take a word as it stands, and begin where a word or a number begins."""
    for each in range(np.int64(state[WAS])):
        old = WAS + 1 + each * READING
        wait, asks = state[old + WAIT], _asks(state, old)
        if wait == 1 or (asks and (size > 1 or asks == _UNIT)):
            continue
        at = copied(state, old)
        if at < 0:
            break
        if wait:
            if wait < IN_MARKUP:
                state[at + WAIT] = wait - np.uint64(1)
            continue
        state[at + _HOW] = (state[at + _HOW] & np.uint64(3)) | _drawn(state)
        goes = True
        for _ in range(3 if asks == THRICE else 2 if asks == TWICE else 1):
            goes = goes and _took(state, table, at, 0, size)
        if not goes:
            state[NOW] -= np.uint64(1)
        elif state[old + _HOW]:
            settled(state, True)
    for place in range(size):
        if state[WORDS + place] & np.uint64(1 << 32):
            at = begun(state, start)
            if at >= 0:
                state[at + _HOW] = _drawn(state)
                if not _took(state, table, at, place, size):
                    state[NOW] -= np.uint64(1)


@njit(cache=True)
def skip(state: Any, old: Any, by: Any) -> None:
    """Let a copy of a reading pass a word without a letter; not for ever."""
    skipped = (state[old + _HOW] >> np.uint64(16)) + np.uint64(by)
    if skipped <= np.uint64(_SKIPPED):
        at = copied(state, old)
        if at >= 0:
            state[at + _HOW] = (state[old + _HOW] & np.uint64(0xFFFF)) | skipped << np.uint64(16) | np.uint64(1)
            state[at + WAIT] = np.uint64(0)
            settled(state, True)


@njit(cache=True)
def pass_by(state: Any, at: Any) -> None:
    """Let a reading end before the word that it has taken."""
    state[at + _HOW] |= np.uint64(1 << 16)


@njit(cache=True)
def skip_word(state: Any) -> None:
    """Let every reading pass a word of flags or of letters that nobody sees, if it holds none."""
    for each in range(np.int64(state[WAS])):
        old = WAS + 1 + each * READING
        if state[old + WAIT] == 0 and not state[old + _HOW] & np.uint64(2):
            skip(state, old, 1)


@njit(cache=True)
def say(state: Any, table: Any, source: Any, meaning: Any, start: Any) -> None:
    """Let copies of a list's readings take a word for what it is said for; a number begins too."""
    what: Any = np.int64(meaning & np.uint64(127))
    if what < DROP or what > ROMAN:
        return
    if what == ROMAN:
        what = NUMBER
    for each in range(np.int64(state[source])):
        old = source + 1 + each * READING
        asks = _asks(state, old)
        if state[old + WAIT]:
            if what == DROP and state[old + WAIT] < IN_MARKUP:
                skip(state, old, 1)
        elif what in (DROP, AND):
            if (asks == 0) == (what == DROP) and asks < TWICE:
                skip(state, old, _SAID_SKIP)
        elif what in (TWICE, THRICE):
            if asks == 0:
                _ask(state, copied(state, old), what)
        elif asks != _UNIT or (what == NUMBER and (meaning >> np.uint64(8)) & np.uint64(255) == 1):
            _count(state, table, copied(state, old), meaning, 0, max(1, asks))
    if what in (NUMBER, TENS):
        for digit in range(np.int64((meaning >> np.uint64(8)) & np.uint64(255))):
            _count(state, table, begun(state, start), meaning, digit, 1)
    elif what in (TWICE, THRICE):
        _ask(state, begun(state, start), what)


@njit(cache=True)
def _ask(state: Any, at: Any, what: Any) -> None:
    if at >= 0:
        state[at + _HOW] = np.uint64(1 | what << 8)
        settled(state, True)


@njit(cache=True)
def _count(state: Any, table: Any, at: Any, meaning: Any, first: Any, times: Any) -> None:
    """Take digits into the last reading; of twenty, one goes on with a digit and one with a zero."""
    if at < 0:
        return
    goes, tens = True, np.int64(meaning & np.uint64(127)) == TENS
    state[at + _HOW] = np.uint64(1) | (state[at + _HOW] & np.uint64(2)) | _drawn(state)
    for _ in range(times):
        for digit in range(first, np.int64((meaning >> np.uint64(8)) & np.uint64(255))):
            goes = goes and goes_on(state, table, at, (meaning >> np.uint64(16 + 8 * digit)) & np.uint64(255))
    if goes and tens:
        whole = copied(state, at)
        state[at + _HOW] |= np.uint64(_UNIT << 8)
        if whole >= 0:
            settled(state, goes_on(state, table, whole, np.uint64(_ZERO)))
        return
    settled(state, goes)


@njit(cache=True)
def write(state: Any, table: Any, pieces: Any, used: Any, size: Any, start: Any) -> None:
    """Let copies of readings take what an escape writes, and what follows it in its word; begin there, too."""
    for each in range(np.int64(state[WAS])):
        old = WAS + 1 + each * READING
        if state[old + WAIT] or _asks(state, old):
            continue
        if pieces == 0 and used == size:
            skip(state, old, 1)
            continue
        at = copied(state, old)
        if at >= 0:
            settled(state, _wrote(state, table, at, 0, pieces, used, size))
    for first in range(min(pieces, 7)):
        at = begun(state, start)
        if at >= 0:
            settled(state, _wrote(state, table, at, first, pieces, used, size))
    if used < size and not state[WORDS + used] & np.uint64(1 << 32):
        at = begun(state, start + used)
        if at >= 0:
            settled(state, _took(state, table, at, used, size))


@njit(cache=True)
def _wrote(state: Any, table: Any, at: Any, first: Any, pieces: Any, used: Any, size: Any) -> Any:
    state[at + _HOW] = np.uint64(1) | (state[at + _HOW] & np.uint64(2)) | _drawn(state)
    for piece in range(first, pieces):
        if not goes_on(state, table, at, state[PIECES_AT + piece]):
            return False
    return _took(state, table, at, used, size)


@njit(cache=True)
def wait(state: Any, until: Any) -> None:
    """Let a copy of every reading wait here."""
    for each in range(np.int64(state[NOW])):
        old = NOW + 1 + each * READING
        if state[old + WAIT] == 0 or (state[old + WAIT] < IN_MARKUP and until >= IN_MARKUP):
            at = copied(state, old)
            if at >= 0:
                state[at + WAIT] = np.uint64(until)
                settled(state, True)


@njit(cache=True)
def behind_tag(state: Any) -> None:
    """Let what waits for a mailbox's tag go on here, where a sign stands."""
    for each in range(np.int64(state[NOW])):
        old = NOW + 1 + each * READING
        if state[old + WAIT] and state[old + WAIT] < IN_MARKUP:
            skip(state, old, 0)


@njit(cache=True)
def behind(state: Any, what: Any, goes: Any, since: Any) -> None:
    """Let what waits for the end of ``what`` go on, or forget it where it was none.

    Of those that took in what stood there, those stay that began later than ``since`` (all, where that is -1).
    """
    count, kept = np.int64(state[NOW]), 0
    for each in range(count):
        old, new = NOW + 1 + each * READING, NOW + 1 + kept * READING
        waited = state[old + WAIT] == what
        skipped = (state[old + _HOW] >> np.uint64(16)) + np.uint64(1)
        if waited and (not goes or skipped > np.uint64(_SKIPPED)):
            continue
        if state[old + WAIT] == 0 and np.int64(state[old + START]) < since:
            continue
        for part in range(READING):
            state[new + part] = state[old + part]
        if waited:
            state[new + WAIT] = np.uint64(0)
            state[new + _HOW] = (state[new + _HOW] & np.uint64(0xFFFF)) | np.uint64(1) | skipped << np.uint64(16)
        kept += 1
    state[NOW] = np.uint64(kept)
