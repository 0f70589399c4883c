"""Which forms begin at a begin: their letters hashed on, and looked up at each length there is, exactly."""

from typing import Any

import numpy as np
from numba import njit

from retrieval.squeezing import PLACE


@njit(cache=True, inline="always")
def hash_of(letters: Any, at: int, size: int) -> Any:
    """FNV-1a over eight-bit letters."""
    value = np.uint64(0xCBF29CE484222325)
    for place in range(at, at + size):
        value = (value ^ np.uint64(letters[place])) * np.uint64(0x100000001B3)
    return value


@njit(cache=True, inline="always")
def slot_of(word: Any, mask: int) -> Any:
    mixed = word * np.uint64(0x9E3779B97F4A7C15)
    return np.int64((mixed ^ (mixed >> np.uint64(29))) >> np.uint64(8)) & mask


@njit(cache=True)
def _domain_follows(block: Any, squeezed: Any, at: Any, byte: Any, size: Any, wanted: Any) -> Any:
    """Whether behind a mailbox name (letter ``at``, which stands at ``byte``) its domain follows, or perhaps a tag."""
    for sign in range(6):
        skipped = (0, 2, 2, 6, 2, 6)[sign]  # "@", "%40", "&#64;", "&commat;", "at", "arroba"
        if hash_of(squeezed, at + skipped, size) == wanted:
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
    while following < count and np.int64(begins[following] & PLACE) < end:
        following += 1
    if following == count or np.int64(begins[following] & PLACE) != end:
        return False
    byte = np.int64(begins[following] >> np.uint64(20))
    return _domain_follows(block, squeezed, end, byte, size, wanted)


@njit(cache=True)
def lengths_of(word: Any, table: Any) -> Any:
    """Return, as bits, how long the forms are that begin with these eight letters or fewer."""
    present, keys, masks = table[:3]
    last, lengths = len(keys) - 1, np.uint64(0)
    for size in range(4, 9):
        if present[size]:
            head = word & (np.uint64(0xFFFFFFFFFFFFFFFF) >> np.uint64(64 - 8 * size))
            slot = slot_of(head, last)
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
def report(
    block: Any, squeezed: Any, begins: Any, index: Any, count: Any, word: Any, table: Any, out: Any, found: Any
) -> Any:
    """Write every form that begins here: its letters hashed on, and looked up at each length there is."""
    lengths, at = lengths_of(word, table), np.int64(begins[index] & PLACE)
    first, following, hashes, domain_sizes, domain_hashes, marks = table[3:]
    last, size, value = len(first) - 1, 0, np.uint64(0xCBF29CE484222325)
    while lengths >> np.uint64(size):
        if (lengths >> np.uint64(size)) & np.uint64(1) and _marked(marks, value):
            slot = slot_of(value, last)
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
