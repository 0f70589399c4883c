"""The loop behind the serving filter: words in, keyed windows looked up, and how much may be said already.

1. Characters become letters (folded, look-alikes joined) and letters become words.
2. A word is taken in twice: as it stands, and as it is meant (said digits as digits; "at", "dot", a mailbox tag and
   %-codes as separators).
3. Where a word or a number begins, a keyed hash (SipHash-1-3) begins too and takes every further letter. After 4, 6, 8,
   ... letters it goes on only if a listed value begins so (a keyed Bloom filter); the others are dropped.
4. Where a word ends, each living hash is looked up among the listed ones.
5. Words of one letter or two in a row may be one value spelled out, its digits and signs said letter by letter:
   ``retrieval.spelling`` reads such a run when it ends.
6. What stands before the first living begin, before such a run and before the word that is still growing, may be said.

SipHash: Aumasson and Bernstein 2012, IACR ePrint 2012/351. Blocked Bloom filter: Putze, Sanders and Singler 2007.
"""

from typing import Any

import numpy as np
from numba import njit

from retrieval import spelling
from retrieval.hashing import (
    BEFORE,
    BLOOM,
    CHECKPOINTS,
    EVENTS,
    FOUND,
    IN_WORD,
    KEY0,
    KEY1,
    KIND,
    LEAD,
    LONGEST,
    ROWS,
    RUN,
    SCALARS,
    SEEN,
    SIZE,
    SPOKEN,
    TAGGED,
    TIMES,
    WORD,
    ZERO,
    begin,
    bloom_bits,
    bloom_place,
    finish,
    listed,
    meaning_at,
    note,
    stops_at,
    take,
)
from retrieval.letters import REACH, character_at, high
from retrieval.skeleton import AND, DROP, NUMBER, TENS, THRICE, TWICE

__all__ = ["CHECKPOINTS", "EVENT", "FOUND", "close", "feed", "fill", "hashes_of", "opened", "sayable"]

LANES, LIVING = 2, 48
_WORD = SCALARS  # letter | flag << 32, each
_LANE = SPOKEN + 2048
_BEGIN = 6  # four words of hash, letters so far, place
_LANE_SIZE = 1 + LIVING * _BEGIN
EVENT = _LANE + LANES * _LANE_SIZE
RUNS = EVENT + EVENTS * 4
_TAG = RUNS + spelling.ROOM  # words until it is forgotten, then a lane as it was before a mailbox's tag
STATE = _TAG + 1 + _LANE_SIZE
_TAG_WORDS = 8


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
        if size >= np.int64(state[LONGEST]):
            continue
        if stops_at(size) and not listed(finish(state, old, 1), state, table):
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
        note(state, table, at, state[at + 5], place, lane, EVENT)


@njit(cache=True)
def _meaning(state: Any, size: Any) -> Any:
    """Return what a word is said for, or 0."""
    value = np.uint64(0xCBF29CE484222325)
    for place in range(size):
        letter = state[_WORD + place] & np.uint64(0xFFFFFFFF)
        value = (value ^ letter) * np.uint64(0x100000001B3)
    return meaning_at(state, value)


@njit(cache=True)
def _before_tag(state: Any) -> None:
    """Remember what was living before a mailbox's tag: the address goes on behind the tag's end."""
    lane = _LANE + _LANE_SIZE
    size = np.int64(state[lane])
    if size:
        state[_TAG] = np.uint64(_TAG_WORDS)
        for each in range(1 + size * _BEGIN):
            state[_TAG + 1 + each] = state[lane + each]


@njit(cache=True)
def _behind_tag(state: Any) -> None:
    """Let what was living before a tag go on here, where a sign is said or stands."""
    lane = _LANE + _LANE_SIZE
    for each in range(np.int64(state[_TAG + 1])):
        old, alive = _TAG + 2 + each * _BEGIN, np.int64(state[lane])
        known = alive == LIVING
        for other in range(alive):
            at = lane + 1 + other * _BEGIN
            known |= state[at + 5] == state[old + 5] and state[at + 4] == state[old + 4]
        if not known:
            for part in range(_BEGIN):
                state[lane + 1 + alive * _BEGIN + part] = state[old + part]
            state[lane] = np.uint64(alive + 1)


@njit(cache=True)
def _word(state: Any, table: Any, place: Any) -> None:
    """Take in the word that ends before ``place``."""
    size, start = np.int64(state[SIZE]), np.int64(state[IN_WORD]) - 1
    if state[_TAG]:
        state[_TAG] -= np.uint64(1)
    for at in range(size):
        packed = state[_WORD + at]
        flag = bool(packed >> np.uint64(32) & np.uint64(1))
        _letter(state, table, 0, packed & np.uint64(0xFFFFFFFF), start, flag)
    _end(state, table, 0, place)
    _meant(state, table, size, start, place)
    if size <= spelling.SHORT:
        spelling.take_word(state, table, RUNS, _WORD, start, place, EVENT)
    elif state[RUNS]:
        spelling.close_run(state, table, RUNS, EVENT)
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
    if what == DROP:
        if state[_TAG]:
            _behind_tag(state)
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
                if code == 43 and state[BEFORE]:
                    _before_tag(state)
                elif state[_TAG] and (code == 64 or code == 35 or code == 37):
                    _behind_tag(state)
                if state[RUNS] and (code == 43 or code == 64 or code == 35 or code == 37):
                    spelling.take_sign(state, RUNS, code)
                if code != 10 or (state[LEAD] != 35 and (state[LEAD] != 37 or state[KIND])):
                    state[LEAD] = np.uint64(code)  # "&#6", a line end and "4;" are still one sign
                state[KIND], state[RUN] = np.uint64(0), np.uint64(0)
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
    if state[RUNS]:
        first = min(first, np.int64(state[RUNS + 1]))
    if state[_TAG]:
        for each in range(np.int64(state[_TAG + 1])):
            first = min(first, np.int64(state[_TAG + 2 + each * _BEGIN + 5]))
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
    if state[RUNS]:
        spelling.close_run(state, table, RUNS, EVENT)
    for lane in range(LANES):
        state[_LANE + lane * _LANE_SIZE] = np.uint64(0)


def opened(keys: tuple[int, int], bloom: int, rows: int, longest: int, said: Any) -> Any:
    """Return a fresh state for one text: ``bloom`` words and ``rows`` of a table, its longest value."""
    state = np.zeros(STATE, np.uint64)
    state[KEY0], state[KEY1] = keys
    state[BLOOM], state[ROWS], state[LONGEST] = bloom, rows, longest
    state[SPOKEN : SPOKEN + 2048] = said
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
