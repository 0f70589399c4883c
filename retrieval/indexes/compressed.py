"""Indexes that keep codes instead of vectors: written anew without some ids, and trained again where that is needed.

The originals are not in the index. Codes of those who stay are kept as they are; where the code book itself is to be
learned again, it is learned from what the codes say (decoded vectors), which costs some of their precision: the
receipt says so.
"""

from typing import Any

import faiss as faiss_bindings
import numpy as np

from retrieval.errors import UnsupportedIndex
from retrieval.indexes import vectors
from retrieval.indexes.scrub import NOBODY
from retrieval.indexes.vectors import Ids
from retrieval.types import Vectors

faiss: Any = faiss_bindings


def without(index: Any, remove: Ids, gone: frozenset[int], *, retrain: bool) -> tuple[Any, str]:
    """Return the index without ``remove`` and its empty slots, and how it was done. The given one is used up."""
    outer, inner = faiss.downcast_index(index), vectors.inner_of(index)
    if not isinstance(inner, (faiss.IndexIVF, faiss.IndexScalarQuantizer, faiss.IndexPQ)):
        raise UnsupportedIndex(
            f"Erasing from a {type(inner).__name__}: Flat, SQ, PQ, IVF and HNSW-Flat indexes can be changed; "
            "rebuild this one from its documents."
        )
    if retrain:
        return _trained_again(inner, *_kept(outer, inner, remove, gone))
    if vectors.has_positions(outer):
        ids = np.setdiff1d(np.arange(inner.ntotal), np.concatenate([remove, np.fromiter(gone, np.int64, len(gone))]))
        inner.remove_ids(faiss.IDSelectorNot(faiss.IDSelectorBatch(ids)))
        return _with_ids(inner, ids), "codes copied bit for bit"
    outer.remove_ids(faiss.IDSelectorBatch(np.append(remove, NOBODY)))
    return outer, "codes copied bit for bit, what was learned kept: the removed had a part in it"


def _with_ids(inner: Any, ids: Ids) -> Any:
    """Return the same codes below a map of ids."""
    codes = faiss.vector_to_array(inner.codes).reshape(inner.ntotal, -1)
    below = faiss.clone_index(inner)
    below.reset()
    index = faiss.IndexIDMap2(below)
    below.this.disown()  # the outer index frees it
    index.own_fields = True
    if len(ids):
        index.add_sa_codes(codes, np.ascontiguousarray(ids, np.int64))
    return index


def _kept(outer: Any, inner: Any, remove: Ids, gone: frozenset[int]) -> tuple[Vectors, Ids]:
    """Return what the codes of those who stay say, (n, dimension), and their ids."""
    if isinstance(inner, faiss.IndexIVF):
        places, decoded = _decoded_lists(inner)
        ids = vectors.named(faiss.vector_to_array(outer.id_map), places) if _is_mapped(outer) else places
    else:
        decoded = inner.reconstruct_n(0, inner.ntotal) if inner.ntotal else np.zeros((0, inner.d), np.float32)
        ids = faiss.vector_to_array(outer.id_map) if _is_mapped(outer) else np.arange(inner.ntotal)
    empty = np.fromiter(gone, np.int64, len(gone)) if vectors.has_positions(outer) else np.zeros(0, np.int64)
    barred = np.concatenate([remove, np.array([NOBODY]), empty])
    stay = ~np.isin(ids, barred)
    return np.ascontiguousarray(decoded[stay]), np.ascontiguousarray(ids[stay], np.int64)


def _is_mapped(outer: Any) -> bool:
    return isinstance(outer, (faiss.IndexIDMap, faiss.IndexIDMap2))


def _decoded_lists(index: Any) -> tuple[Ids, Vectors]:
    ids, decoded = [np.zeros(0, np.int64)], [np.zeros((0, index.d), np.float32)]
    lists = index.invlists
    for number in range(index.nlist):
        size = lists.list_size(number)
        if not size:
            continue
        codes = faiss.rev_swig_ptr(lists.get_codes(number), size * lists.code_size).reshape(size, -1)
        coarse = np.frombuffer(number.to_bytes(index.coarse_code_size(), "little"), np.uint8)
        whole = np.concatenate([np.broadcast_to(coarse, (size, len(coarse))), codes], axis=1)
        ids.append(faiss.rev_swig_ptr(lists.get_ids(number), size).copy())
        decoded.append(index.sa_decode(np.ascontiguousarray(whole)))
    return np.concatenate(ids), np.concatenate(decoded)


def _trained_again(inner: Any, kept: Vectors, ids: Ids) -> tuple[Any, str]:
    """Train an empty index of the same shape on the decoded vectors, and add them."""
    if len(kept) < _fewest(inner):
        raise UnsupportedIndex(
            f"Training a {type(inner).__name__} again: {len(kept)} vectors are too few for its code book; "
            "rebuild it from its documents with a smaller one."
        )
    fresh = faiss.clone_index(inner)
    fresh.reset()
    fresh.is_trained = False
    if isinstance(inner, faiss.IndexIVF):
        fresh.quantizer.reset()
    fresh.train(kept)
    if isinstance(inner, faiss.IndexIVF):
        fresh.add_with_ids(kept, ids)
        return fresh, "code book and centroids trained again on the decoded vectors of those who stay"
    fresh.add(kept)
    return _with_ids(fresh, ids), "code book trained again on the decoded vectors of those who stay"


def _fewest(inner: Any) -> int:
    words = 2 ** int(inner.pq.nbits) if hasattr(inner, "pq") else 1
    return max(words, int(inner.nlist) if isinstance(inner, faiss.IndexIVF) else 1)
