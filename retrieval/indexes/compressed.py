"""Indexes that keep codes instead of vectors: written anew without some ids, or learned again from the originals.

The originals are not in the index, and from codes alone nothing can be learned again without loss: a code book learned
from decoded vectors finds less. So the codes of those who stay are kept bit for bit, unless the caller has the vectors
that they were made from: then everything is learned again from those, as if the removed had never been there.
"""

from collections.abc import Callable
from typing import Any, Final

import faiss as faiss_bindings
import numpy as np

from retrieval.errors import UnsupportedIndex
from retrieval.indexes import fastscan, originals, vectors
from retrieval.indexes.originals import Codes
from retrieval.indexes.scrub import NOBODY
from retrieval.indexes.vectors import Ids
from retrieval.types import Vectors

faiss: Any = faiss_bindings
_ZEROED: Final = (
    faiss.IndexScalarQuantizer,
    faiss.IndexPQ,
    faiss.IndexPQFastScan,
    faiss.IndexIVFScalarQuantizer,
    faiss.IndexIVFPQ,
    faiss.IndexIVFPQFastScan,
)


def without(index: Any, remove: Ids, gone: frozenset[int]) -> tuple[Any, str]:
    """Return the index without ``remove`` and its empty slots, and how it was done. The given one is used up."""
    outer, inner = _parts(index)
    if isinstance(inner, faiss.IndexIVF):
        return _relisted(outer, inner, remove), "codes copied bit for bit"
    if isinstance(inner, faiss.IndexHNSW):
        ids, codes = _coded(outer, inner, remove, gone)
        return _graph(inner, codes, ids), "codes copied bit for bit, graph built anew over them"
    if fastscan.is_flat(inner):
        ids, codes = _coded(outer, inner, remove, gone)
        return _above(fastscan.filled(inner, codes), ids), "codes copied bit for bit"
    if vectors.has_positions(outer):
        ids = np.setdiff1d(np.arange(inner.ntotal), np.concatenate([remove, np.fromiter(gone, np.int64, len(gone))]))
        inner.remove_ids(faiss.IDSelectorNot(faiss.IDSelectorBatch(ids)))
        return _with_ids(inner, ids), "codes copied bit for bit"
    outer.remove_ids(faiss.IDSelectorBatch(np.append(remove, NOBODY)))
    return outer, "codes copied bit for bit"


def learned_again(index: Any, remove: Ids, gone: frozenset[int], of: Callable[[Ids], Vectors]) -> tuple[Any, str]:
    """Return an index of the same shape, trained on and filled with the original vectors of those who stay.

    ``of`` gives them for ids. Each is compared with its stored code first; raises ``StoreOutOfStep`` for others.
    """
    outer, inner = _parts(index)
    had_map = _without_map(inner)
    ids, codes = kept(outer, inner, remove, gone)
    given = of(ids)
    originals.check_dimension(given, inner.d)
    originals.check(fastscan.Coder(inner.pq) if fastscan.is_flat(inner) else _storing(inner), codes, given, ids)
    fresh = emptied(inner)
    fresh.train(given)
    how = f"learned again from the original vectors of those who stay (all {len(ids):,} have their stored codes)"
    if isinstance(inner, faiss.IndexIVF):
        fresh.add_with_ids(given, ids)
        _with_map(fresh, wanted=had_map)
        return fresh, f"code book and centroids {how}"
    if isinstance(inner, faiss.IndexHNSW):
        return _named(fresh, given, ids), f"code book {how}, graph built anew"
    if fastscan.is_flat(inner):
        return _named(fresh, given, ids), f"code book {how}"
    fresh.add(given)
    return _with_ids(fresh, ids), f"code book {how}"


def _storing(inner: Any) -> Any:
    """Return what holds codes: below a graph its storage."""
    return faiss.downcast_index(inner.storage) if isinstance(inner, faiss.IndexHNSW) else inner


def _graph(inner: Any, codes: Codes, ids: Ids) -> Any:
    """Return a graph of the same shape over codes, which must come out as they went in."""
    fresh = faiss.clone_index(inner)
    fresh.reset()
    index = _named(fresh, _storing(inner).sa_decode(codes) if len(codes) else np.zeros((0, inner.d), np.float32), ids)
    if not np.array_equal(_codes(_storing(fresh)), codes):
        raise UnsupportedIndex(
            f"Writing a {type(inner).__name__} anew: some codes do not come out as they went in; rebuild this index "
            "from its documents. Nothing was changed."
        )
    return index


def _named(below: Any, given: Vectors, ids: Ids) -> Any:
    index = faiss.IndexIDMap2(below)
    below.this.disown()  # the outer index frees it
    index.own_fields = True
    if len(ids):
        index.add_with_ids(np.ascontiguousarray(given, np.float32), ids)
    return index


def _above(below: Any, ids: Ids) -> Any:
    """Return a filled index below a map of ids; faiss puts ids above an empty one only."""
    count, below.ntotal = below.ntotal, 0
    index = faiss.IndexIDMap2(below)
    below.this.disown()  # the outer index frees it
    index.own_fields, below.ntotal, index.ntotal = True, count, count
    faiss.copy_array_to_vector(np.ascontiguousarray(ids, np.int64), index.id_map)
    index.construct_rev_map()
    return index


def _codes(storage: Any) -> Codes:
    if fastscan.is_flat(storage):
        return fastscan.codes_of(storage)
    return np.asarray(faiss.vector_to_array(storage.codes).reshape(-1, storage.sa_code_size()))


def _relisted(outer: Any, inner: Any, remove: Ids) -> Any:
    """Return the lists without ``remove`` and empty slots, each entry under its own id.

    faiss cannot take vectors out of lists below a map of ids: lists name places in the map, which then move.
    """
    mapped = _refuse_two_places(outer, inner)
    had_map = _without_map(inner)
    keep = _keep_blocks if fastscan.is_listed(inner) else _keep
    keep(inner, faiss.vector_to_array(outer.id_map) if mapped else None, np.append(remove, NOBODY))
    _with_map(inner, wanted=had_map)
    return faiss.clone_index(inner) if mapped else outer


def refuse_others(index: Any) -> None:
    """Raise ``UnsupportedIndex`` for an index of codes that ``without`` refuses."""
    outer, inner = _parts(index)
    if isinstance(inner, faiss.IndexIVF):
        _refuse_two_places(outer, inner)


def _refuse_two_places(outer: Any, inner: Any) -> bool:
    """Refuse lists whose codes cannot be taken out; return whether lists stand below a map of ids."""
    fastscan.refuse_others(inner)
    if isinstance(inner, faiss.IndexIVFPQR):
        raise UnsupportedIndex(
            f"Erasing from an index of the kind {type(inner).__name__}: its codes lie in two places; rebuild this one "
            "from its documents. Nothing was changed."
        )
    return outer is not inner and not isinstance(outer, faiss.IndexIVF)


def _keep_blocks(inner: Any, names: Ids | None, remove: Ids) -> None:
    """Let each list that keeps its codes in blocks have those of others than ``remove`` only."""
    lists, count = inner.invlists, 0
    for number in range(inner.nlist):
        size = lists.list_size(number)
        ids = faiss.rev_swig_ptr(lists.get_ids(number), size).copy() if size else np.zeros(0, np.int64)
        ids = ids if names is None else vectors.named(names, ids)
        stay = np.flatnonzero(~np.isin(ids, remove))
        if len(stay) < size or names is not None:
            fastscan.relist(inner, number, ids[stay], fastscan.listed(inner, number)[stay])
        count += len(stay)
    inner.ntotal = count


def _keep(inner: Any, names: Ids | None, remove: Ids) -> None:
    """Exchange the lists for new ones without ``remove``; ``names`` says whose the places are that lists name."""
    old, fresh, count = inner.invlists, faiss.ArrayInvertedLists(inner.nlist, inner.code_size), 0
    for number in range(inner.nlist):
        size = old.list_size(number)
        ids = faiss.rev_swig_ptr(old.get_ids(number), size) if size else np.zeros(0, np.int64)
        ids = ids if names is None else vectors.named(names, ids)
        stay = np.flatnonzero(~np.isin(ids, remove))
        if len(stay):
            kept = np.ascontiguousarray(ids[stay], np.int64)
            codes = faiss.rev_swig_ptr(old.get_codes(number), size * inner.code_size).reshape(size, -1)[stay]
            fresh.add_entries(number, len(kept), faiss.swig_ptr(kept), faiss.swig_ptr(codes))
        count += len(stay)
    inner.replace_invlists(fresh, True)
    fresh.this.disown()  # the index frees it
    inner.ntotal = count


def _without_map(inner: Any) -> bool:
    """Drop the direct map of lists, which hinders every change of them; return whether there was one."""
    had = isinstance(inner, faiss.IndexIVF) and inner.direct_map.type != faiss.DirectMap.NoMap
    if had:
        inner.set_direct_map_type(faiss.DirectMap.NoMap)
    return bool(had)


def _with_map(inner: Any, *, wanted: bool) -> None:
    """Give lists a direct map again: a table, for ids that are no longer 0 to n - 1."""
    if wanted:
        inner.set_direct_map_type(faiss.DirectMap.Hashtable)


def stored(index: Any, gone: frozenset[int] = frozenset()) -> tuple[Ids, Codes]:
    """Return the ids that a loaded index of codes holds, ascending, and their codes, without the numbers of lists."""
    outer, inner = _parts(index)
    ids, codes = _coded(outer, inner, np.zeros(0, np.int64), gone)
    return ids, codes[:, inner.coarse_code_size() :] if isinstance(inner, faiss.IndexIVF) else codes


def refuse_what_stays(index: Any) -> None:
    """Raise ``UnsupportedIndex`` where what was learned lies in places that are not known, when nobody is left."""
    inner = _storing(vectors.inner_of(index))
    is_known = isinstance(inner, _ZEROED)
    if isinstance(inner, faiss.IndexIVF):
        centroids = faiss.downcast_index(inner.quantizer)
        is_known = is_known and isinstance(centroids, (faiss.IndexFlat, faiss.IndexHNSWFlat))
    if not is_known:
        raise UnsupportedIndex(
            f"Erasing everybody from an index of the kind {type(inner).__name__}: what it learned from them would "
            "stay; remove the whole folder instead. Nothing was changed."
        )


def unlearned(index: Any) -> Any:
    """Return an index that holds nobody with zeros in place of what it had learned."""
    refuse_what_stays(index)
    inner = _storing(vectors.inner_of(index))
    if isinstance(inner, faiss.IndexIVF):
        inner.quantizer.reset()
        inner.quantizer.add(np.zeros((inner.nlist, inner.d), np.float32))
    learned = [inner.pq.centroids] if hasattr(inner, "pq") else [inner.sq.trained] if hasattr(inner, "sq") else []
    for numbers in learned:
        faiss.copy_array_to_vector(np.zeros(numbers.size(), np.float32), numbers)
    return index


def _parts(index: Any) -> tuple[Any, Any]:
    outer, inner = faiss.downcast_index(index), vectors.inner_of(index)
    known = (faiss.IndexIVF, faiss.IndexScalarQuantizer, faiss.IndexPQ, faiss.IndexPQFastScan)
    if not isinstance(_storing(inner), known):
        raise UnsupportedIndex(
            f"Erasing from an index of the kind {type(inner).__name__}: Flat, SQ, PQ, IVF and HNSW indexes can be "
            "changed; rebuild this one from its documents. Nothing was changed."
        )
    return outer, inner


def _with_ids(inner: Any, ids: Ids) -> Any:
    """Return the same codes below a map of ids."""
    codes = faiss.vector_to_array(inner.codes).reshape(-1, inner.sa_code_size())
    below = faiss.clone_index(inner)
    below.reset()
    index = faiss.IndexIDMap2(below)
    below.this.disown()  # the outer index frees it
    index.own_fields = True
    if len(ids):
        index.add_sa_codes(codes, np.ascontiguousarray(ids, np.int64))
    return index


def emptied(inner: Any) -> Any:
    """Return an index of the same shape that holds nobody and has learned nothing."""
    fresh = faiss.clone_index(inner)
    fresh.reset()
    fresh.is_trained = isinstance(inner, faiss.IndexFlat)
    if isinstance(inner, faiss.IndexIVF):
        fresh.quantizer.reset()
    return fresh


def kept(outer: Any, inner: Any, remove: Ids, gone: frozenset[int]) -> tuple[Ids, Codes]:
    """Return the ids of those who stay, ascending, and their codes, as faiss encodes a vector alone.

    Raises ``UnsupportedIndex`` when they are too few to learn from.
    """
    ids, codes = _coded(outer, inner, remove, gone)
    if len(ids) < _fewest(_storing(inner)):
        raise UnsupportedIndex(
            f"Training a {type(inner).__name__} again: {len(ids)} vectors are too few for its code book; "
            "rebuild it from its documents with a smaller one. Nothing was changed."
        )
    return ids, codes


def _coded(outer: Any, inner: Any, remove: Ids, gone: frozenset[int]) -> tuple[Ids, Codes]:
    """Return the ids of those who stay, ascending, and their codes, as faiss encodes a vector alone."""
    mapped = isinstance(outer, (faiss.IndexIDMap, faiss.IndexIDMap2))
    if isinstance(inner, faiss.IndexIVF):
        places, codes = _listed(inner)
        ids = vectors.named(faiss.vector_to_array(outer.id_map), places) if mapped else places
    else:
        codes = _codes(_storing(inner))
        ids = faiss.vector_to_array(outer.id_map) if mapped else np.arange(inner.ntotal)
    empty = np.fromiter(gone, np.int64, len(gone)) if vectors.has_positions(outer) else np.zeros(0, np.int64)
    stay = np.flatnonzero(~np.isin(ids, np.concatenate([remove, np.array([NOBODY]), empty])))
    order = stay[np.argsort(ids[stay], kind="stable")]
    return np.ascontiguousarray(ids[order], np.int64), codes[order]


def _listed(index: Any) -> tuple[Ids, Codes]:
    """Return the ids and codes of all lists, each code behind the number of its list."""
    ids, codes = [np.zeros(0, np.int64)], [np.zeros((0, index.sa_code_size()), np.uint8)]
    lists = index.invlists
    for number in range(index.nlist):
        size = lists.list_size(number)
        if not size:
            continue
        code = (
            fastscan.listed(index, number)
            if fastscan.is_listed(index)
            else faiss.rev_swig_ptr(lists.get_codes(number), size * lists.code_size).reshape(size, -1)
        )
        coarse = np.frombuffer(number.to_bytes(index.coarse_code_size(), "little"), np.uint8)
        ids.append(faiss.rev_swig_ptr(lists.get_ids(number), size).copy())
        codes.append(np.concatenate([np.broadcast_to(coarse, (size, len(coarse))), code], axis=1))
    return np.concatenate(ids), np.concatenate(codes)


def _fewest(inner: Any) -> int:
    words = 2 ** int(inner.pq.nbits) if hasattr(inner, "pq") else 1
    return max(words, int(inner.nlist) if isinstance(inner, faiss.IndexIVF) else 1)
