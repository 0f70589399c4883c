"""Take vectors out of a faiss index bit for bit, and put them into a new one.

Read: Flat, HNSW-Flat, IVF-Flat, each bare or under IDMap/IDMap2. A bare Flat or HNSW numbers its vectors by position,
which would shift when one goes, so a rebuilt index always carries its ids.
"""

import errno
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import faiss as faiss_bindings
import numpy as np
import numpy.typing as npt

from retrieval.errors import IndexUnreadable, UnsupportedIndex
from retrieval.indexes import beside, fastscan
from retrieval.indexes.scrub import NOBODY
from retrieval.types import Vectors

faiss: Any = faiss_bindings  # its stubs do not know half of what it offers
Ids = npt.NDArray[np.int64]
_BINARY: Final = b"IB"  # how the names of all binary kinds begin
_MAPS: Final = (faiss.IndexIDMap, faiss.IndexIDMap2)
KINDS: Final = ("flat", "ivf", "hnsw")
_HNSW_NEIGHBOURS, _PER_CENTROID = 32, 39  # faiss' own default, and the fewest points it trains a centroid on


@dataclass(frozen=True)
class Contents:
    """Everything an index holds: ids (n,), vectors (n, dimension), and the shape it was built in."""

    ids: Ids
    vectors: Vectors
    kind: Literal["flat", "ivf", "hnsw"]
    shape: Any  # the faiss index the vectors came from: its parameters are copied


def read(path: Path) -> Any:
    """Read an index file; raises ``IndexUnreadable`` for what faiss cannot read."""
    if not path.exists():
        raise IndexUnreadable(f"Reading {path}: there is no such file; restore it or rebuild the index.")
    with path.open("rb") as handle:
        if handle.read(2) == _BINARY:
            raise UnsupportedIndex(
                f"Reading {path}: it is a binary index, whose files are of another kind than those known here; rebuild "
                "it without the removed from its documents. Nothing was changed."
            )
    try:
        index = beside.read(path)
    except Exception as error:  # faiss raises RuntimeError, MemoryError or its own, according to where the file ends
        raise IndexUnreadable(
            f"Reading {path}: faiss cannot read it, it is truncated or not an index; restore it or rebuild the index."
        ) from error
    if not _is_sound(index, path):
        raise IndexUnreadable(
            f"Reading {path}: its numbers contradict each other, it was damaged or made to mislead; restore it or "
            "rebuild the index."
        )
    return index


def _is_sound(index: Any, path: Path) -> bool:
    """Say whether what faiss took from the file fits together, as far as it would step outside its memory otherwise."""
    inner, ids = _unwrap(index)
    named_beside = beside.data_of(path)
    size = path.stat().st_size + ((path.parent / named_beside).stat().st_size if named_beside else 0)
    if not 0 <= index.ntotal <= size or (fastscan.is_flat(inner) and not fastscan.is_whole(inner)):
        return False
    if ids is None:
        return True
    if isinstance(inner, faiss.IndexIVF):
        places = _places(inner)
        return len(ids) == index.ntotal and not len(places[(places != NOBODY) & ((places < 0) | (places >= len(ids)))])
    return bool(len(ids) == index.ntotal == inner.ntotal)


def write(index: Any, path: Path) -> None:
    """Write an index; a full disk is an ``OSError`` as everywhere else, not faiss' RuntimeError."""
    try:
        faiss.write_index(index, str(path))
    except RuntimeError as error:
        full = shutil.disk_usage(path.parent).free < 4 * index.ntotal * index.d
        code = errno.ENOSPC if full else errno.EIO
        raise OSError(code, os.strerror(code), str(path)) from error


def moved_up(index: Any, gone: Ids) -> Any:
    """Return an index of positions without some of them: those behind move up. The given one is used up.

    Raises ``UnsupportedIndex`` for compressed lists, whose numbers cannot be moved.
    """
    if not isinstance(index, (faiss.IndexHNSW, faiss.IndexIVF)):
        index.remove_ids(faiss.IDSelectorBatch(gone))
        return index
    stored = contents(index)
    order = np.argsort(stored.ids, kind="stable")
    kept = stored.vectors[order][~np.isin(stored.ids[order], gone)]
    fresh = faiss.clone_index(index)
    fresh.reset()
    if len(kept):
        fresh.add(np.ascontiguousarray(kept))
    return fresh


def contents(index: Any, gone: frozenset[int] = frozenset()) -> Contents:
    """Return ids and vectors of an index, without empty slots (``gone``: their ids where an id is a position).

    Raises ``UnsupportedIndex`` where vectors are stored compressed.
    """
    every = _contents(index)
    live = _live(every.ids, gone if has_positions(index) else frozenset())
    return every if live.all() else Contents(every.ids[live], every.vectors[live], every.kind, every.shape)


def has_positions(index: Any) -> bool:
    """Say whether an id is a vector's position."""
    inner, ids = _unwrap(index)
    return ids is None and not isinstance(inner, faiss.IndexIVF)


def _live(ids: Ids, gone: frozenset[int]) -> npt.NDArray[np.bool_]:
    live = np.asarray(ids != NOBODY)
    return live & ~np.isin(ids, np.fromiter(gone, np.int64, len(gone))) if gone else live


def _contents(index: Any) -> Contents:
    inner, ids = _unwrap(index)
    if is_turned(index):
        raise UnsupportedIndex(
            "Reading the vectors of an IndexPreTransform: it stores what its transformations make of them; rebuild "
            "this index from its documents."
        )
    if isinstance(inner, faiss.IndexIVFFlat):
        positions, vectors = _inverted_lists(inner)
        return Contents(positions if ids is None else named(ids, positions), vectors, "ivf", inner)
    if isinstance(inner, (faiss.IndexHNSWFlat, faiss.IndexFlat)):
        kind: Literal["flat", "hnsw"] = "hnsw" if isinstance(inner, faiss.IndexHNSW) else "flat"
        flat = faiss.downcast_index(inner.storage) if kind == "hnsw" else inner
        vectors = flat.reconstruct_n(0, flat.ntotal) if flat.ntotal else np.zeros((0, flat.d), np.float32)
        return Contents(np.arange(len(vectors), dtype=np.int64) if ids is None else ids, vectors, kind, inner)
    raise UnsupportedIndex(
        f"Reading the vectors of a {type(inner).__name__}: only Flat, IVF-Flat and HNSW-Flat are stored exactly; "
        "rebuild this index from its documents."
    )


def ids_of(index: Any, gone: frozenset[int] = frozenset()) -> Ids:
    """Return the ids an index holds, without copying its vectors, and without its empty slots."""
    every = _ids_of(index)
    return every[_live(every, gone if has_positions(index) else frozenset())]


def _ids_of(index: Any) -> Ids:
    inner, ids = _unwrap(index)
    if ids is not None:
        return ids
    if isinstance(inner, faiss.IndexIVF):
        return _places(inner)
    return np.arange(inner.ntotal, dtype=np.int64)


def _places(index: Any) -> Ids:
    """Return the numbers that stand in lists, list by list."""
    lists = index.invlists
    sizes = [(number, lists.list_size(number)) for number in range(index.nlist)]
    parts = [faiss.rev_swig_ptr(lists.get_ids(number), size).copy() for number, size in sizes if size]
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def is_compressed(index: Any) -> bool:
    """Say whether vectors are stored as codes, in which an empty slot looks like any other."""
    return is_turned(index) or not isinstance(
        inner_of(index), (faiss.IndexFlat, faiss.IndexIVFFlat, faiss.IndexHNSWFlat)
    )


def is_turned(index: Any) -> bool:
    """Say whether vectors pass through transformations before they are stored."""
    index = faiss.downcast_index(index)
    below = faiss.downcast_index(index.index) if isinstance(index, _MAPS) else index
    return isinstance(below, faiss.IndexPreTransform)


def _unwrap(index: Any) -> tuple[Any, Ids | None]:
    index, ids = faiss.downcast_index(index), None
    while isinstance(index, (*_MAPS, faiss.IndexPreTransform)):
        if isinstance(index, _MAPS):
            ids = faiss.vector_to_array(index.id_map).copy()
        index = faiss.downcast_index(index.index)
    return index, ids


def named(ids: Ids, positions: Ids) -> Ids:
    """Return the ids of positions; a slot of nobody stays nobody's."""
    return np.where(positions == NOBODY, NOBODY, ids[positions])


def inner_of(index: Any) -> Any:
    """Return the index below those that map ids and turn vectors, where there are such."""
    index = faiss.downcast_index(index)
    while isinstance(index, (*_MAPS, faiss.IndexPreTransform)):
        index = faiss.downcast_index(index.index)
    return index


def _inverted_lists(index: Any) -> tuple[Ids, Vectors]:
    """Read the lists one by one: their codes are the float32 vectors themselves."""
    lists, all_ids, all_vectors = index.invlists, [], []
    for number in range(index.nlist):
        size = lists.list_size(number)
        if not size:
            continue
        all_ids.append(faiss.rev_swig_ptr(lists.get_ids(number), size).copy())
        codes = faiss.rev_swig_ptr(lists.get_codes(number), size * lists.code_size).copy()
        all_vectors.append(codes.view(np.float32).reshape(size, index.d))
    if not all_ids:
        return np.zeros(0, np.int64), np.zeros((0, index.d), np.float32)
    return np.concatenate(all_ids), np.concatenate(all_vectors)


def new(kind: str, vectors: Vectors, ids: Ids) -> Any:
    """Build an inner-product index over unit vectors, with its ids."""
    dimension = vectors.shape[1]
    if kind not in KINDS:
        raise ValueError(f"Building an index of kind {kind!r}: there is none; use one of {', '.join(KINDS)}.")
    if kind == "ivf":
        index = _new_ivf(dimension, max(1, len(vectors) // _PER_CENTROID // 4), faiss.METRIC_INNER_PRODUCT)
        index.train(vectors)
        index.add_with_ids(vectors, ids)
        return index
    if kind == "hnsw":
        return _with_ids(faiss.IndexHNSWFlat(dimension, _HNSW_NEIGHBOURS, faiss.METRIC_INNER_PRODUCT), vectors, ids)
    return _with_ids(faiss.IndexFlatIP(dimension), vectors, ids)


def _with_ids(inner: Any, vectors: Vectors, ids: Ids) -> Any:
    index = faiss.IndexIDMap2(inner)
    if len(ids):
        index.add_with_ids(np.ascontiguousarray(vectors), ids)
    inner.this.disown()  # the outer index frees it
    index.own_fields = True
    return index


def _new_ivf(dimension: int, lists: int, metric: int) -> Any:
    quantizer = faiss.IndexFlat(dimension, metric)
    index = faiss.IndexIVFFlat(quantizer, dimension, lists, metric)
    quantizer.this.disown()
    index.own_fields = True
    return index


def without(held: Contents, keep: npt.NDArray[np.bool_], *, retrain: bool = False) -> tuple[Any, str]:
    """Build the same kind of index over the kept vectors, (n,) mask; return it and how it was done.

    ``retrain`` trains an IVF index's centroids again on what is kept.
    """
    vectors, ids, shape = np.ascontiguousarray(held.vectors[keep]), held.ids[keep], held.shape
    if held.kind == "flat":
        return _with_ids(_flat(shape), vectors, ids), "vectors copied bit for bit"
    if held.kind == "hnsw":
        inner = faiss.IndexHNSWFlat(shape.d, shape.hnsw.nb_neighbors(1), shape.metric_type)
        inner.hnsw.efConstruction, inner.hnsw.efSearch = shape.hnsw.efConstruction, shape.hnsw.efSearch
        inner.metric_arg = inner.storage.metric_arg = shape.metric_arg
        return _with_ids(inner, vectors, ids), "graph rebuilt from the stored vectors"
    return _ivf_without(shape, vectors, ids, retrain=retrain)


def _flat(shape: Any) -> Any:
    made = faiss.IndexFlat(shape.d, shape.metric_type)
    made.metric_arg = shape.metric_arg
    return made


def _ivf_without(shape: Any, vectors: Vectors, ids: Ids, *, retrain: bool) -> tuple[Any, str]:
    retrain = retrain and len(ids) >= shape.nlist
    index = _new_ivf(shape.d, shape.nlist, shape.metric_type)
    index.nprobe, index.metric_arg, index.quantizer.metric_arg = shape.nprobe, shape.metric_arg, shape.metric_arg
    if retrain:
        index.train(vectors)
        how = "lists rebuilt, centroids trained again without the removed"
    elif not len(ids):
        index.quantizer.add(np.zeros((shape.nlist, shape.d), np.float32))
        index.is_trained = True
        how = "nothing is left, centroids zeroed"
    else:
        index.quantizer.add(faiss.downcast_index(shape.quantizer).reconstruct_n(0, shape.nlist))
        index.is_trained = True
        how = "lists rebuilt, centroids kept: the removed had a part in training them"
    if len(ids):
        index.add_with_ids(vectors, ids)
    return index, how
