"""The loop over squeezed letters, sixty-four bytes a step: for any number of people, where too many begin for a look.

What it reports is what ``retrieval.prefilter`` reports letter by letter: plain ASCII is packed by the processor,
everything else is read by ``retrieval.squeezing``. The letters behind each begin are looked up in three maps: the
first ones of every form, the first eight, the first twelve; what passes all is compared exactly.
"""

from typing import Any, Final

import numpy as np
from numba import njit

from retrieval.lanes import WORD, bits_of, borrowed, eight_at, first_bit, held, picked
from retrieval.marks import known_by_sixteen, marked
from retrieval.packing import letters_at, pack
from retrieval.reporting import report
from retrieval.squeezing import AHEAD, PLACE, plainly, slowly

_PIECE: Final = 16_384  # bytes squeezed at a time: they stay in the nearest cache
_ROOM: Final = 7 * _PIECE + 256


@njit(cache=True, nogil=True, boundscheck=False, forceinline=True)
def _packed(block: Any, at: Any, until: Any, json: Any, reading: Any, folds: Any, room: Any) -> Any:
    """Squeeze to ``until`` as far as 64 bytes can be read at once; returns where it stopped."""
    classes, starts, pool = reading[0], folds[0], folds[1]
    squeezed, begins, state, _ = room
    length, count = np.uint64(state[0]), np.uint64(state[1])
    letter, digit = np.uint64(state[2] == 1), np.uint64(state[2] == 2)
    one, twenty = np.uint64(1), np.uint64(20)
    slashed = ~np.uint64(0) if json else np.uint64(0)
    stop = min(until, len(block) - WORD)
    while at < stop:
        a, d, h, b = letters_at(block, at)
        special = h | (b & slashed)
        plain: Any = np.uint64(64)
        if special:
            plain = first_bit(special)
            keep = (one << plain) - one
            a &= keep
            d &= keep
        both = a | d
        begun = (d & ~((d << one) | digit)) | (a & ~((both << one) | letter | digit))
        pack(block, at, both, squeezed, length)
        places = picked(begun, both)
        last = np.uint64(at) << twenty
        while begun:
            begins[count] = (last + (first_bit(begun) << twenty)) | (length + first_bit(places))
            count += one
            begun &= begun - one
            places &= places - one
        length += bits_of(both)
        at += np.int64(plain)
        if special:
            if plain:
                letter, digit = (a >> (plain - one)) & one, (d >> (plain - one)) & one
            state[0], state[1], state[2] = length, count, letter + digit + digit
            run = first_bit(~(special >> plain) | (one << np.uint64(63)))
            at = slowly(block, at, at + np.int64(run), classes, starts, pool, squeezed, begins, state)
            length, count = np.uint64(state[0]), np.uint64(state[1])
            letter, digit = np.uint64(state[2] == 1), np.uint64(state[2] == 2)
        else:
            letter, digit = a >> np.uint64(63), d >> np.uint64(63)
    state[0], state[1], state[2] = length, count, letter + digit + digit
    return at


@njit(cache=True, nogil=True, boundscheck=False, forceinline=True)
def _looked(block: Any, room: Any, upto: Any, front: Any, maps: Any, table: Any, out: Any, found: Any) -> Any:
    """Look up the letters after each begin: first of all, then of those that pass, so that few branches go wrong."""
    squeezed, begins, state, passed = room
    width, marks, shift = front
    head, eight, first, second = ~np.uint64(0) >> np.uint64(64 - 8 * width), np.uint64(8), np.uint64(0), np.uint64(0)
    for index in range(upto):
        word = eight_at(squeezed, begins[np.uint64(index)] & PLACE)
        passed[first] = index
        first += np.uint64(marked(marks, shift, word & head))
    for number in range(first):
        place = begins[np.uint64(passed[number])] & PLACE
        passed[second] = passed[number]
        second += np.uint64(known_by_sixteen(maps, eight_at(squeezed, place), eight_at(squeezed, place + eight)))
    for number in range(second):
        word = eight_at(squeezed, begins[np.uint64(passed[number])] & PLACE)
        found = report(block, squeezed, begins, passed[number], state[1], word, table, out, found)
    return found


@njit(cache=True, nogil=True, boundscheck=False)
def scan(block: Any, json: Any, reading: Any, folds: Any, front: Any, maps: Any, table: Any, out: Any) -> Any:
    """Report every form that begins in a block: how many; those that fit are written."""
    squeezed_, begins_, state_ = np.zeros(_ROOM, np.uint8), np.empty(_ROOM, np.uint64), np.zeros(3, np.int64)
    passed_ = np.empty(_ROOM, np.int64)
    room = borrowed(squeezed_), borrowed(begins_), borrowed(state_), borrowed(passed_)
    squeezed, begins, state, _ = room
    lent, first = borrowed(block), (front[0], borrowed(front[1]), front[2])
    seen = borrowed(maps[0]), borrowed(maps[1]), borrowed(maps[2]), borrowed(maps[3]), maps[4], maps[5], maps[6]
    read, fold = (borrowed(reading[0]), borrowed(reading[1]), reading[2]), (borrowed(folds[0]), borrowed(folds[1]))
    known = (
        borrowed(table[0]), borrowed(table[1]), borrowed(table[2]), borrowed(table[3]), borrowed(table[4]),
        borrowed(table[5]), borrowed(table[6]), borrowed(table[7]), borrowed(table[8]),
    )  # fmt: skip
    stop: Any = len(block)
    at: Any = 0
    found: Any = 0
    while at < stop:
        until = min(stop, at + _PIECE)
        at = _packed(lent, at, until, json, read, fold, room)
        while at < until:
            at = plainly(lent, at, until, read[1], read[2], squeezed, begins, state)
            if at < until:
                at = slowly(lent, at, min(until, at + 8), read[0], fold[0], fold[1], squeezed, begins, state)
        length, count = state[0], state[1]
        squeezed[length : length + AHEAD] = 0
        settled = count
        if at < stop:
            while settled > 0 and np.int64(begins[settled - 1] & PLACE) + AHEAD > length:
                settled -= 1
        found = _looked(lent, room, settled, first, seen, known, out, found)
        moved = max(0, length - AHEAD)
        for place in range(length - moved):
            squeezed[place] = squeezed[moved + place]
        for index in range(settled, count):
            begins[index - settled] = begins[index] - np.uint64(moved)
        state[0], state[1] = length - moved, count - settled
    held(squeezed_)
    held(begins_)
    held(state_)
    held(passed_)
    return found
