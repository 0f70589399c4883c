"""The compiled loop of ``retrieval.sieve``: sixty-four bytes at a time compared with anchors, digits side by side."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from llvmlite import ir
from numba import njit
from numba.core import cgutils, types
from numba.extending import intrinsic

from retrieval.coding import wide
from retrieval.decoding import decode
from retrieval.lanes import (
    LANES,
    LONG,
    WORD,
    Block,
    bits_of,
    borrowed,
    called,
    eight_at,
    every,
    first_bit,
    held,
    put_eight,
    shuffled,
    upper_half,
)
from retrieval.packing import pack, packs
from retrieval.rare import AROUND, WINDOW

MARGIN: Final = 2 * WORD  # bytes that must be readable behind what is sifted
CHUNK: Final = 256  # words after which what must be decoded is looked at: they are still in the nearest cache
_PATIENCE: Final = 4_096
_types: Any = types
_code: Any = cgutils


def _intrinsic(body: Callable[..., Any]) -> Any:
    return intrinsic(body)


def _fitting(builder: Any, text: Block, rows: Block, at: Any) -> Any:
    """Return a mask of where four bytes fit in one bucket: case folded, six bits of each looked up, or both halves."""
    fits = None
    for place in range(WINDOW):
        folded = builder.or_(text.lanes(builder.add(at, ir.Constant(LONG, place))), every(32))
        found = _looked_up(builder, rows, place, folded)
        fits = found if fits is None else builder.and_(fits, found)
    return builder.bitcast(builder.icmp_unsigned("!=", fits, every(0)), LONG)


def _looked_up(builder: Any, rows: Block, place: int, folded: Any) -> Any:
    def table(number: int) -> Any:
        return rows.lanes(ir.Constant(LONG, WORD * number), constant=True)

    if wide():
        return called(builder, "llvm.x86.avx512.permvar.qi.512", LANES, table(place), folded)
    low = shuffled(builder, table(2 * place), folded)
    return builder.and_(low, shuffled(builder, table(2 * place + 1), upper_half(builder, folded)))


@_intrinsic
def _fits_at(typing: Any, block: Any, at: Any, tables: Any) -> Any:
    """Return as a mask of the 64 bytes at ``at`` where four may be an anchor's first."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        text, rows = (Block(context, builder, signature.args[n], values[n]) for n in (0, 2))
        return _fitting(builder, text, rows, values[1])

    return _types.uint64(block, at, tables), generate


@_intrinsic
def _sift_at(typing: Any, block: Any, at: Any, tables: Any) -> Any:
    """Return masks of 64 bytes: anchors may begin, no ASCII, lead bytes, backslashes, 0xC3, digits, line ends."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        text, rows = (Block(context, builder, signature.args[n], values[n]) for n in (0, 2))
        raw = text.lanes(values[1])
        digits = builder.icmp_unsigned("<", builder.sub(raw, every(48)), every(10))
        slashes, latin, ends = (builder.icmp_unsigned("==", raw, every(byte)) for byte in (92, 0xC3, 10))
        lanes = [
            builder.icmp_signed("<", raw, every(0)),
            builder.icmp_unsigned(">=", raw, every(0xC0)),
            slashes,
            latin,
            digits,
            ends,
        ]
        masks = [builder.bitcast(one, LONG) for one in lanes]
        return _code.pack_array(builder, [_fitting(builder, text, rows, values[1]), *masks])

    return _types.UniTuple(_types.uint64, 7)(block, at, tables), generate


@njit(cache=True, nogil=True, boundscheck=False, forceinline=True)
def _spelled_here(block: Any, at: Any, size: Any, json: Any, anchors: Any, runs: Any) -> Any:
    """Whether an anchor stands at a byte, with the letters around it as far as they are plain."""
    word = np.uint32((eight_at(block, np.uint64(at)) | np.uint64(0x20202020)) & np.uint64(0xFFFFFFFF))
    for row in range(len(anchors)):
        if word & anchors[row, 1] != anchors[row, 0]:
            continue
        fits = True
        there = at + np.int64(anchors[row, 2])
        for place in range(np.int64(anchors[row, 4])):
            if there + place >= size:
                break
            byte = block[there + place]
            if byte >= 128 or (json and byte == 92):
                break
            if byte | 32 != runs[row, AROUND + place]:
                fits = False
                break
        for place in range(1, np.int64(anchors[row, 3]) + 1 if fits else 1):
            if at - place < 0 or block[at - place] >= 128:
                break
            if json and _escaped_behind(block, at - place):
                break
            if block[at - place] | 32 != runs[row, AROUND - place]:
                fits = False
                break
        if fits:
            return True
    return False


@njit(cache=True, nogil=True, boundscheck=False, forceinline=True)
def _escaped_behind(block: Any, at: Any) -> Any:
    """Whether a byte may be part of an escape."""
    slashes: Any = 0
    for place in range(max(0, at - 5), at + 1):
        slashes += np.int64(block[place] == 92)
    return slashes != 0


@njit(cache=True, nogil=True, boundscheck=False, forceinline=True)
def _numbers(
    block: Any, digits: Any, count: Any, before: Any, words: Any, tables: Any, numbers: Any, out: Any, found: Any
) -> Any:
    """Look for numbers among digits laid side by side; write the byte where each begins."""
    word = 0
    for base in range(0, count, WORD):
        left = _fits_at(digits, np.uint64(base), tables)
        while left:
            at = base + np.int64(first_bit(left))
            left &= left - np.uint64(1)
            value = eight_at(digits, np.uint64(at))
            for row in range(len(numbers)):
                if value & numbers[row, 1] == numbers[row, 0]:
                    while word + 1 < words and np.int64(before[word + 1]) <= at:
                        word += 1
                    byte, still = word * WORD, at - np.int64(before[word])
                    while still > 0 or not 48 <= block[byte] < 58:
                        still -= np.int64(48 <= block[byte] < 58)
                        byte += 1
                    if found < len(out):
                        out[found] = byte
                    found += 1
                    break
    return found


@njit(cache=True, nogil=True, boundscheck=False, forceinline=True)
def _packed(block: Any, at: Any, numeric: Any, digits: Any, length: Any) -> Any:
    """Lay the digits of 64 bytes behind those before; returns how many there are by now."""
    pack(block, at, numeric, digits, length)
    return length + bits_of(numeric)


@njit(cache=True, nogil=True, boundscheck=False, forceinline=True)
def _copied(block: Any, at: Any, numeric: Any, digits: Any, length: Any) -> Any:
    """Do the same run by run: any processor can."""
    one, eight = np.uint64(1), np.uint64(8)
    while numeric:
        first = first_bit(numeric)
        rest = ~(numeric >> first)
        run = first_bit(rest) if rest else np.uint64(WORD)
        step = np.uint64(0)
        while step < run:
            put_eight(digits, length + step, eight_at(block, at + first + step))
            step += eight
        length += run
        after = first + run
        numeric = numeric & ~((one << after) - one) if after < np.uint64(WORD) else np.uint64(0)
    return length


_laid: Final = _packed if packs() else _copied  # the other is never compiled: this processor may not know its ways


@njit(cache=True, nogil=True, boundscheck=False)
def _listed(block: Any, start: Any, stop: Any, ways: Any, tables: Any, lists: Any, length: Any) -> Any:
    """List words in which anchors may begin, words with what must be decoded, and lay digits side by side.

    Returns how many words of either kind, how many line ends, and how many digits there are by now.
    """
    last, slashed, wanted = ways
    fits, opens, digits, before = lists
    at_fit, at_open, lines, one, two = np.uint64(0), np.uint64(0), np.uint64(0), np.uint64(1), np.uint64(2)
    led = np.uint64(0)
    for word in range(np.uint64(start), np.uint64(stop)):
        at = word * np.uint64(WORD)
        left, high_, leads, slashes, latin, numeric, ends = _sift_at(block, at, tables)
        opened = (high_ & ~(((latin << one) | led) & ~leads)) | (slashes & slashed)
        led = latin >> np.uint64(63)
        if word == np.uint64(stop) - one:
            left, opened, ends, numeric = left & last, opened & last, ends & last, numeric & last
        lines += bits_of(ends)
        fits[two * at_fit], fits[two * at_fit + one] = word, left
        at_fit += np.uint64(left != np.uint64(0))
        opens[two * at_open], opens[two * at_open + one] = word, opened
        at_open += np.uint64(opened != np.uint64(0))
        if wanted:
            before[word] = length
            length = _laid(block, at, numeric, digits, length)
    return np.int64(at_fit), at_open, lines, length


@njit(cache=True, nogil=True, boundscheck=False)
def _placed(opens: Any, count: Any, places: Any) -> Any:
    """List the bytes that are marked in words, two at a time so that few branches go wrong; returns how many."""
    found, one, two = np.uint64(0), np.uint64(1), np.uint64(2)
    for index in range(count):
        base, left = opens[two * index] * np.uint64(WORD), opens[two * index + one]
        following = left & (left - one)
        places[found], places[found + one] = base + first_bit(left), base + first_bit(following)
        more, at = following & (following - one), found + two
        while more:
            places[at] = base + first_bit(more)
            at += one
            more &= more - one
        found += bits_of(left)
    return found


@njit(cache=True, nogil=True, boundscheck=False)
def sift(block: Any, size: Any, json: Any, looks: Any, folds: Any, room: Any, out: Any) -> Any:
    """Write places worth a look: (how many, line ends, whether all was looked at)."""
    lent, tables = borrowed(block), borrowed(looks[0])
    anchors, runs, number_tables, numbers = looks[1:5]
    read, pairs = borrowed(looks[5]), borrowed(looks[6])
    starts, pool = borrowed(folds[0]), borrowed(folds[1])
    digits, before, fits, opens, places, state = room
    lists = borrowed(fits), borrowed(opens), borrowed(digits), borrowed(before)
    words = (size + WORD - 1) // WORD
    slashed = ~np.uint64(0) if json else np.uint64(0)
    one, every_ = np.uint64(1), ~np.uint64(0)
    last = (one << np.uint64(size % WORD)) - one if size % WORD else every_
    state[:] = 0
    state[0] = -1
    wanted = len(numbers) > 0
    found: Any = 0
    lines, special, length = np.uint64(0), np.uint64(0), np.uint64(0)
    for start in range(0, words, CHUNK):
        stop = min(words, start + CHUNK)
        ways = last if stop == words else every_, slashed, wanted
        fitting, opening, ends, length = _listed(lent, start, stop, ways, tables, lists, length)
        lines += ends
        for index in range(fitting):
            left = fits[2 * index + 1]
            while left:
                place = np.int64(fits[2 * index]) * WORD + np.int64(first_bit(left))
                left &= left - one
                if _spelled_here(lent, place, size, json, anchors, runs):
                    if found < len(out):
                        out[found] = place
                    found += 1
        count = _placed(borrowed(opens), opening, borrowed(places))
        special += count
        found = decode(
            lent,
            size,
            json,
            wanted,
            borrowed(places),
            count,
            starts,
            pool,
            read,
            pairs,
            borrowed(state),
            borrowed(out),
            found,
        )
        if special > np.uint64(_PATIENCE + (stop << 3)):
            return found, np.int64(0), False
    if wanted:
        digits[length : length + np.uint64(MARGIN)] = 0
        found = _numbers(lent, digits, np.int64(length), before, words, number_tables, numbers, out, found)
    held(block)
    return found, np.int64(lines), True
