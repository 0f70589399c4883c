"""Maps that say in one look whether a form may begin with these letters: two bits of one word for each beginning.

A blocked Bloom filter: it may say yes too often, never no. Putze, Sanders and Singler, "Cache-, hash- and
space-efficient Bloom filters", Journal of Experimental Algorithmics 14 (2009).
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

PREFIX: Final = 4
MIDDLE, LONG = 11, 14  # letters of a form that are looked up, after its first eight, before any are squeezed
_LARGEST: Final = 23  # a map of 2 ** 23 bits is a megabyte: it stays in the second cache
_MANY: Final = 1 << 15  # keys from which on those that are equal are not told apart first
_PRIME: Final = np.uint64(0x9E3779B97F4A7C15)
Words = npt.NDArray[np.uint64]
Maps = tuple[Any, ...]


def map_of(keys: Words) -> Words:
    """Mark every key, in 32 bits or more for each as long as that is no more than a megabyte."""
    count = len(keys) if len(keys) >= _MANY else len(np.unique(keys))
    bits = min(_LARGEST, max(12, int(np.ceil(np.log2(32 * max(1, count))))))
    marks = np.zeros((1 << bits) // 64, np.uint64)
    _mark(marks, shift_of(marks), keys)
    return marks


def shift_of(marks: Words) -> np.uint64:
    """Return how far a product is shifted to be a bit's place in a map."""
    return np.uint64(64 - (64 * len(marks)).bit_length() + 1)


def front_of(words: Words, width: int) -> Words:
    """Mark the first ``width`` letters of every form."""
    return map_of(words & (~np.uint64(0) >> np.uint64(64 - 8 * width)))


def maps_of(words: tuple[Words, Words], sizes: npt.NDArray[np.int64], firsts: Words) -> Maps:
    """Make the maps for ``known_as`` from every form's first eight letters, next eight and length; and the first four.

    Returns (first none to four letters, first eight or all, first eight, eleven or fourteen of longer ones, which of
    these lengths there are, and how far products are shifted for each map).
    """
    shown = np.where(sizes >= LONG, LONG, np.where(sizes >= MIDDLE, MIDDLE, np.minimum(sizes, 8)))
    exact = np.bincount(shown, minlength=LONG + 1).astype(bool)
    long, more = shown >= 8, np.uint64(8) * np.maximum(shown - 8, 0).astype(np.uint64)
    rest = words[1] & ((np.uint64(1) << more) - np.uint64(1))
    maps = _prefixes(firsts), map_of(words[0]), map_of(((words[0] * _PRIME) ^ rest)[long])
    return *maps, exact, *(shift_of(marks) for marks in maps)


def _prefixes(firsts: Words) -> Words:
    return map_of(np.concatenate([firsts & np.uint64((1 << (8 * size)) - 1) for size in range(PREFIX + 1)]))


@njit(cache=True, nogil=True, boundscheck=False, forceinline=True)
def _bits_of(shift: Any, key: Any) -> Any:
    mixed, low, one = key * np.uint64(0x9E3779B97F4A7C15), np.uint64(63), np.uint64(1)
    place, other = mixed >> shift, mixed >> (shift - np.uint64(6))
    return place >> np.uint64(6), (one << (place & low)) | (one << (other & low))


@njit(cache=True, boundscheck=False)
def _mark(marks: Any, shift: Any, keys: Any) -> None:
    for key in keys:
        place, bits = _bits_of(shift, key)
        marks[place] |= bits


@njit(cache=True, nogil=True, boundscheck=False, forceinline=True)
def marked(marks: Any, shift: Any, key: Any) -> Any:
    """Whether a key may be one of a map's."""
    place, bits = _bits_of(shift, key)
    return marks[place] & bits == bits


@njit(cache=True, nogil=True, boundscheck=False, forceinline=True)
def known_as(maps: Any, first: Any, second: Any, count: Any) -> Any:
    """Whether a form may begin with these letters (eight and eight), of which so many are given."""
    _, heads, tails, exact, _, shift_heads, shift_tails = maps
    for size in range(PREFIX, 8):
        if exact[size]:
            if count < np.uint64(size):
                return True
            if marked(heads, shift_heads, first & (~np.uint64(0) >> np.uint64(64 - 8 * size))):
                return True
    if count < np.uint64(8):
        return exact[8] or exact[MIDDLE] or exact[LONG]
    if not marked(heads, shift_heads, first):
        return False
    if (count < np.uint64(MIDDLE) and exact[MIDDLE]) or (count < np.uint64(LONG) and exact[LONG]):
        return True
    return _tail_known(tails, shift_tails, first, second)


@njit(cache=True, nogil=True, boundscheck=False, forceinline=True)
def _tail_known(tails: Any, shift: Any, first: Any, second: Any) -> Any:
    mixed, one = first * np.uint64(0x9E3779B97F4A7C15), np.uint64(1)
    middle = second & ((one << np.uint64(8 * (MIDDLE - 8))) - one)
    long = second & ((one << np.uint64(8 * (LONG - 8))) - one)
    return marked(tails, shift, mixed) | marked(tails, shift, mixed ^ middle) | marked(tails, shift, mixed ^ long)


@njit(cache=True, nogil=True, boundscheck=False, forceinline=True)
def known_by_sixteen(maps: Any, first: Any, second: Any) -> Any:
    """Do as ``known_as`` does where all sixteen are given, without a branch: several maps are waited for at once."""
    _, heads, tails, exact, _, shift_heads, shift_tails = maps
    known = marked(heads, shift_heads, first) & _tail_known(tails, shift_tails, first, second)
    for size in range(PREFIX, 8):
        if exact[size]:
            known |= marked(heads, shift_heads, first & (~np.uint64(0) >> np.uint64(64 - 8 * size)))
    return known
