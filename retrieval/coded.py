"""A first look at raw bytes as codes: sixty-four are turned into codes at once, and compared with forms' first letters.

1. Each byte becomes a code (``retrieval.coding``); what is no letter or digit may stand for anything from there on.
2. A place is looked at closer when what stands before it lets a form begin, and its four codes are a form's first
   letters, in one bucket of forms, as far as they are plain. Behind where an escape may end everything may be a begin.
3. The letters from there on are looked up as in ``retrieval.glance``; what passes is squeezed and reported.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

from retrieval.coding import (
    CALM,
    CALM_BIT,
    DEEP,
    LEAD,
    MUTE,
    NONE,
    OPEN_BIT,
    SLASH,
    code_at,
    code_of,
    escaped_at,
    fits_at,
    fits_twice_at,
    slashes_at,
)
from retrieval.glance import closely, spelled
from retrieval.lanes import (
    WORD,
    bits_of,
    borrowed,
    copy,
    eight_at,
    first_bit,
    held,
    lent_bytes,
    lent_codes,
    lent_ints,
    lent_places,
    lent_words,
    picked,
)
from retrieval.letters import Bytes, letters
from retrieval.marks import LONG, PREFIX, known_as, marked

_PIECE: Final = 256 * WORD
_BEFORE: Final = 2 * WORD  # codes of what stands before a piece
_AHEAD: Final = 3 * WORD  # and behind it
_BUCKETS: Final = 6
_TWICE: Final = 12  # different beginnings from which on a second set of buckets pays
_PATIENCE: Final = 4_096
_TOPS: Final = np.uint64(0x8080808080808080)
BLOCK, CODES, READ, KINDS, OTHER, STARTS, POOL = range(7)  # rows of the ground: whose address and length stands there
MARKS, HEADS, TAILS, EXACT, SHIFTS, CLASSES, TABLES = range(7, 14)
PRESENT, KEYS, MASKS, FIRST, FOLLOWING, HASHES, DOMAIN_SIZES, DOMAIN_HASHES, KNOWN = range(14, 23)
LISTED, FITS, SQUEEZED, BEGINS, STATE, _ROWS = range(23, 29)
Table = npt.NDArray[np.uint8]


@lru_cache(maxsize=2)
def classes(*, json: bool) -> Bytes:
    """Return the codes of 128 bytes, then of the 64 that lead a character."""
    table = np.full(3 * WORD, NONE, np.uint8)
    for byte in range(128):
        letter = chr(byte).lower()
        table[byte] = code_of(ord(letter)) if letter.isalnum() else SLASH if json and letter == "\\" else NONE
    table[128:] = [_lead(byte) for byte in range(0xC0, 0x100)]
    return table


def _lead(byte: int) -> int:
    """Say whether characters led by a byte may begin a word, and whether also behind an ASCII letter or digit."""
    codes = _led_by(byte)
    if not codes:
        return LEAD  # no character is led by it: it is one of Latin-1
    folded = [letters().pool[letters().starts[code] : letters().starts[code + 1]] for code in codes]
    if not any(values.any() for values in folded):
        return MUTE
    return LEAD if any(len(values) and _restless(values) for values in folded) else CALM


def _led_by(byte: int) -> range:
    if 0xC2 <= byte < 0xE0:
        return range((byte & 31) << 6, ((byte & 31) + 1) << 6)
    return range(max(0x800, (byte & 15) << 12), ((byte & 15) + 1) << 12) if 0xE0 <= byte < 0xF0 else range(0)


def _restless(values: Any) -> bool:
    """Whether a word or number may begin within these folded characters, though a letter stands before."""
    digit = (values >= 48) & (values < 58)
    return bool(digit.any() or (len(values) > 1 and (values == 0).any()))


def tables_of(firsts: Iterable[Any]) -> tuple[Bytes, bool]:
    """Spread forms' first four letters over buckets, in two orders; the second pays where there are many."""
    prefixes = [int(first).to_bytes(8, "little")[:DEEP] for first in firsts]
    orders = [sorted(prefixes), sorted(prefixes, key=lambda four: (four[1:], four[0]))]
    tables = np.concatenate([_rows(order) for order in orders])
    return np.ascontiguousarray(tables.reshape(-1)), len(prefixes) > _TWICE


def _rows(prefixes: list[bytes]) -> Table:
    """For one set of buckets: what may stand before, then what may be the first letter, the second, third, fourth."""
    rows = np.zeros((1 + DEEP, WORD), np.uint8)
    special = [code & 63 for code in (NONE, SLASH, CALM, LEAD, MUTE)]
    rows[:, special] = 0xFF
    rows[1, special] = 0
    rows[1, [CALM & 63, LEAD & 63, SLASH & 63]] = CALM_BIT, OPEN_BIT, OPEN_BIT
    rows[2:] |= CALM_BIT | OPEN_BIT
    rows[0] |= OPEN_BIT
    for number, prefix in enumerate(prefixes):
        bucket = np.uint8(1 << (number * _BUCKETS // len(prefixes)))
        if 48 <= prefix[0] < 58:
            rows[0, 33:59] |= bucket  # a number begins behind a letter too
        for place, letter in enumerate(prefix):
            if letter < 128:
                rows[1 + place, code_of(letter)] |= bucket
    return rows


@njit(cache=True, nogil=True, boundscheck=False)
def _coded(block: Any, start: Any, classes_: Any, codes: Any) -> None:
    """Write the codes of a piece, of what stands before it and of what follows; outside the block stands nothing."""
    first, last = start - _BEFORE, start + _PIECE + _AHEAD
    edge = np.zeros(WORD, np.uint8)
    place: Any = first
    while place < last:
        if place >= 0 and place + WORD <= len(block):
            code_at(block, place, classes_, codes, place - first)
        else:
            edge[:] = 0
            low, high = max(place, 0), min(place + WORD, len(block))
            if low < high:
                copy(edge, np.int64(low - place), block, np.int64(low), np.int64(high - low))
            code_at(borrowed(edge), 0, classes_, codes, place - first)
        place += WORD


@njit(cache=True, nogil=True, boundscheck=False)
def _listed(codes: Any, words: Any, tables: Any, twice: Any, listed: Any, masks: Any) -> Any:
    """List the words of codes in which a form may begin; returns how many."""
    count = 0
    if twice:
        for word in range(2, words):
            mask = fits_twice_at(codes, np.uint64(word * WORD), tables)
            listed[count], masks[count] = word * WORD, mask
            count += int(mask != np.uint64(0))
        return count
    for word in range(2, words):
        mask = fits_at(codes, np.uint64(word * WORD), tables)
        listed[count], masks[count] = word * WORD, mask
        count += int(mask != np.uint64(0))
    return count


@njit(cache=True, nogil=True, boundscheck=False, forceinline=True)
def _letters_at(codes: Any, at: Any) -> Any:
    """Return (letters, how many) of eight codes: first one lowest, up to the first that must be decoded."""
    word = eight_at(codes, at)
    stops = word & (word << np.uint64(1)) & _TOPS
    there = ~word & _TOPS & ((stops & (~stops + np.uint64(1))) - np.uint64(1))
    lanes = (there >> np.uint64(7)) * np.uint64(255)
    word &= lanes
    alphabetic = (word >> np.uint64(5)) & np.uint64(0x0101010101010101)
    spelled = word + np.uint64(0x2F2F2F2F2F2F2F2F) + alphabetic * np.uint64(0x11)
    return picked(spelled, lanes), bits_of(there)


@njit(cache=True, nogil=True, boundscheck=False, forceinline=True)
def _more_letters(codes: Any, at: Any, first: Any, count: Any) -> Any:
    """Go on to sixteen letters, through thirty-two plain bytes at most: (eight, eight, how many)."""
    second, eight, full = np.uint64(0), np.uint64(8), np.uint64(16)
    for _ in range(3):
        word = eight_at(codes, at)
        if count >= np.uint64(LONG) or word & (word << np.uint64(1)) & _TOPS:
            break
        at += eight
        more, added = _letters_at(codes, at)
        if count < eight:
            first |= more << (eight * count)
            if count + added > eight:
                second = more >> (eight * (eight - count))
        else:
            second |= more << (eight * (count - eight))
        count = min(full, count + added)
    return first, second, count


@njit(cache=True, nogil=True, boundscheck=False, forceinline=True)
def _maps(ground: Any) -> Any:
    shifts = lent_words(ground, SHIFTS)
    return (
        lent_words(ground, MARKS), lent_words(ground, HEADS), lent_words(ground, TAILS), lent_bytes(ground, EXACT),
        shifts[0], shifts[1], shifts[2],
    )  # fmt: skip


@njit(cache=True, nogil=True, boundscheck=False)
def _goes_on(ground: Any, at: Any, first: Any, count: Any) -> Any:
    """Whether a form may go on as these letters do, of which there are four or more, and those behind them."""
    first, second, count = _more_letters(lent_bytes(ground, CODES), at, first, count)
    return known_as(_maps(ground), first, second, count)


@njit(cache=True, nogil=True, boundscheck=False)
def _decoded(ground: Any, here: Any) -> Any:
    """Whether a form may begin with the characters from a byte on, and how far that was looked."""
    starts, pool = lent_ints(ground, STARTS), lent_codes(ground, POOL)
    return spelled(lent_bytes(ground, BLOCK), here, lent_bytes(ground, READ), starts, pool, _maps(ground))


@njit(cache=True, nogil=True, boundscheck=False)
def _reported(ground: Any, here: Any, out: Any, found: Any) -> Any:
    """Squeeze from a byte on and report what begins there: (found, where it stopped)."""
    reading = lent_bytes(ground, READ), lent_codes(ground, KINDS), lent_words(ground, OTHER)[0]
    folds = lent_ints(ground, STARTS), lent_codes(ground, POOL)
    table = (
        lent_bytes(ground, PRESENT), lent_words(ground, KEYS), lent_words(ground, MASKS),
        lent_places(ground, FIRST), lent_places(ground, FOLLOWING), lent_words(ground, HASHES),
        lent_places(ground, DOMAIN_SIZES), lent_words(ground, DOMAIN_HASHES), lent_words(ground, KNOWN),
    )  # fmt: skip
    closer = lent_bytes(ground, SQUEEZED), lent_words(ground, BEGINS), lent_places(ground, STATE)
    return closely(lent_bytes(ground, BLOCK), here, reading, folds, table, closer, out, found)


@njit(cache=True, nogil=True, boundscheck=False, forceinline=True)
def _latin_escape(block: Any, at: Any) -> Any:
    r"""Whether ``\u00C0`` to ``\u00FF`` stands at a byte, and is a letter: no sign of times, none of division."""
    if block[at] != 92 or block[at + 1] != 117 or block[at + 2] != 48 or block[at + 3] != 48:
        return False
    upper, lower = block[at + 4] | 32, block[at + 5] | 32
    spelled = 99 <= upper <= 102 and (48 <= block[at + 5] <= 57 or 97 <= lower <= 102)
    return spelled and not (block[at + 5] == 55 and (upper == 100 or upper == 102))


@njit(cache=True, nogil=True, boundscheck=False, forceinline=True)
def _within(block: Any, at: Any) -> Any:
    """Whether an accented Latin letter stands behind another one written the same way: it begins no word."""
    if at < 7 or at + 6 > len(block):
        return False
    if block[at] == 92:
        return block[at - 7] != 92 and _latin_escape(block, at - 6) and _latin_escape(block, at)
    if block[at - 3] == 92 or block[at] < 0xC3 or block[at] > 0xC9 or block[at - 2] < 0xC3 or block[at - 2] > 0xC9:
        return False
    return 0x80 <= block[at - 1] < 0xC0 and block[at - 1] & 0x9F != 0x97


@njit(cache=True, nogil=True, boundscheck=False)
def _chosen(ground: Any, start: Any, base: Any, left: Any, out: Any, found: Any, spent: Any, allowed: Any) -> Any:
    """Look closer at what was marked among 64 codes: (found, bytes decoded one by one)."""
    codes, marks, shift = lent_bytes(ground, CODES), lent_words(ground, MARKS), lent_words(ground, SHIFTS)[0]
    stop = len(lent_bytes(ground, BLOCK))
    while left:
        at = np.uint64(base) + first_bit(left)
        left &= left - np.uint64(1)
        letters_, known = _letters_at(codes, at)
        first = ~np.uint64(0) >> (np.uint64(64) - np.uint64(8) * min(known, np.uint64(PREFIX)))
        if known == np.uint64(0):
            first = np.uint64(0)
        if not marked(marks, shift, letters_ & first):
            continue
        here = np.int64(at) - _BEFORE + start
        if here >= stop:
            continue
        if known >= np.uint64(PREFIX):
            if not _goes_on(ground, at, letters_, known):
                continue
        else:
            if known == np.uint64(0) and _within(lent_bytes(ground, BLOCK), here):
                continue
            passed, end = _decoded(ground, here)
            spent += 4 + end - here
            if not passed and spent <= allowed:
                continue
        found, end = _reported(ground, here, out, found)
        spent += 64 + end - here
        if spent > allowed:
            return found, spent
    return found, spent


@njit(cache=True, nogil=True, boundscheck=False)
def _looked(ground: Any, start: Any, json: Any, count: Any, out: Any, found: Any, allowed: Any) -> Any:
    """Look closer at the listed words of a piece: (found, bytes decoded one by one)."""
    codes, tables = lent_bytes(ground, CODES), lent_bytes(ground, TABLES)
    listed, masks = lent_places(ground, LISTED), lent_words(ground, FITS)
    spent: Any = 0
    for index in range(count):
        base, left = listed[index], masks[index]
        slashes = slashes_at(codes, np.uint64(base)) if json else np.uint64(0)
        if slashes:
            left = escaped_at(codes, np.uint64(base), tables)
        found, spent = _chosen(ground, start, base, left, out, found, spent, allowed)
        if slashes >> np.uint64(52) and spent <= allowed:
            left = escaped_at(codes, np.uint64(base + WORD), tables)
            found, spent = _chosen(ground, start, base + WORD, left, out, found, spent, allowed)
        if spent > allowed:
            break
    return found, spent


@njit(cache=True, nogil=True, boundscheck=False)
def look(block: Any, json: Any, twice: Any, given: Any, out: Any) -> Any:
    """Report what begins in a block: (found, how far it looked before it gave up, else the block's length)."""
    codes, words = np.empty(_BEFORE + _PIECE + _AHEAD, np.uint8), _PIECE // WORD + 4
    listed, masks = np.empty(words, np.int64), np.empty(words, np.uint64)
    squeezed, begins, state = np.empty(1024, np.uint8), np.empty(1024, np.uint64), np.zeros(3, np.int64)
    ground = given.copy()
    ground[BLOCK, 0], ground[BLOCK, 1] = block.ctypes.data, len(block)
    ground[CODES, 0] = codes.ctypes.data
    ground[LISTED, 0], ground[FITS, 0] = listed.ctypes.data, masks.ctypes.data
    ground[SQUEEZED, 0], ground[BEGINS, 0], ground[STATE, 0] = (
        squeezed.ctypes.data,
        begins.ctypes.data,
        state.ctypes.data,
    )
    ground[SQUEEZED, 1], ground[BEGINS, 1], ground[STATE, 1] = len(squeezed), len(begins), len(state)
    lent = borrowed(ground)
    classes_, tables = lent_bytes(lent, CLASSES), lent_bytes(lent, TABLES)
    end: Any = len(block)
    found: Any = 0
    spent: Any = 0
    for start in range(0, len(block), _PIECE):
        _coded(borrowed(block), start, classes_, borrowed(codes))
        count = _listed(borrowed(codes), 2 + _PIECE // WORD, tables, twice, borrowed(listed), borrowed(masks))
        allowed = _PATIENCE + ((start + _PIECE) >> 2) - spent
        found, cost = _looked(lent, start, json, count, borrowed(out), found, allowed)
        if cost > allowed:
            end = start
            break
        spent += cost
    held(codes)
    held(listed)
    held(masks)
    held(squeezed)
    held(begins)
    held(state)
    held(ground)
    return found, end


class Coded:
    """The tables of a look over codes, and where they lie."""

    def __init__(self, firsts: Iterable[Any], maps: tuple[Any, ...], reading: dict[bool, Any], table: Any) -> None:
        """Take forms' first four letters, the maps of ``retrieval.marks``, how bytes read, and the forms."""
        tables, self._twice = tables_of(firsts)
        kept: dict[int, Any] = {STARTS: letters().starts, POOL: letters().pool, TABLES: tables}
        kept |= dict(zip((MARKS, HEADS, TAILS, EXACT), maps[:4], strict=True))
        kept |= {SHIFTS: np.array(maps[4:], np.uint64)} | dict(zip(range(PRESENT, KNOWN + 1), table, strict=True))
        self._kept: list[Any] = []  # the ground says where they lie
        self._grounds = {json: self._ground(kept, json, *read) for json, read in reading.items()}

    def _ground(self, kept: dict[int, Any], json: bool, read: Any, kinds: Any, other: Any) -> npt.NDArray[np.int64]:
        more = {READ: read, KINDS: kinds, OTHER: np.array([other]), CLASSES: classes(json=json)}
        ground = np.zeros((_ROWS, 2), np.int64)
        for row, array in (kept | more).items():
            self._kept.append(array)
            ground[row] = array.ctypes.data, len(array)
        return ground

    def look(self, block: Bytes, out: npt.NDArray[np.int64], *, json: bool) -> tuple[int, int]:
        """Write what begins in a block: (how many, how far it looked before it gave up, else the block's length)."""
        found, stop = look(block, json, self._twice, self._grounds[json], out)
        return int(found), int(stop)
