"""A first look at raw bytes, sixty-four at a time, that lays no letters side by side where nobody can be.

1. Masks say where words and numbers begin in plain ASCII; behind a character that is none, and behind where an escape
   may end (2, 6 or 12 bytes after a backslash), everything may be a begin; lead bytes and backslashes may be one.
2. A begin counts only when its first four bytes are a form's first letters, as far as they are letters.
3. The letters in the eight bytes from a begin (case folded, separators left out) are looked up in a map of the first
   one to four letters of every form; where fewer are plain, characters are decoded one by one, each letter looked up.
4. What passes is squeezed from there, and reported as ``retrieval.prefilter`` reports it.

What is reported holds all that the loop over squeezed letters reports. Where too much passes (other alphabets), the
look gives up before it costs more than that loop.
"""

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from numba import njit

from retrieval.lanes import (
    DIGIT,
    TABLES,
    WORD,
    bits_of,
    borrowed,
    copy,
    eight_at,
    first_bit,
    held,
    kinds_at,
    picked,
    spread,
)
from retrieval.letters import Bytes, character_at, escape_at, high, short
from retrieval.marks import LONG, PREFIX, known_as, marked
from retrieval.reporting import lengths_of, report
from retrieval.squeezing import AHEAD, PLACE, plainly, slowly

_PIECE: Final = 256 * WORD
_BEFORE: Final = 2 * WORD  # of a piece's copy: one word of what stands before, behind one that is never read
_NEAR: Final = 1 << 16  # bytes back in which a line is expected to begin
_FAR: Final = 256  # bytes decoded for four letters; then they are squeezed
_PATIENCE: Final = 4_096  # bytes looked at one by one before a piece of every four counts as too many


def byte_tables(firsts: Iterable[Any]) -> Bytes:
    """Spread the forms' first four letters over eight buckets, each a bit; halves of bytes say which buckets fit."""
    tables = np.zeros((TABLES, 16), np.uint8)
    for low, upper, bit in ((range(10), (3,), DIGIT), (range(1, 16), (4, 6), 2), (range(11), (5, 7), 4)):
        tables[0, list(low)] |= bit
        tables[1, list(upper)] |= bit
    by_letters = sorted(int(first).to_bytes(4, "little") for first in firsts)
    for number, three in enumerate(by_letters):
        bucket = np.uint8(1 << (number * 8 // len(by_letters)))
        for place, letter in enumerate(three):
            for byte in {letter, ord(chr(letter).upper())} if letter < 128 else ():
                tables[2 + 2 * place, byte & 15] |= bucket
                tables[3 + 2 * place, byte >> 4] |= bucket
    return np.ascontiguousarray(np.tile(tables, (1, WORD // 16)).reshape(-1))


@njit(cache=True, nogil=True, boundscheck=False, forceinline=True)
def _after(mask: Any, before: Any, count: int) -> Any:
    """Move a mask to ``count`` bytes later, out of the word before."""
    return (mask << np.uint64(count)) | (before >> np.uint64(64 - count))


@njit(cache=True, nogil=True, boundscheck=False)
def _mark(piece: Any, words: Any, tables: Any, json: Any, wanted: Any, plain: Any, special: Any) -> Any:
    """Write, for each word of a piece: where a form may begin (three bytes later), what is plain, what is special."""
    none = np.uint64(0)
    letters_, digits, others, slashes, begun, opened = none, none, none, none, none, none
    count = none
    for word in range(1, words):
        a, d, h, lead, b, c3, one, pair, three, four = kinds_at(piece, np.uint64(word * 64), tables)
        if not json:
            b = none
        both, earlier = a | d, letters_ | digits
        behind = _after(h, others, 1) | _after(b, slashes, 2) | _after(b, slashes, 6) | _after(b, slashes, 12)
        begins = (d & ~_after(d, digits, 1)) | (a & ~_after(both, earlier, 1)) | (both & behind)
        opens = (lead & ~(c3 & _after(a, letters_, 1) & ~behind)) | b
        fits = four | (one & ~_after(both, earlier, 2)) | (pair & ~_after(both, earlier, 1)) | (three & ~both)
        chosen = (_after(begins, begun, 3) & fits) | _after(opens, opened, 3)
        wanted[word], plain[word], special[word] = chosen, both, h | b
        count += bits_of(chosen)
        letters_, digits, others, slashes, begun, opened = a, d, h, b, begins, opens
    return count


@njit(cache=True, nogil=True, boundscheck=False, forceinline=True)
def _from(masks: Any, at: Any) -> Any:
    """Return the bits from one byte on, out of two words."""
    word, bit = at >> np.uint64(6), at & np.uint64(63)
    following = (masks[word + np.uint64(1)] << np.uint64(1)) << (np.uint64(63) - bit)
    return (masks[word] >> bit) | following


@njit(cache=True, nogil=True, boundscheck=False, forceinline=True)
def _plain_letters(piece: Any, at: Any, plain: Any, special: Any) -> Any:
    """Return (letters, how many) of eight bytes: folded, first one lowest, up to the first that is no ASCII."""
    stops = _from(special, at)
    there = _from(plain, at) & ((stops & (~stops + np.uint64(1))) - np.uint64(1)) & np.uint64(255)
    lanes = spread(there, np.uint64(0x0101010101010101)) * np.uint64(255)
    return picked(eight_at(piece, at) | np.uint64(0x2020202020202020), lanes), bits_of(there)


@njit(cache=True, nogil=True, boundscheck=False)
def _goes_on(block: Any, at: Any) -> Any:
    """Whether the escape at ``at`` is an accented letter behind a plain one: no word begins there. Else do not know."""
    if at < 13 or at + 6 > len(block) or block[at + 1] != 117 or block[at + 2] != 48 or block[at + 3] != 48:
        return False
    if not (99 <= (block[at + 4] | 32) <= 102 and 97 <= (block[at - 1] | 32) <= 122):
        return False
    near = 0
    for place in range(at - 12, at):
        near += int(block[place] == 92)
    return near == 0


@njit(cache=True, nogil=True, boundscheck=False, forceinline=True)
def _more_letters(piece: Any, at: Any, plain: Any, special: Any, first: Any, count: Any) -> Any:
    """Go on to sixteen letters, through thirty-two plain bytes at most: (eight, eight, how many)."""
    second, eight, full = np.uint64(0), np.uint64(8), np.uint64(16)
    for _ in range(3):
        if count >= np.uint64(LONG) or _from(special, at) & np.uint64(255):
            break
        at += eight
        more, added = _plain_letters(piece, at, plain, special)
        if count < eight:
            first |= more << (eight * count)
            if count + added > eight:
                second = more >> (eight * (eight - count))
        else:
            second |= more << (eight * (count - eight))
        count = min(full, count + added)
    return first, second, count


@njit(cache=True, nogil=True, boundscheck=False, forceinline=True)
def spelled(block: Any, at: Any, classes: Any, starts_: Any, pool: Any, maps: Any) -> Any:
    """Decode characters from a begin on: (whether the first letters may be a form's, where that was known)."""
    stop = min(len(block), at + _FAR)
    marks, shift = maps[0], maps[4]
    known, word, second = np.uint64(0), np.uint64(0), np.uint64(0)
    while at < stop:
        code: Any = np.int64(block[at])
        used: Any = 1
        if classes[block[at]] == 255:
            code, used = escape_at(block, at, len(block)) if code == 92 else character_at(block, at, len(block))
        listed = code < len(starts_) - 1
        from_: Any = starts_[code] if listed else 0
        to: Any = starts_[code + 1] if listed else 1
        for place in range(from_, to):
            value: Any = np.int64(pool[place]) if listed else high(code)
            if value == 0 and to > from_ + 1:
                return True, at  # words within one character: any may begin
            if value > 0 and known < np.uint64(16):
                letter = np.uint64(short(value)) << (np.uint64(8) * (known & np.uint64(7)))
                if known < np.uint64(8):
                    word |= letter
                else:
                    second |= letter
                known += np.uint64(1)
                if known <= np.uint64(PREFIX) and not marked(marks, shift, word):
                    return False, at
        if known == np.uint64(0):
            return False, at  # what stands here is no letter: none begins
        if known >= np.uint64(LONG):
            return known_as(maps, word, second, known), at
        at += used
    return stop < len(block) or known >= np.uint64(PREFIX), at


@njit(cache=True, nogil=True, boundscheck=False)
def _squeezed(
    block: Any, at: Any, reading: Any, folds: Any, wanted: Any, squeezed: Any, begins: Any, state: Any
) -> Any:
    """Squeeze on until so many letters are there, or the block ends; returns where it stopped."""
    classes, kinds, other = reading
    starts_, pool = folds
    while at < len(block) and state[0] < wanted:
        until = min(len(block), at + 24)
        at = plainly(block, at, until, kinds, other, squeezed, begins, state)
        if at < until:
            at = slowly(block, at, min(until, at + 8), classes, starts_, pool, squeezed, begins, state)
    squeezed[state[0] : state[0] + AHEAD] = 0
    return at


@njit(cache=True, nogil=True, boundscheck=False)
def closely(block: Any, at: Any, reading: Any, folds: Any, table: Any, room: Any, out: Any, found: Any) -> Any:
    """Squeeze the letters from a begin on and report what begins there; returns (found, where it stopped)."""
    squeezed, begins, state = room
    state[:] = 0
    end = _squeezed(block, at, reading, folds, 16, squeezed, begins, state)
    longer = False
    for index in range(state[1]):
        if np.int64(begins[index] >> np.uint64(20)) == at:
            longer |= lengths_of(eight_at(squeezed, begins[index] & PLACE), table) != np.uint64(0)
    if longer:
        end = _squeezed(block, end, reading, folds, AHEAD + 16, squeezed, begins, state)
        for index in range(state[1]):
            if np.int64(begins[index] >> np.uint64(20)) != at:
                break
            word = eight_at(squeezed, begins[index] & PLACE)
            found = report(block, squeezed, begins, index, state[1], word, table, out, found)
    return found, end


@njit(cache=True, nogil=True, boundscheck=False)
def _copied(block: Any, start: Any, piece: Any) -> None:
    """Copy a piece with a word of what stands before it and what follows; nothing stands outside the block."""
    first, last = max(0, start - 64), min(len(block), start + _PIECE + 64)
    at = first - start + _BEFORE
    piece[:at] = 0
    copy(piece, np.int64(at), block, np.int64(first), np.int64(last - first))
    piece[at + last - first :] = 0


@njit(cache=True, nogil=True, boundscheck=False)
def _chosen(
    block: Any,
    start: Any,
    json: Any,
    room: Any,
    looks: Any,
    reading: Any,
    folds: Any,
    table: Any,
    out: Any,
    found: Any,
    allowed: Any,
) -> Any:
    """Look closer at what was marked in a piece: (found, bytes decoded one by one)."""
    piece, wanted, plain, special, closer = room
    marks, shift = looks[0], looks[4]
    classes, (starts_, pool) = reading[0], folds
    spent: Any = 0
    for word in range(2, len(wanted) - 1):
        left = wanted[word]
        while left:
            at = np.uint64(word * 64 - 3) + first_bit(left)
            left &= left - np.uint64(1)
            letters_, known = _plain_letters(piece, at, plain, special)
            first = (np.uint64(1) << (np.uint64(8) * min(known, np.uint64(PREFIX)))) - np.uint64(1)
            if not marked(marks, shift, letters_ & first):
                continue
            here = np.int64(at) - _BEFORE + start
            if here < start or here >= min(len(block), start + _PIECE):
                continue
            if known >= np.uint64(PREFIX):
                letters_, second, known = _more_letters(piece, at, plain, special, letters_, known)
                if not known_as(looks, letters_, second, known):
                    continue
            else:
                if json and block[here] == 92 and _goes_on(block, here):
                    continue
                passed, end = spelled(block, here, classes, starts_, pool, looks)
                spent += 4 + end - here
                if not passed and spent <= allowed:
                    continue
            found, end = closely(block, here, reading, folds, table, closer, out, found)
            spent += 64 + end - here
            if spent > allowed:
                return found, spent
    return found, spent


@njit(cache=True, nogil=True, boundscheck=False)
def glance(block: Any, reading: Any, json: Any, tables: Any, looks: Any, table: Any, folds: Any, out: Any) -> Any:
    """Report what begins in a block: (found, how far it looked before it gave up, else the block's length)."""
    piece = np.zeros(_PIECE + 2 * _BEFORE, np.uint8)
    words = len(piece) // 64 - 1
    wanted, plain, special = (
        np.zeros(words + 1, np.uint64),
        np.zeros(words + 1, np.uint64),
        np.zeros(words + 1, np.uint64),
    )
    letters_, begins, state = np.empty(1024, np.uint8), np.empty(1024, np.uint64), np.zeros(3, np.int64)
    lent = borrowed(block)
    closer = borrowed(letters_), borrowed(begins), borrowed(state)
    room = borrowed(piece), borrowed(wanted), borrowed(plain), borrowed(special), closer
    seen = (
        borrowed(looks[0]), borrowed(looks[1]), borrowed(looks[2]), borrowed(looks[3]), looks[4], looks[5], looks[6]
    )  # fmt: skip
    read, fold = (borrowed(reading[0]), borrowed(reading[1]), reading[2]), (borrowed(folds[0]), borrowed(folds[1]))
    known = (
        borrowed(table[0]), borrowed(table[1]), borrowed(table[2]), borrowed(table[3]), borrowed(table[4]),
        borrowed(table[5]), borrowed(table[6]), borrowed(table[7]), borrowed(table[8]),
    )  # fmt: skip
    end: Any = len(block)
    found: Any = 0
    spent: Any = 0
    for start in range(0, len(block), _PIECE):
        _copied(lent, start, piece)
        _mark(piece, words, tables, json, wanted, plain, special)
        allowed = _PATIENCE + ((start + _PIECE) >> 2) - spent
        found, cost = _chosen(lent, start, json, room, seen, read, fold, known, out, found, allowed)
        if cost > allowed:
            end = start
            break
        spent += cost
    held(piece)
    held(wanted)
    held(plain)
    held(special)
    held(letters_)
    held(begins)
    held(state)
    return found, end


def line_start(block: Bytes, at: int) -> int:
    """Return where the line begins that holds a byte: whatever stood before, characters and words begin anew there."""
    back = block[max(0, at - _NEAR) : at]
    ends = np.flatnonzero(back == 10)
    return at - len(back) + int(ends[-1]) + 1 if len(ends) else 0
