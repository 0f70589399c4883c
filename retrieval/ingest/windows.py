"""The keys of an ingest index: keyed hashes of the letters that follow each begin of a word or number.

1. A text is folded and squeezed to letters and digits, as ``retrieval.prefilter`` does; a needle's forms
   (``retrieval.anchors``) begin where a word or a number begins.
2. The first 4, 5, 6, 8, 10 and 16 letters behind each begin are hashed (SipHash-1-3 under the index's key); 13, 5, 4,
   6, 6 and 10 bits of these, side by side, are the key: in order, so that a form of four letters is a range of keys and
   a longer one a narrower range.
3. A mailbox tag ("+shop") hides what follows a name: each such "+" gives keys of the letters before it.

An entry is one word: the key's 44 bits above the 20 bits of the block in which it stands; a sorted array of them is the
index. It names every block that may hold a needle (too many, never too few); the exact rules decide in the block.

SipHash: Aumasson and Bernstein 2012, IACR ePrint 2012/351.
"""

from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import Final

import numpy as np
import numpy.typing as npt

from retrieval.anchors import forms_of
from retrieval.ingest.kernels import TAG, key_of, windows
from retrieval.letters import Bytes, letters, short
from retrieval.near import Signatures, band_keys
from retrieval.text import normalise, squeeze
from retrieval.types import Needle

Entries = npt.NDArray[np.uint64]
BLOCK_BITS: Final = 20
BLOCKS: Final = 1 << BLOCK_BITS
BANDS_KEPT: Final = 16  # of 24: at a similarity of 0.8 a pair shares one with a probability of 0.998
_SIZES: Final = (4, 5, 6, 8, 10, 16)
_UPTO: Final = (13, 18, 22, 28, 34, 44)  # bits of the key that letters so many decide
_ATS: Final = ("", "40", "64", "commat", "at", "arroba")
_LONG: Final = 16


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
            found = windows(content, ends, first, _plain(json), folds, self._halves, out)
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
        key = int(key_of(word[0], word[1], self._halves[0], self._halves[1])) >> (44 - bits)
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
    return {bytes([TAG] * (5 - len(last))) + last + bytes(_LONG - 5)}
