"""Near-duplicates: documents that share most of their runs of three words, found by keyed MinHash and bands.

1. A text's words are folded (case, accents, invisible characters make no other word) and hashed under a key; every
   three words in a row are one shingle.
2. 120 keyed hash functions each keep their least shingle: the share of equal places estimates the Jaccard similarity.
3. 24 bands of five places are keys: documents that share a key are compared. At a similarity of 0.8 a pair shares one
   with a probability of 0.9999.

MinHash: Broder 1997. Bands: Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, chapter 3.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

from retrieval.letters import REACH, character_at, high, letters

PLACES, BANDS, WORDS = 120, 24, 3
MARGIN: Final = 0.08  # two standard deviations of the estimate at 0.8
Signatures = npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Near:
    """A pair of documents: the number of the query, of the document, and the estimated Jaccard similarity."""

    query: int
    document: int
    similarity: float


class Signer:
    """Makes signatures under one key: equal keys give comparable signatures, without the key they say nothing."""

    def __init__(self, key: bytes = b"") -> None:
        seed = blake2b(b"near-duplicates", key=key[:64], digest_size=8).digest()
        chance = np.random.default_rng(int.from_bytes(seed, "little"))
        self._factors = chance.integers(1, 1 << 63, PLACES, np.uint64) | np.uint64(1)
        self._offsets = chance.integers(0, 1 << 63, PLACES, np.uint64)

    def sign(self, texts: Sequence[str]) -> Signatures:
        """Return signatures, (texts, 120) uint32; a text without words has the signature of nothing (all ones)."""
        tables = letters()
        raw = [text.encode("utf-8", "surrogatepass") for text in texts]
        ends = np.cumsum([len(part) for part in raw], dtype=np.int64)
        every = np.frombuffer(b"".join(raw), np.uint8)
        out = np.full((len(raw), PLACES), 0xFFFFFFFF, np.uint32)
        _sign(every, ends, tables.starts, tables.pool, self._factors, self._offsets, out)
        return out


def band_keys(signatures: Signatures) -> npt.NDArray[np.uint64]:
    """Return band keys, (texts, 24) uint64: two texts that share one are worth comparing."""
    return np.asarray(_bands(signatures))


class NearIndex:
    """Documents by their bands."""

    def __init__(self, signatures: Signatures) -> None:
        self._signatures = signatures
        keys = band_keys(signatures)
        self._order = np.argsort(keys, axis=0, kind="stable")
        self._keys = np.take_along_axis(keys, self._order, axis=0)

    def near(self, signatures: Signatures, *, similarity: float = 0.8) -> list[Near]:
        """Return documents whose estimated similarity to a query reaches ``similarity``, less 0.08 for the estimate."""
        keys = band_keys(signatures)
        pairs: set[tuple[int, int]] = set()
        for band in range(BANDS):
            low = np.searchsorted(self._keys[:, band], keys[:, band], side="left")
            up = np.searchsorted(self._keys[:, band], keys[:, band], side="right")
            for query in np.flatnonzero(up > low).tolist():
                pairs.update((query, int(row)) for row in self._order[low[query] : up[query], band])
        return self._compared(signatures, sorted(pairs), similarity - MARGIN)

    def _compared(self, signatures: Signatures, pairs: list[tuple[int, int]], least: float) -> list[Near]:
        found: list[Near] = []
        for start in range(0, len(pairs), 65_536):
            some = np.array(pairs[start : start + 65_536], np.int64)
            equal = (signatures[some[:, 0]] == self._signatures[some[:, 1]]).mean(axis=1)
            kept = np.flatnonzero(equal >= least)
            found += [Near(int(some[at, 0]), int(some[at, 1]), float(equal[at])) for at in kept]
        return found


def near_duplicates(
    documents: Sequence[str], queries: Sequence[str], *, similarity: float = 0.8, key: bytes = b""
) -> list[Near]:
    """Return the documents that nearly say what a query says; ``similarity`` is Jaccard over runs of three words."""
    signer = Signer(key)
    return NearIndex(signer.sign(documents)).near(signer.sign(queries), similarity=similarity)


@njit(cache=True, inline="always")
def _mixed(value: Any) -> Any:
    value = (value ^ (value >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    return value ^ (value >> np.uint64(32))


@njit(cache=True)
def _keep_least(shingle: Any, factors: Any, offsets: Any, row: Any) -> None:
    for place in range(len(row)):
        value = np.uint32((shingle * factors[place] + offsets[place]) >> np.uint64(32))
        row[place] = min(row[place], value)


@njit(cache=True, nogil=True)
def _sign(every: Any, ends: Any, starts: Any, pool: Any, factors: Any, offsets: Any, out: Any) -> None:
    at: Any = 0
    for document in range(len(ends)):
        stop = ends[document]
        word = np.uint64(0)
        before, last, words = np.uint64(0), np.uint64(0), 0
        while at <= stop:
            code: Any = 32
            used: Any = 1
            if at < stop:
                code, used = character_at(every, at, stop)
            at += used
            from_: Any = starts[code] if code < REACH else 0
            to: Any = starts[code + 1] if code < REACH else 1
            for piece in range(from_, to):
                value: Any = np.int64(pool[piece]) if code < REACH else high(code)
                if value > 0:
                    word = _mixed(word ^ np.uint64(value)) + np.uint64(1)
                elif value == 0 and word != np.uint64(0):
                    words += 1
                    if words >= 3:
                        shingle = _mixed(_mixed(_mixed(before) + last) + word)
                        _keep_least(shingle, factors, offsets, out[document])
                    before, last, word = last, word, np.uint64(0)
        if 0 < words < 3:
            _keep_least(_mixed(before + _mixed(last)), factors, offsets, out[document])
        at = stop


@njit(cache=True)
def _bands(signatures: Any) -> Any:
    keys = np.empty((len(signatures), 24), np.uint64)
    for row in range(len(signatures)):
        for band in range(24):
            value = np.uint64(band + 1)
            for place in range(5 * band, 5 * band + 5):
                value = _mixed(value ^ np.uint64(signatures[row, place])) + np.uint64(place)
            keys[row, band] = value
    return keys
