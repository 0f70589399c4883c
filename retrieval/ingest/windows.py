"""The keys of an ingest index: keyed hashes of the letters that follow each begin of a word or number.

1. A text is folded and squeezed to letters and digits, as ``retrieval.prefilter`` does; a needle's forms
   (``retrieval.anchors``) begin where a word or a number begins.
2. The first 4, 5, 6, 8 and 12 letters behind each begin are hashed (SipHash-1-3 under the index's key); 16, 6, 4, 6 and
   8 bits of these, side by side, are the key: in order, so that a form of four letters is a range of keys and a longer
   one a narrower range.
3. A mailbox tag ("+shop") hides what follows a name: each such "+" gives keys of the letters before it.

An entry is one word: the key's 40 bits above the 24 bits of the block in which it stands; a sorted array of them is the
index. It names every block that may hold a needle (too many, never too few); the exact rules decide in the block.

SipHash: Aumasson and Bernstein 2012, IACR ePrint 2012/351.
"""

from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

from retrieval.anchors import forms_of
from retrieval.letters import Bytes, character_at, escape_at, high, letters, short
from retrieval.near import Signatures, band_keys
from retrieval.text import normalise, squeeze
from retrieval.types import Needle

Entries = npt.NDArray[np.uint64]
BLOCK_BITS: Final = 24
BLOCKS: Final = 1 << BLOCK_BITS
BANDS_KEPT: Final = 16  # of 24: at a similarity of 0.8 a pair shares one with a probability of 0.998
_SIZES: Final = (4, 5, 6, 8, 12)
_UPTO: Final = (16, 22, 26, 32, 40)  # bits of the key that letters so many decide
_ATS: Final = ("", "40", "64", "commat", "at", "arroba")
_LONG: Final = 12
_TAG: Final = 1  # no letter: it begins the letters before a tag's plus sign
_ROOM: Final = 65_536


class Keys:
    """What a key makes of texts, of needles and of signatures."""

    def __init__(self, key: bytes) -> None:
        halves = blake2b(b"ingest index: windows", key=key[:64], digest_size=16).digest()
        self._halves = np.frombuffer(halves, "<u8").astype(np.uint64)

    def entries(self, content: Bytes, ends: npt.NDArray[np.int64], first: int, *, json: bool) -> Entries:
        """Return the entries of a run of blocks, (entries,) uint64 unsorted; block ``n`` ends at byte ``ends[n]``."""
        tables, size = letters(), len(content) // 3 + 1_024
        while True:
            out = np.empty(size, np.uint64)
            folds = (tables.starts, tables.pool)
            found = _windows(content, ends, first, _plain(json), folds, self._halves, out)
            if found <= size:
                return out[:found]
            size = found

    def near_entries(self, signatures: Signatures, blocks: npt.NDArray[np.uint64]) -> Entries:
        """Return the entries of signatures (texts, 120), text ``n`` of which stands in block ``blocks[n]``."""
        kept = band_keys(signatures)[:, :BANDS_KEPT] & ~np.uint64(BLOCKS - 1)
        return np.asarray(kept | blocks[:, None]).ravel()

    def ranges(self, needle: Needle, region: str | None = None) -> list[tuple[int, int]]:
        """Return ranges of entries, (first, last), in which every block that may hold a needle has one.

        Raises ``UnknownKind`` and ``UnusableNeedle`` as ``normalise`` does.
        """
        forms, _ = forms_of(needle, region)
        wanted = {_eight_bits(spelled) for form in forms for spelled in _spelled(*form)}
        if needle.kind == "email":
            wanted |= _before_plus(squeeze(normalise("email", needle.value).partition("@")[0]))
        return sorted({self._range(letters_) for letters_ in wanted})

    def near_ranges(self, signatures: Signatures) -> list[tuple[int, int]]:
        """Return the same for texts: the blocks that may hold a near-duplicate."""
        keys = np.unique(band_keys(signatures)[:, :BANDS_KEPT] & ~np.uint64(BLOCKS - 1))
        return [(int(key), int(key) + BLOCKS - 1) for key in keys]

    def _range(self, wanted: bytes) -> tuple[int, int]:
        bits = next(upto for size, upto in zip(_SIZES[::-1], _UPTO[::-1], strict=True) if size <= len(wanted))
        word = np.frombuffer(wanted[:_LONG].ljust(16, b"\0"), "<u8").astype(np.uint64)
        key = int(_key(word[0], word[1], self._halves[0], self._halves[1])) >> (40 - bits)
        return key << (64 - bits), ((key + 1) << (64 - bits)) - 1


@lru_cache(maxsize=2)
def _plain(json: bool) -> npt.NDArray[np.uint16]:
    """For each byte its folded letter, and above it what it is: 0 a separator, 1 a letter, 2 a digit, 3 not plain."""
    table = np.full(256, 3 << 8, np.uint16)
    for code in range(128):
        lowered = chr(code).lower()
        kind = int(lowered.isalnum()) + int(lowered.isdigit())
        table[code] = (kind << 8) | (ord(lowered) if kind else 0)
    table[ord("+")] = 3 << 8
    if json:
        table[ord("\\")] = 3 << 8
    return table


def _spelled(form: str, domain: str) -> Iterable[str]:
    """A short mailbox name is looked for with the domain behind it, as its separator may be written."""
    return [form + at + domain for at in _ATS] if domain and len(form) < _LONG else [form]


def _eight_bits(text: str) -> bytes:
    return bytes(short(ord(letter)) for letter in text[:_LONG])


def _before_plus(local: str) -> set[bytes]:
    """The keys of a name that a tag may follow: of its last four letters, or of the last one where it has no four."""
    if len(local) >= _LONG or not local:
        return set()
    last = _eight_bits(local[-4:]) if len(local) >= 4 else _eight_bits(local[-1])
    return {bytes([_TAG] * (5 - len(last))) + last + bytes(_LONG - 5)}


@njit(cache=True, inline="always")
def _turned(word: Any, by: Any) -> Any:
    return (word << np.uint64(by)) | (word >> np.uint64(64 - by))


@njit(cache=True, inline="always")
def _round(a: Any, b: Any, c: Any, d: Any) -> tuple[Any, Any, Any, Any]:
    a += b
    b = _turned(b, 13) ^ a
    a = _turned(a, 32)
    c += d
    d = _turned(d, 16) ^ c
    a += d
    d = _turned(d, 21) ^ a
    c += b
    b = _turned(b, 17) ^ c
    return a, b, _turned(c, 32), d


@njit(cache=True, inline="always")
def _hashed(low: Any, up: Any, key0: Any, key1: Any) -> Any:
    """SipHash-1-3 of sixteen bytes."""
    a, b = key0 ^ np.uint64(0x736F6D6570736575), key1 ^ np.uint64(0x646F72616E646F6D)
    c, d = key0 ^ np.uint64(0x6C7967656E657261), key1 ^ np.uint64(0x7465646279746573)
    a, b, c, d = _round(a, b, c, d ^ low)
    a, b, c, d = _round(a ^ low, b, c, d ^ up)
    a ^= up
    end = np.uint64(16) << np.uint64(56)
    a, b, c, d = _round(a, b, c, d ^ end)
    a ^= end
    c ^= np.uint64(0xFF)
    for _ in range(3):
        a, b, c, d = _round(a, b, c, d)
    return a ^ b ^ c ^ d


@njit(cache=True)
def _key(low: Any, up: Any, key0: Any, key1: Any) -> Any:
    """Return the 40 bits of a key: of up to twelve letters, eight bits each, the first one lowest."""
    every, none = np.uint64(0xFFFFFFFFFFFFFFFF), np.uint64(0)
    key = _hashed(low & np.uint64(0xFFFFFFFF), none, key0, key1) >> np.uint64(48)
    key = (key << np.uint64(6)) | (_hashed(low & (every >> np.uint64(24)), none, key0, key1) >> np.uint64(58))
    key = (key << np.uint64(4)) | (_hashed(low & (every >> np.uint64(16)), none, key0, key1) >> np.uint64(60))
    key = (key << np.uint64(6)) | (_hashed(low, none, key0, key1) >> np.uint64(58))
    return (key << np.uint64(8)) | (_hashed(low, up & np.uint64(0xFFFFFFFF), key0, key1) >> np.uint64(56))


@njit(cache=True, inline="always")
def _four(squeezed: Any, at: Any) -> Any:
    word = np.uint64(squeezed[at])
    for place in range(1, 4):
        word |= np.uint64(squeezed[at + place]) << np.uint64(8 * place)
    return word


@njit(cache=True)
def _put(key: Any, block: Any, out: Any, found: Any) -> Any:
    if found < len(out):
        out[found] = (key << np.uint64(24)) | np.uint64(block)
    return found + 1


@njit(cache=True)
def _look(squeezed: Any, begins: Any, upto: Any, block: Any, halves: Any, out: Any, found: Any) -> Any:
    """Write the entry of each begin."""
    for index in range(upto):
        at = begins[index]
        low = _four(squeezed, at) | (_four(squeezed, at + 4) << np.uint64(32))
        found = _put(_key(low, _four(squeezed, at + 8), halves[0], halves[1]), block, out, found)
    return found


@njit(cache=True)
def _tagged(squeezed: Any, length: Any, block: Any, halves: Any, out: Any, found: Any) -> Any:
    """Write the entries of the letters before a plus sign: of the last one, and of the last four."""
    one = np.uint64(0x01010101) | (np.uint64(squeezed[length - 1]) << np.uint64(32))
    found = _put(_key(one, np.uint64(0), halves[0], halves[1]), block, out, found)
    if length >= 4:
        four = np.uint64(1) | (_four(squeezed, length - 4) << np.uint64(8))
        found = _put(_key(four, np.uint64(0), halves[0], halves[1]), block, out, found)
    return found


@njit(cache=True)
def _spill(squeezed: Any, begins: Any, state: Any, block: Any, halves: Any, out: Any, found: Any) -> Any:
    """Write what is settled; letters that may still begin a window, or stand before a tag, move to the front."""
    length, count = state[0], state[1]
    settled = count
    while settled > 0 and begins[settled - 1] + 12 > length:
        settled -= 1
    found = _look(squeezed, begins, settled, block, halves, out, found)
    moved = length - 16
    for place in range(16):
        squeezed[place] = squeezed[moved + place]
    for index in range(settled, count):
        begins[index - settled] = begins[index] - moved
    state[0], state[1] = 16, count - settled
    return found


@njit(cache=True)
def _character(code: Any, starts: Any, pool: Any, squeezed: Any, begins: Any, state: Any) -> None:
    """Lay the letters of one character beside the others."""
    length, count, before = state[0], state[1], state[2]
    listed = code < len(starts) - 1
    from_: Any = starts[code] if listed else 0
    to: Any = starts[code + 1] if listed else 1
    for piece in range(from_, to):
        value: Any = np.int64(pool[piece]) if listed else high(code)
        if value >= 0:
            kind = int(value > 0) + int(48 <= value < 58)
            begins[count] = length
            count += int(kind > before)
            squeezed[length] = short(value)
            length += int(kind > 0)
            before = kind
    state[0], state[1], state[2] = length, count, before


@njit(cache=True, nogil=True, boundscheck=False)
def _plainly(content: Any, at: Any, stop: Any, plain: Any, squeezed: Any, begins: Any, state: Any) -> Any:
    """Squeeze ASCII up to where something else stands, or to where there is no more room; returns that place."""
    length, count, before = state[0], state[1], state[2]
    stop = min(stop, at + _ROOM - length)
    while at < stop:
        folded = plain[content[at]]
        kind = np.int64(folded >> 8)
        if kind == 3:
            break
        begins[count] = length
        count += np.int64(kind > before)
        squeezed[length] = np.uint8(folded)
        length += np.int64(kind > 0)
        before = kind
        at += 1
    state[0], state[1], state[2] = length, count, before
    return at


@njit(cache=True, nogil=True, boundscheck=False)
def _windows(content: Any, ends: Any, first: Any, plain: Any, folds: Any, halves: Any, out: Any) -> Any:
    """Squeeze block after block; nothing is carried from one into the next."""
    squeezed, begins = np.zeros(_ROOM + 256, np.uint8), np.empty(_ROOM + 256, np.int64)
    state, (starts, pool), json = np.zeros(3, np.int64), folds, plain[92] >> 8 == 3
    found: Any = 0
    at: Any = 0
    for number in range(len(ends)):
        stop: Any = ends[number]
        state[:] = 0  # letters, begins, kind of the last character
        while at < stop:
            if state[0] >= _ROOM:
                found = _spill(squeezed, begins, state, first + number, halves, out, found)
            at = _plainly(content, at, stop, plain, squeezed, begins, state)
            if at < stop and state[0] < _ROOM:
                escaped = json and content[at] == 92
                code, used = escape_at(content, at, stop) if escaped else character_at(content, at, stop)
                if (code == 43 or code == 0xFF0B) and state[2] > 0:
                    found = _tagged(squeezed, state[0], first + number, halves, out, found)
                _character(code, starts, pool, squeezed, begins, state)
                at += used
        squeezed[state[0] : state[0] + 16] = 0
        found = _look(squeezed, begins, state[1], first + number, halves, out, found)
    return found
