"""What must be decoded to be known (no ASCII, an escape): whether an anchor's letters may be spelled with it.

A character counts where its letters, between those that stand before and behind, stand side by side in a window of
letters (``retrieval.rare``), or at its edge; a digit counts always, and so does an escape with which a number may go on
(its own hexadecimal digits stand among those of the number).
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

from retrieval.lanes import eight_at
from retrieval.letters import character_at, escape_at, high, letters

_ZERO_DIGIT, _CLASSES, _UNTOLD = 27, 37, np.uint64(255)  # classes: 0 for no letter, then a to z, then 0 to 9
_FIRST, _LAST, _ANY, _GOING_ON = range(_CLASSES, _CLASSES + 4)  # which anchors begin with a letter, end, have, go on
_HEX: Final = 5
_ESCAPE: Final = np.uint64(int.from_bytes(b"\\u00", "little"))
Words = npt.NDArray[np.uint64]


@njit(cache=True, nogil=True, boundscheck=False, forceinline=True)
def _class_of(value: Any) -> Any:
    if 97 <= value <= 122:
        return np.uint64(value - 96)
    return np.uint64(value - 21) if 48 <= value < 58 else np.uint64(0)


@njit(cache=True, nogil=True, boundscheck=False, forceinline=True)
def _digit_before(block: Any, at: Any, ended: Any, trail: Any) -> Any:
    """Whether a digit is the last letter or digit before a byte; what was decoded up to ``ended`` is in ``trail``."""
    stop = max(0, at - 32)
    while at > stop:
        if at == ended:
            return trail
        byte = block[at - 1]
        if 48 <= byte < 58:
            return True
        if byte >= 128 or 97 <= (byte | 32) <= 122:
            return byte >= 128
        at -= 1
    return at > 0


@njit(cache=True, nogil=True, boundscheck=False, inline="always")
def _told(word: Any, read: Any, row: Any) -> Any:
    """Return the class of an accented Latin letter, which is most of what must be decoded, out of eight bytes.

    ``row`` of the table is for letters that fold to one, or to any number (the first counts); ``_UNTOLD`` for others.
    """
    byte = np.uint64(255)
    if word & byte == np.uint64(0xC3):
        return read[row + np.uint64(1), (word >> np.uint64(8)) & byte]
    if word & np.uint64(0xFFFFFFFF) == _ESCAPE:
        upper, lower = read[_HEX, (word >> np.uint64(32)) & byte], read[_HEX, (word >> np.uint64(40)) & byte]
        return read[row, (upper << np.uint64(4) | lower) & byte] if (upper | lower) < 64 else np.uint64(_UNTOLD)
    return np.uint64(_UNTOLD)


@njit(cache=True, nogil=True, boundscheck=False)
def _folded(
    block: Any,
    size: Any,
    json: Any,
    at: Any,
    before: Any,
    trail: Any,
    wanted: Any,
    starts: Any,
    pool: Any,
    read: Any,
    pairs: Any,
) -> Any:
    """Fold what must be decoded: (whether an anchor may be spelled with it, where it ends, its last class, digit)."""
    code, used = escape_at(block, at, size) if block[at] == 92 else character_at(block, at, size)
    after = np.uint64(0)
    if at + used < size:
        after = read[0, block[at + used]]
        if after == _UNTOLD and (json or block[at + used] != 92):
            after = _told(eight_at(block, np.uint64(at + used)), read, np.uint64(3))
        elif after == _UNTOLD:
            after = np.uint64(0)
    listed = code < len(starts) - 1
    from_ = np.int64(starts[code]) if listed else 0
    to = np.int64(starts[code + 1]) if listed else 1
    pre, post, last, lettered, digit = np.uint64(0), np.uint64(0), before, False, False
    dropped = from_ == to if listed else high(code) < 0
    if dropped:
        post = pairs[_GOING_ON, before] if after == _UNTOLD else pairs[before, after]
        pre = post
    elif not listed:
        last = np.uint64(0)
    else:
        for place in range(from_, to):
            here = _class_of(pool[place])
            pre |= pairs[last, here] | pairs[_FIRST, here]
            if place + 1 < to:
                post |= pairs[here, _class_of(pool[place + 1])] | pairs[_LAST, here]
            else:
                post |= pairs[_ANY, here] if after == _UNTOLD else pairs[here, after] | pairs[_LAST, here]
            lettered |= pool[place] != 0
            digit |= here >= np.uint64(_ZERO_DIGIT)
            last = here
    fits = pre & post != np.uint64(0)
    if wanted:
        digit = digit or (trail and not lettered)
        fits = fits or (digit and (lettered or (block[at] == 92 and used > 2)))
    return fits, at + used, last, digit


@njit(cache=True, nogil=True, boundscheck=False)
def decode(
    block: Any,
    size: Any,
    json: Any,
    wanted: Any,
    places: Any,
    count: Any,
    starts: Any,
    pool: Any,
    read: Any,
    pairs: Any,
    state: Any,
    out: Any,
    found: Any,
) -> Any:
    """Look at what must be decoded; ``state`` says where the last such character ended, and as what."""
    ended, last, trail = state[0], np.uint64(state[1]), state[2] != 0
    for index in range(count):
        place = np.int64(places[index])
        if place < ended:
            continue
        before = read[0, block[np.uint64(place - 1)]] if place > 0 else np.uint64(0)
        before = last if ended == place else np.uint64(0) if before == _UNTOLD else before
        word = eight_at(block, np.uint64(place))
        here = _told(word, read, np.uint64(1))
        if here != _UNTOLD and place + 6 < size:
            behind = np.uint64(place + (2 if word & np.uint64(255) == np.uint64(0xC3) else 6))
            after = read[0, block[behind]]
            if after == _UNTOLD:
                after = np.uint64(0)
                if json or block[behind] != 92:
                    after = _told(eight_at(block, behind), read, np.uint64(3))
            post = pairs[_ANY, here] if after == _UNTOLD else pairs[here, after] | pairs[_LAST, here]
            fits = (pairs[before, here] | pairs[_FIRST, here]) & post != np.uint64(0)
            ended, last, trail = np.int64(behind), here, False
        else:
            digit = wanted and _digit_before(block, place, ended, trail)
            fits, ended, last, trail = _folded(
                block, size, json, place, before, digit, wanted, starts, pool, read, pairs
            )
        if fits:
            if found < len(out):
                out[found] = place
            found += 1
    state[0], state[1], state[2] = ended, np.int64(last), np.int64(trail)
    return found


def _readings() -> Words:
    """Return what bytes are: their class; accented Latin letters by code and by their second byte, twice; digits.

    First those that fold to one letter, then the first of several. ``_UNTOLD`` stands for everything else.
    """
    table, every_ = np.full((_HEX + 1, 256), _UNTOLD, np.uint64), letters()
    for code in range(128):
        letter = chr(code).lower()
        table[0, code] = 0 if not letter.isalnum() else 27 + int(letter) if letter.isdigit() else ord(letter) - 96
    table[0, ord("\\")] = _UNTOLD
    for code in range(0xC0, 0x100):
        folded = every_.pool[every_.starts[code] : every_.starts[code + 1]]
        if len(folded) and 97 <= folded[0] <= 122:
            for row in (1, 3) if len(folded) == 1 else (3,):
                table[row, code] = table[row + 1, code - 64] = folded[0] - 96
    for digit in "0123456789abcdefABCDEF":
        table[_HEX, ord(digit)] = int(digit, 16)
    return table


READ: Final = _readings()


def neighbours(windows: Sequence[str]) -> Words:
    """Say, a bit an anchor, which have two letters side by side; and which begin, end, have and go on with a letter."""
    pairs = np.zeros((_GOING_ON + 1, _CLASSES), np.uint64)
    for number, window in enumerate(windows):
        bit = np.uint64(1 << number)
        classes = [int(READ[0, ord(letter)]) for letter in window]
        for one, other in pairwise(classes):
            pairs[one, other] |= bit
            pairs[_GOING_ON, one] |= bit
        pairs[_FIRST, classes[0]] |= bit
        pairs[_LAST, classes[-1]] |= bit
        pairs[_ANY, classes] |= bit
    return pairs
