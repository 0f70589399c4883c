"""Search a faiss index among chosen ids only: what is hidden never becomes a candidate."""

from dataclasses import dataclass
from typing import Any

import faiss as faiss_bindings
import numpy as np
import numpy.typing as npt

from retrieval.errors import UnsupportedIndex
from retrieval.indexes.scrub import NOBODY
from retrieval.indexes.vectors import inner_of
from retrieval.types import Vectors

faiss: Any = faiss_bindings  # its stubs do not know half of what it offers
_SPARSE = 512  # numbers a chosen one, above which a set of them is smaller than a bit each


@dataclass(frozen=True)
class Chosen:
    """Which ids a search may return, as faiss selects them: made once, used by many searches."""

    selector: Any
    parts: tuple[Any, ...]  # kept, because the selector does not own what it is made of
    unseen: frozenset[int] = frozenset()

    @staticmethod
    def without(ids: frozenset[int]) -> "Chosen":
        """Choose all but these."""
        if not ids:
            return Chosen(None, ())
        barred = faiss.IDSelectorBatch(np.fromiter(ids, np.int64, len(ids)))
        return Chosen(faiss.IDSelectorNot(barred), (barred,), ids)

    def has(self, id: int) -> bool:
        """Say whether a search may return an id."""
        return self.selector is None or bool(self.selector.is_member(id))

    @staticmethod
    def only(ids: npt.NDArray[np.int64]) -> "Chosen":
        """Choose these and no others: a bit a number where they lie close together, else a set of them."""
        if len(ids) and ids.min() >= 0 and ids.max() < _SPARSE * len(ids):
            bits = np.zeros(-(-(int(ids.max()) + 1) // 8), np.uint8)
            np.bitwise_or.at(bits, ids >> 3, (1 << (ids & 7)).astype(np.uint8))
            return Chosen(faiss.IDSelectorBitmap(bits), (bits,))
        return Chosen(faiss.IDSelectorBatch(ids), ())


def search(index: Any, query: Vectors, k: int, chosen: Chosen) -> list[tuple[int, float]]:
    """Return (id, score) of the nearest vectors that are chosen; ``query`` is (1, dimension)."""
    inner = inner_of(index)
    how: Any = None
    if isinstance(inner, faiss.IndexHNSW):
        how = faiss.SearchParametersHNSW(efSearch=max(2 * k, inner.hnsw.efSearch, 64))
    elif chosen.selector is not None:
        is_lists = isinstance(inner, faiss.IndexIVF)
        how = faiss.SearchParametersIVF(nprobe=inner.nprobe) if is_lists else faiss.SearchParameters()
    if chosen.selector is not None:
        how.sel = chosen.selector
    try:
        scores, ids = index.search(query, k, params=how)
    except (
        RuntimeError,
        MemoryError,
    ):  # a kind to which faiss takes no selector: PQ without lists, fast scan, LSH, refined
        return _picked(index, query, k, chosen)
    found = zip(ids[0].tolist(), scores[0].tolist(), strict=True)
    return [(id, score) for id, score in found if id != NOBODY and id not in chosen.unseen]


def _picked(index: Any, query: Vectors, k: int, chosen: Chosen) -> list[tuple[int, float]]:
    """Search a kind to which faiss takes no selector: ask for more until enough of them are chosen."""
    asked = k
    while True:
        scores, ids = _searched(index, query, asked)
        every = zip(ids[0].tolist(), scores[0].tolist(), strict=True)
        found = [(id, score) for id, score in every if id != NOBODY and chosen.has(id)]
        if len(found) >= k or asked >= index.ntotal:
            return found[:k]
        asked = min(index.ntotal, 4 * asked)


def _searched(index: Any, query: Vectors, k: int) -> Any:
    try:
        return index.search(query, k)
    except (RuntimeError, MemoryError):
        raise UnsupportedIndex(
            f"Searching an index of the kind {type(inner_of(index)).__name__}: faiss itself refuses, or asks for more "
            "memory than there is; restore the index, or build it anew, of a kind that it searches."
        ) from None
