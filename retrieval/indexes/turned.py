"""Indexes whose vectors are turned before they are stored (faiss' IndexPreTransform): PCA, OPQ, a norm, a rotation.

What is stored lies below, and is erased as any index is. What a rotation has learned is judged as a code book is: who
weighed on it above the limit is in it still, until it is learned again from the original vectors.
"""

from collections.abc import Callable
from typing import Any, Final

import faiss as faiss_bindings
import numpy as np

from retrieval.errors import UnsupportedIndex
from retrieval.indexes import compressed, originals, vectors
from retrieval.indexes.vectors import Ids
from retrieval.types import Vectors

faiss: Any = faiss_bindings
_NUMBERS: Final = ("mean", "eigenvalues", "PCAMat", "A", "b", "init_rotation")
_PARTS: Final = ("itq", "pca_then_itq")  # transformations that one is made of


def below(index: Any) -> Any:
    """Return the index that stores, with its ids, while ``index`` is kept; without transformations it is the index."""
    outer, pre = faiss.downcast_index(index), _pre(index)
    if pre is None:
        return index
    stored = faiss.downcast_index(pre.index)
    if outer.this == pre.this:
        return stored
    count, stored.ntotal = stored.ntotal, 0  # faiss puts ids above an empty index only
    named = faiss.IndexIDMap2(stored)
    stored.ntotal = named.ntotal = count
    faiss.copy_array_to_vector(faiss.vector_to_array(outer.id_map), named.id_map)
    named.construct_rev_map()
    return named


def above(index: Any, stored: Any) -> Any:
    """Return ``stored`` below the transformations of ``index``, which must outlive what is returned."""
    return _under(stored, _chain(index))


def is_learned(index: Any) -> bool:
    """Say whether a transformation was learned from the vectors."""
    return any(_is_learned(one) for one in _chain(index))


def unlearned(index: Any) -> Any:
    """Put zeros in place of what the transformations have learned."""
    for one in filter(_is_learned, _chain(index)):
        for part in (one, *(getattr(one, name) for name in _PARTS if hasattr(one, name))):
            for name in _NUMBERS:
                numbers = getattr(part, name, None)
                if numbers is not None:
                    kind = np.float64 if isinstance(numbers, faiss.Float64Vector) else np.float32
                    faiss.copy_array_to_vector(np.zeros(numbers.size(), kind), numbers)
    return index


def learned_again(index: Any, remove: Ids, gone: frozenset[int], of: Callable[[Ids], Vectors]) -> tuple[Any, str]:
    """Return an index of the same shape, everything in it learned from and filled with the vectors of those who stay.

    ``of`` gives them for ids, as they were before any transformation; raises ``StoreOutOfStep`` for others than those.
    """
    if not _chain(index):
        return compressed.learned_again(index, remove, gone, of)
    stored = below(index)
    inner = vectors.inner_of(stored)
    if isinstance(inner, faiss.IndexHNSW):
        raise UnsupportedIndex(
            "Learning a transformation above a graph again: this is not done here; rebuild the index from its "
            "documents. Nothing was changed."
        )
    ids, codes = compressed.kept(stored, inner, remove, gone)
    given = of(ids)
    originals.check_dimension(given, index.d)
    originals.check(inner, codes, _turned(index, given), ids)
    fresh = _under(compressed.emptied(inner), [_remade(one, inner) for one in _chain(index)])
    fresh.is_trained = False
    fresh.train(given)
    how = f"learned again from the original vectors of those who stay (all {len(ids):,} have their stored codes)"
    if not isinstance(inner, faiss.IndexIVF):
        named = faiss.IndexIDMap2(fresh)
        named.add_with_ids(given, ids)
        return named, f"transformation and code book {how}"
    fresh.add_with_ids(given, ids)
    return fresh, f"transformation, code book and centroids {how}"


def _pre(index: Any) -> Any:
    index = faiss.downcast_index(index)
    if isinstance(index, (faiss.IndexIDMap, faiss.IndexIDMap2)):
        index = faiss.downcast_index(index.index)
    return index if isinstance(index, faiss.IndexPreTransform) else None


def _chain(index: Any) -> list[Any]:
    pre = _pre(index)
    return [] if pre is None else [faiss.downcast_VectorTransform(pre.chain.at(at)) for at in range(pre.chain.size())]


def _under(stored: Any, chain: list[Any]) -> Any:
    if not chain:
        return stored
    made = faiss.IndexPreTransform(stored)
    for one in reversed(chain):
        made.prepend_transform(one)
    return made


def _is_learned(one: Any) -> bool:
    fixed = (faiss.RandomRotationMatrix, faiss.NormalizationTransform, faiss.RemapDimensionsTransform)
    return not isinstance(one, fixed)


def _turned(index: Any, given: Vectors) -> Vectors:
    for one in _chain(index):
        given = one.apply(np.ascontiguousarray(given, np.float32))
    return given


def _remade(one: Any, inner: Any) -> Any:
    """Return an untrained transformation of the same shape; one that is not learned is taken as it is."""
    if not _is_learned(one):
        return one
    if isinstance(one, faiss.PCAMatrix):
        return faiss.PCAMatrix(one.d_in, one.d_out, one.eigen_power, one.random_rotation)
    if isinstance(one, faiss.CenteringTransform):
        return faiss.CenteringTransform(one.d_in)
    if hasattr(inner, "pq"):  # a file does not say that a matrix is OPQ's, but what else stands before a code book
        return faiss.OPQMatrix(one.d_in, inner.pq.M, one.d_out)
    raise UnsupportedIndex(
        f"Learning a {type(one).__name__} again: how it was learned is not known; erase without the original "
        "vectors (then it is owed), or rebuild the index from its documents. Nothing was changed."
    )
