"""The loop behind the serving filter: words in, keyed windows looked up, and how much may be said already.

1. Characters become letters (folded, look-alikes joined) and letters become words.
2. Where a word or a number begins, a reading begins: a keyed hash (SipHash-1-3) that takes every further letter. After
   4, 6, 8, ... letters it goes on only if a listed value begins so (a keyed Bloom filter); the others are dropped.
3. Where a word may be meant otherwise (said digits and signs, also cut in pieces; escapes; words in brackets; tags of
   mailboxes and of markup), each reading goes on both ways: ``retrieval.readings``, ``retrieval.escapes``.
4. Where a word ends, each reading is looked up among what is listed.
5. Words of one letter or two in a row may be one value spelled out, its digits and signs said letter by letter:
   ``retrieval.spelling`` reads such a run when it ends.
6. What stands before the first reading, before such a run and before the word that is still growing, may be said.

SipHash: Aumasson and Bernstein 2012, IACR ePrint 2012/351. Blocked Bloom filter: Putze, Sanders and Singler 2007.
"""

from typing import Any

import numpy as np
from numba import njit

from retrieval import spelling
from retrieval.cut import CUTS, CUTS_END, EMPTY, earliest, first_held, spelled_on, take_piece
from retrieval.escapes import escaped, han, opens
from retrieval.hashing import (
    BLOOM,
    BRACKET,
    CHECKPOINTS,
    EVENTS,
    FOUND,
    HALF,
    HIDDEN,
    IN_WORD,
    KEY0,
    KEY1,
    KIND,
    LEAD,
    LONGEST,
    MADE_OF,
    MARKUP,
    NEED,
    OPENED,
    PIECES,
    ROWS,
    RUN,
    SAID,
    SEEN,
    SIZE,
    WORD,
    begin,
    bloom_bits,
    bloom_place,
    finish,
    meaning_at,
    note,
    take,
)
from retrieval.letters import REACH, character_at, high
from retrieval.markup import brackets, in_brackets, markup
from retrieval.readings import (
    NOW,
    READING,
    START,
    WAS,
    WORDS,
    behind_tag,
    complete,
    keep,
    meant,
    say,
    skip_word,
    stand,
    wait,
    write,
)

__all__ = ["CHECKPOINTS", "EVENT", "FOUND", "close", "feed", "fill", "hashes_of", "opened", "sayable"]

_WORD = WORDS
EVENT = CUTS_END
RUNS = EVENT + EVENTS * 4
STATE = RUNS + spelling.ROOM
_TAG_WORDS = 8
_LONGEST_SAID = 16  # letters of a word that is said for a digit or a sign
_LETTER = np.uint64(0xFFFFFFFF)
_LETTERS, _FLAGS, _SMUGGLED = 0, 1, 2  # what a word is made of: flags and smuggled letters may be there to be skipped


@njit(cache=True)
def _otherwise(state: Any, folds: Any, table: Any, size: Any, start: Any, code: Any) -> Any:
    """Take a word as what it escapes, counts in Chinese or hides; returns whether it is nothing but that."""
    lead, used = np.int64(state[LEAD]), -1
    if state[HIDDEN] != _LETTERS:
        skip_word(state)
    if opens(lead) or state[HALF]:
        used = escaped(state, folds, size, lead, code)
    elif state[NEED]:
        state[NEED] = np.uint64(0)
    if used > 0:
        write(state, table, np.int64(state[PIECES]), used, size, start)
        if used < size <= _LONGEST_SAID and state[PIECES] == 0:
            say(state, table, WAS, meaning_at(folds, spelled_on(state, EMPTY, used, size)), start)
    elif state[_WORD + size - 1] & _LETTER >= np.uint64(0x3007) and han(state, size):
        write(state, table, np.int64(state[PIECES]), size, size, start)
    return used == size


@njit(cache=True)
def _word(state: Any, folds: Any, table: Any, place: Any, code: Any) -> None:
    """Take in the word that ends before ``place``, where ``code`` stands."""
    size, start = np.int64(state[SIZE]), np.int64(state[IN_WORD]) - 1
    keep(state)
    stand(state, table, size, start)
    only = _otherwise(state, folds, table, size, start, code)
    meaning = np.uint64(0)
    if size <= _LONGEST_SAID:
        meaning = meaning_at(folds, spelled_on(state, EMPTY, 0, size))
        if meaning & np.uint64(127):
            say(state, table, WAS, meaning, start)
    if not state[RUNS]:
        state[MADE_OF] = state[HIDDEN]
    if state[MARKUP] <= 1 and not (only and size > spelling.SHORT):
        take_piece(state, folds, table, size, start, meaning)
        hidden = state[HIDDEN] != _LETTERS and state[HIDDEN] != state[MADE_OF]
        if size <= spelling.SHORT and not hidden:
            spelling.take_word(state, folds, table, RUNS, _WORD, start, place, EVENT)
        elif state[RUNS] and not hidden:
            spelling.close_run(state, folds, table, RUNS, EVENT)
    for each in range(np.int64(state[NOW])):
        at = NOW + 1 + each * READING
        if complete(state, at):
            note(state, table, at, state[at + START], place, meant(state, at), EVENT)
    state[IN_WORD], state[SIZE] = np.uint64(0), np.uint64(0)


@njit(cache=True)
def _sign(state: Any, folds: Any, table: Any, code: Any, place: Any) -> None:
    """Take in what is no letter."""
    if 0xFF01 <= code <= 0xFF5E:  # the wide form of an ASCII sign
        code -= 0xFEE0
    if state[SIZE]:
        _word(state, folds, table, place, code)
    if state[MARKUP] or code == 60:
        if code == 60:
            state[OPENED] = np.uint64(place)
        markup(state, code)
    if 40 <= code <= 125:
        brackets(state, code)
    coded = code == 64 or code == 35 or code == 37
    if code == 43:
        wait(state, _TAG_WORDS)
    elif coded or code == 38:
        behind_tag(state)
    if state[RUNS] and (coded or code == 43):
        spelling.take_sign(state, RUNS, code)
    lead, blank = np.int64(state[LEAD]), code == 32 or 9 <= code <= 13
    opened = lead == 35 or ((lead == 37 or lead == 38 or lead == 92) and state[KIND] == 0)
    if not (blank and opened):  # "&#6", a line end and "4;" are still one sign
        state[LEAD] = np.uint64(code)
    state[KIND], state[RUN] = np.uint64(0), np.uint64(0)


@njit(cache=True)
def _one(state: Any, value: Any, digit: Any, place: Any, code: Any) -> None:
    """Add one letter to the growing word."""
    if state[SIZE] == 0:
        signed = state[LEAD] == 43 and state[KIND] == 0
        state[IN_WORD] = np.uint64(place + 1 - np.int64(signed))
    run = np.int64(state[RUN]) + 1 if digit else 0
    flag = state[SIZE] == 0 or (digit and run <= 7)
    state[RUN] = np.uint64(run)
    packed = np.uint64(value) | (np.uint64(flag) << np.uint64(32)) | (np.uint64(code & 0x3FFFFF) << np.uint64(40))
    state[_WORD + np.int64(state[SIZE])] = packed
    state[SIZE] += np.uint64(1)
    state[KIND] = np.uint64(1)
    if state[BRACKET] and state[MARKUP] < 2:
        in_brackets(state, digit)


@njit(cache=True)
def _made_of(state: Any, folds: Any, table: Any, code: Any, place: Any) -> None:
    """End the word where letters, flags or letters that nobody sees take turns."""
    hidden = _FLAGS if 0x1F1E6 <= code <= 0x1F1FF else _SMUGGLED if 0xE0021 <= code <= 0xE007E else _LETTERS
    if state[HIDDEN] != hidden:
        if state[SIZE]:
            _word(state, folds, table, place, 0)
        state[HIDDEN] = np.uint64(hidden)


@njit(cache=True)
def feed(chunk: Any, state: Any, folds: Any, table: Any) -> Any:
    """Take in UTF-8 text; returns how many characters, from the first one on, may be said."""
    stop, at = len(chunk), 0
    place = np.int64(state[SEEN])
    pools = (len(folds) - SAID - REACH - 1) // 2
    while at < stop:
        code, used = character_at(chunk, at, stop)
        at += used
        shown = code - 0xE0000 if 0xE0021 <= code <= 0xE007E else code
        reached = shown < REACH
        start, end = (np.int64(folds[SAID + shown]), np.int64(folds[SAID + shown + 1])) if reached else (0, 1)
        for piece in range(start, end):
            value = np.int64(folds[SAID + REACH + 1 + piece]) if reached else high(code)
            if value < 0:
                continue
            if value == 0:
                _sign(state, folds, table, shown, place)
                continue
            plain = np.int64(folds[SAID + REACH + 1 + pools + piece]) if reached else value
            if np.int64(state[SIZE]) == WORD:
                _word(state, folds, table, place, 0)
            if state[MARKUP]:
                markup(state, code)
            if code >= 0x1F1E6 or state[HIDDEN]:
                _made_of(state, folds, table, code, place)
            _one(state, value, 48 <= plain < 58, place, plain)
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
    if state[RUNS]:
        first = min(first, np.int64(state[RUNS + 1]))
    return earliest(state, NOW, first_held(state, first))


@njit(cache=True)
def close(state: Any, folds: Any, table: Any) -> None:
    """End the text: the growing word is whole."""
    if state[SIZE]:
        _word(state, folds, table, np.int64(state[SEEN]), 0)
    if state[RUNS]:
        spelling.close_run(state, folds, table, RUNS, EVENT)
    state[NOW], state[CUTS] = np.uint64(0), np.uint64(0)


def opened(keys: tuple[int, int], bloom: int, rows: int, longest: int) -> Any:
    """Return a fresh state for one text: ``bloom`` words and ``rows`` of a table, its longest value."""
    state = np.zeros(STATE, np.uint64)
    state[KEY0], state[KEY1] = keys
    state[BLOOM], state[ROWS], state[LONGEST] = bloom, rows, longest
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
