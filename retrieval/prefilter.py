"""Where a needle may begin, for any number of needles in one pass over bytes: a compiled loop over folded letters.

1. Every needle gives one or several windows: its first four to eight folded letters, without separators.
2. The loop reads UTF-8 (and JSON's escapes), folds each character by a table and lays the letters side by side,
   separators skipped; it keeps where words and numbers begin.
3. The letters after each begin are looked up in a bitmap, and what passes in the table of windows, exactly.

It may report too much (the caller checks), never too little. Idea of the window filter: Wu and Manber, "A fast
algorithm for multi-pattern searching", TR 94-17, University of Arizona, 1994.
"""

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from numba import njit

from retrieval.letters import Bytes, character_at, escape_at, high, letters, short

LONGEST, SHORTEST, WHOLE, DOMAIN = 8, 4, 32, 12
_PRIME: Final = np.uint64(0x9E3779B97F4A7C15)
_SPECIAL: Final = 255
_PLACE: Final = np.uint64(0xFFFFF)  # a begin is its byte << 20 | its letter's place in the piece
_PIECE: Final = 16_384  # bytes squeezed at a time: they stay in the nearest cache
_AHEAD: Final = 64  # letters that must follow a begin before it is looked up: a whole form and its domain
Hits = npt.NDArray[np.int64]


Form: TypeAlias = tuple[
    str, str
]  # folded letters as a needle shows them; the domain that follows a mailbox name, or ""


class Prefilter:
    """Forms made ready once; ``hits`` says at which byte which form begins."""

    def __init__(self, forms: Sequence[Form], *, after_plus: bool = False) -> None:
        """Take forms of at least four letters (more than 32 are cut); form ``n`` is reported as ``n``.

        ``after_plus`` reports every "+" that follows a letter as form -1 (mailbox tags behind very short names).
        """
        letters_, sizes, hashes = _tails([form[0][:WHOLE] for form in forms])
        _, domain_sizes, domain_hashes = _tails([form[1][:DOMAIN] for form in forms])
        words, heads = _heads(letters_, sizes), np.minimum(sizes, LONGEST)
        self._width = int(heads.min()) if len(heads) else LONGEST
        self._bitmap = _bitmap(words, self._width)
        present = np.bincount(heads, minlength=LONGEST + 1).astype(np.uint8)
        by_head = _masks(words, sizes, np.zeros(_slots(words), np.uint64), np.zeros(_slots(words), np.uint64))
        by_hash = _chains(hashes, np.full(_slots(words), -1, np.int64), np.full(len(words) + 1, -1, np.int64))
        self._table = (present, *by_head, *by_hash, hashes, domain_sizes, domain_hashes, _marks(hashes))
        self._after_plus = after_plus

    def hits(self, block: Bytes, *, json: bool = False) -> Hits:
        """Return (byte, form) rows, the byte where the form begins; ``json`` reads backslash escapes."""
        size, folds = 4096, (letters().starts, letters().pool)
        classes, kinds, other = _JSON if json else _PLAIN
        while True:
            out = np.empty((size, 2), np.int64)
            found = _scan(block, classes, kinds, other, self._width, self._bitmap, self._table, folds, out)
            if self._after_plus:
                found = _pluses(block, classes, out, found)
            if found <= size:
                return out[:found]
            size = found


def _classes(*, json: bool) -> Bytes:
    """For each byte its letter, 0 for a separator, 255 for what needs a closer look."""
    table = np.zeros(256, np.uint8)
    for code in range(128):
        lowered = chr(code).lower()
        table[code] = ord(lowered) if lowered.isalnum() else 0
    table[128:] = _SPECIAL
    if json:
        table[ord("\\")] = _SPECIAL
    return table


def _reading(*, json: bool) -> tuple[Bytes, npt.NDArray[np.uint32], np.uint64]:
    """Return what each byte is, the same with its kind (1 letter, 2 digit) above it, and the byte that escapes."""
    kinds = [2 if chr(code).isdigit() else int(chr(code).isalnum()) for code in range(128)] + [0] * 128
    classes = _classes(json=json)
    paired = classes.astype(np.uint32) | (np.array(kinds, np.uint32) << np.uint32(8))
    return classes, paired, np.uint64(0x0101010101010101 * (92 if json else 0xFF))


_PLAIN: Final = _reading(json=False)
_JSON: Final = _reading(json=True)


def _tails(texts: list[str]) -> tuple[Bytes, Hits, npt.NDArray[np.uint64]]:
    """Return all letters in eight bits, each text's length and its hash."""
    codes = np.frombuffer("".join(texts).encode("utf-32-le"), np.uint32).astype(np.uint64)
    hashed = np.uint64(128) | (((codes * np.uint64(40503)) >> np.uint64(7)) & np.uint64(127))
    every = np.where(codes < 128, codes, hashed).astype(np.uint8)
    sizes = np.array([len(text) for text in texts], np.int64)
    return every, sizes, _hashes(every, sizes)


@njit(cache=True, inline="always")
def _hash(letters: Any, at: int, size: int) -> Any:
    """FNV-1a over eight-bit letters."""
    value = np.uint64(0xCBF29CE484222325)
    for place in range(at, at + size):
        value = (value ^ np.uint64(letters[place])) * np.uint64(0x100000001B3)
    return value


@njit(cache=True)
def _hashes(letters: Any, sizes: Any) -> Any:
    values, at = np.empty(len(sizes), np.uint64), 0
    for row in range(len(sizes)):
        values[row] = _hash(letters, at, sizes[row])
        at += sizes[row]
    return values


@njit(cache=True)
def _heads(letters: Any, sizes: Any) -> Any:
    """Return up to eight letters of each text as one word, the first one lowest."""
    words, at = np.zeros(len(sizes), np.uint64), 0
    for row in range(len(sizes)):
        for place in range(min(8, sizes[row])):
            words[row] |= np.uint64(letters[at + place]) << np.uint64(8 * place)
        at += sizes[row]
    return words


def _bitmap(words: npt.NDArray[np.uint64], width: int) -> npt.NDArray[np.uint64]:
    """Mark the first ``width`` letters of every form, and its first eight (or all), in one map."""
    heads = np.unique(np.concatenate((words & (np.uint64(0xFFFFFFFFFFFFFFFF) >> np.uint64(64 - 8 * width)), words)))
    bits = min(23, max(15, int(np.ceil(np.log2(64 * max(1, len(heads)))))))
    places = (heads * _PRIME) >> np.uint64(64 - bits)
    bitmap = np.zeros((1 << bits) // 64, np.uint64)
    np.bitwise_or.at(bitmap, (places >> np.uint64(6)).astype(np.int64), np.uint64(1) << (places & np.uint64(63)))
    return bitmap


def _marks(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Mark every form's hash in a map that the caches hold, sixteen bits a form: most letters end as nobody's form."""
    bits = max(6, int(np.ceil(np.log2(16 * max(1, len(hashes))))))
    places = ((hashes * _PRIME) >> np.uint64(20)) & np.uint64((1 << bits) - 1)
    marks = np.zeros((1 << bits) // 64, np.uint64)
    np.bitwise_or.at(marks, (places >> np.uint64(6)).astype(np.int64), np.uint64(1) << (places & np.uint64(63)))
    return marks


def _slots(words: npt.NDArray[np.uint64]) -> int:
    return 1 << max(4, int(np.ceil(np.log2(max(1, 2 * len(words))))))


@njit(cache=True, inline="always")
def _slot(word: Any, mask: int) -> Any:
    mixed = word * np.uint64(0x9E3779B97F4A7C15)
    return np.int64((mixed ^ (mixed >> np.uint64(29))) >> np.uint64(8)) & mask


@njit(cache=True)
def _masks(words: Any, sizes: Any, keys: Any, masks: Any) -> tuple[Any, Any]:
    """For each head, by open addressing: which lengths its forms have, as bits."""
    last = len(keys) - 1
    for row in range(len(words)):
        slot = _slot(words[row], last)
        while masks[slot] and keys[slot] != words[row]:
            slot = (slot + 1) & last
        keys[slot] = words[row]
        masks[slot] |= np.uint64(1) << np.uint64(sizes[row])
    return keys, masks


@njit(cache=True)
def _chains(hashes: Any, first: Any, following: Any) -> tuple[Any, Any]:
    """For each hash, by open addressing: its first form; forms of one hash are chained."""
    last = len(first) - 1
    for row in range(len(hashes)):
        slot = _slot(hashes[row], last)
        while first[slot] >= 0 and hashes[first[slot]] != hashes[row]:
            slot = (slot + 1) & last
        following[row] = first[slot]
        first[slot] = row
    return first, following


@njit(cache=True, inline="always")
def _eight(buffer: Any, at: Any) -> Any:
    """Load eight bytes as one word, the first one lowest."""
    word = np.uint64(buffer[at])
    for place in range(1, 8):
        word |= np.uint64(buffer[at + np.uint64(place)]) << np.uint64(8 * place)
    return word


@njit(cache=True, inline="always")
def _has_special(word: Any, other: Any) -> Any:
    """Whether one of eight bytes is no ASCII, or is the byte that fills ``other``."""
    zero = word ^ other
    ones, tops = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080)
    return ((word & tops) | ((zero - ones) & ~zero & tops)) != np.uint64(0)


@njit(cache=True)
def _domain_follows(block: Any, squeezed: Any, at: Any, byte: Any, size: Any, wanted: Any) -> Any:
    """Whether behind a mailbox name (letter ``at``, which stands at ``byte``) its domain follows, or perhaps a tag."""
    for sign in range(6):
        skipped = (0, 2, 2, 6, 2, 6)[sign]  # "@", "%40", "&#64;", "&commat;", "at", "arroba"
        if _hash(squeezed, at + skipped, size) == wanted:
            return True
    for place in range(max(0, byte - 12), byte):
        if block[place] == 43 or block[place] == 0x8B or block[place] == 92:  # a plus, a wide plus, an escape
            return True
    return False


@njit(cache=True)
def _fits(block: Any, squeezed: Any, begins: Any, index: Any, count: Any, end: Any, size: Any, wanted: Any) -> Any:
    """Whether a form that ends before letter ``end`` is followed by its domain, where it has one."""
    if size == 0:
        return True
    following = index + 1
    while following < count and np.int64(begins[following] & _PLACE) < end:
        following += 1
    if following == count or np.int64(begins[following] & _PLACE) != end:
        return False
    byte = np.int64(begins[following] >> np.uint64(20))
    return _domain_follows(block, squeezed, end, byte, size, wanted)


@njit(cache=True)
def _lengths(word: Any, table: Any) -> Any:
    """Return, as bits, how long the forms are that begin with these eight letters or fewer."""
    present, keys, masks = table[:3]
    last, lengths = len(keys) - 1, np.uint64(0)
    for size in range(4, 9):
        if present[size]:
            head = word & (np.uint64(0xFFFFFFFFFFFFFFFF) >> np.uint64(64 - 8 * size))
            slot = _slot(head, last)
            while masks[slot] and keys[slot] != head:
                slot = (slot + 1) & last
            lengths |= masks[slot]
    return lengths


@njit(cache=True, inline="always")
def _marked(marks: Any, value: Any) -> Any:
    """Whether a hash may be a form's; ``marks`` holds a power of two of words."""
    place = ((value * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(20)) & np.uint64(64 * len(marks) - 1)
    return (marks[place >> np.uint64(6)] >> (place & np.uint64(63))) & np.uint64(1)


@njit(cache=True)
def _report(
    block: Any, squeezed: Any, begins: Any, index: Any, count: Any, word: Any, table: Any, out: Any, found: Any
) -> Any:
    """Write every form that begins here: its letters hashed on, and looked up at each length there is."""
    lengths, at = _lengths(word, table), np.int64(begins[index] & _PLACE)
    first, following, hashes, domain_sizes, domain_hashes, marks = table[3:]
    last, size, value = len(first) - 1, 0, np.uint64(0xCBF29CE484222325)
    while lengths >> np.uint64(size):
        if (lengths >> np.uint64(size)) & np.uint64(1) and _marked(marks, value):
            slot = _slot(value, last)
            while first[slot] >= 0 and hashes[first[slot]] != value:
                slot = (slot + 1) & last
            row = first[slot]
            while row >= 0:
                if _fits(block, squeezed, begins, index, count, at + size, domain_sizes[row], domain_hashes[row]):
                    if found < len(out):
                        out[found, 0] = np.int64(begins[index] >> np.uint64(20))
                        out[found, 1] = row
                    found += 1
                row = following[row]
        value = (value ^ np.uint64(squeezed[at + size])) * np.uint64(0x100000001B3)
        size += 1
    return found


@njit(cache=True, nogil=True, boundscheck=False)
def _look(
    block: Any,
    squeezed: Any,
    begins: Any,
    upto: Any,
    count: Any,
    width: Any,
    bitmap: Any,
    table: Any,
    out: Any,
    found: Any,
) -> Any:
    """Look up the letters after each begin."""
    head = np.uint64(0xFFFFFFFFFFFFFFFF) >> np.uint64(64 - 8 * width)
    bits = np.uint64(6)
    while (1 << int(bits)) < 64 * len(bitmap):
        bits += np.uint64(1)
    shift, six, low = np.uint64(64) - bits, np.uint64(6), np.uint64(63)
    prime, one = np.uint64(0x9E3779B97F4A7C15), np.uint64(1)
    for index in range(upto):
        word = _eight(squeezed, begins[np.uint64(index)] & _PLACE)
        place = ((word & head) * prime) >> shift
        if (bitmap[place >> six] >> (place & low)) & one:
            found = _report(block, squeezed, begins, index, count, word, table, out, found)
    return found


@njit(cache=True)
def _slowly(
    block: Any, at: Any, until: Any, classes: Any, starts: Any, pool: Any, squeezed: Any, begins: Any, state: Any
) -> Any:
    """Squeeze a few bytes among which something is no plain letter; returns where it stopped (past a character)."""
    stop = len(block)
    length, count, before = state[0], state[1], state[2]
    while at < until:
        code: Any = np.int64(block[at])
        used: Any = 1
        if classes[block[at]] == 255 and code != 43:
            code, used = escape_at(block, at, stop) if code == 92 else character_at(block, at, stop)
        listed = code < len(starts) - 1
        from_: Any = starts[code] if listed else 0
        to: Any = starts[code + 1] if listed else 1
        for piece in range(from_, to):
            value: Any = np.int64(pool[piece]) if listed else high(code)
            if value >= 0:
                kind = int(value > 0) + int(48 <= value < 58)
                squeezed[length] = short(value)
                begins[count] = np.uint64((at << 20) | length)
                count += int(kind > before)
                length += int(kind != 0)
                before = kind
        at += used
    state[0], state[1], state[2] = length, count, before
    return at


@njit(cache=True, nogil=True, boundscheck=False)
def _plainly(block: Any, at: Any, until: Any, classes: Any, other: Any, squeezed: Any, begins: Any, state: Any) -> Any:
    """Squeeze plain ASCII, eight bytes a step and without a branch; returns where something else stands."""
    here, end = np.uint64(at), np.uint64(until)
    length, count, before = np.uint64(state[0]), np.uint64(state[1]), np.uint32(state[2])
    eight, twenty, tip = np.uint64(8), np.uint64(20), np.uint32(8)
    while here + eight <= end:
        if _has_special(_eight(block, here), other):
            break
        for step in range(8):
            folded = classes[block[here + np.uint64(step)]]
            kind = folded >> tip
            squeezed[length] = np.uint8(folded)
            begins[count] = ((here + np.uint64(step)) << twenty) | length
            count += np.uint64(kind > before)
            length += np.uint64(kind != np.uint32(0))
            before = kind
        here += eight
    state[0], state[1], state[2] = length, count, before
    return np.int64(here)


@njit(cache=True, nogil=True, boundscheck=False)
def _scan(
    block: Any, classes: Any, kinds: Any, other: Any, width: Any, bitmap: Any, table: Any, folds: Any, out: Any
) -> Any:
    """Squeeze a piece at a time; letters that may still begin a window are carried into the next piece."""
    stop: Any = len(block)
    at: Any = 0
    found: Any = 0
    starts, pool = folds
    squeezed = np.zeros(_PIECE * 7 + 256, np.uint8)
    begins = np.empty(_PIECE * 7 + 256, np.uint64)
    state = np.zeros(3, np.int64)  # letters, begins, kind of the last character
    while at < stop:
        until = min(stop, at + _PIECE)
        while at < until:
            at = _plainly(block, at, until, kinds, other, squeezed, begins, state)
            if at < until:
                at = _slowly(block, at, min(until, at + 8), classes, starts, pool, squeezed, begins, state)
        length, count = state[0], state[1]
        squeezed[length : length + _AHEAD] = 0
        settled = count
        if at < stop:
            while settled > 0 and np.int64(begins[settled - 1] & _PLACE) + _AHEAD > length:
                settled -= 1
        found = _look(block, squeezed, begins, settled, count, width, bitmap, table, out, found)
        moved = max(0, length - _AHEAD)
        for place in range(length - moved):
            squeezed[place] = squeezed[moved + place]
        for index in range(settled, count):
            begins[index - settled] = begins[index] - np.uint64(moved)
        state[0], state[1] = length - moved, count - settled
    return found


@njit(cache=True, nogil=True)
def _pluses(block: Any, classes: Any, out: Any, found: Any) -> Any:
    """Report every plus sign that stands behind a letter or a digit (or behind what is no ASCII)."""
    for at in range(1, len(block)):
        if block[at] == 43 and classes[block[at - 1]] != 0:
            if found < len(out):
                out[found, 0] = at
                out[found, 1] = -1
            found += 1
    return found
