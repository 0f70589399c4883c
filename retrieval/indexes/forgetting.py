"""An open index follows a change in place: the same slots are emptied in its own memory, so that nothing is left there.

A process that only dropped its old index and read the new file would still hold the person's vectors in freed memory.
"""

from pathlib import Path
from typing import Any

import faiss as faiss_bindings
import numpy as np

from retrieval.indexes import documents, fastscan, filemap, layout
from retrieval.indexes.generation import Generation
from retrieval.indexes.layout import INDEX
from retrieval.indexes.mapped import mapped
from retrieval.indexes.scrub import NO_NUMBER, NOBODY, among
from retrieval.indexes.sections import Offsets

faiss: Any = faiss_bindings


def followed(held: Generation) -> Generation | None:
    """Return a generation as its folder has it now, emptied in memory of what was erased in place.

    Nothing when the folder's files were written anew, or lie where memory cannot be changed: they must be read again.
    """
    folder = held.place.folder
    stamp = layout.stamp(folder)
    place = layout.current(folder)
    erased = set(place.manifest.get("slots", ())) - held.gone
    same = place.files == held.place.files and place.base == held.place.base and bool(erased)
    if not same or place.manifest.get("data") or layout.stamp(folder) != stamp:
        return None
    ids = np.fromiter(erased, np.int64, len(erased))
    forget(held.index, ids, place.files)
    return Generation(place, held.index, documents.opened(place.files, plain=place.plain), stamp, held.gone | erased)


def forget(index: Any, ids: Offsets, files: Path) -> None:
    """Empty the slots of ids in a loaded index; ``files`` holds its file, changed already."""
    inner, numbers = _unwrapped(index)
    positions = among(numbers, ids) if numbers is not None else ids[(ids >= 0) & (ids < inner.ntotal)]
    if isinstance(inner, faiss.IndexIVF):
        _in_lists(inner, positions if numbers is not None else ids)
    elif isinstance(inner, faiss.IndexHNSW):
        storage = faiss.downcast_index(inner.storage)
        _rows(storage)[positions] = 0
        _links(inner.hnsw, files)
    else:
        _rows(inner)[positions] = NO_NUMBER
    if numbers is not None:
        numbers[positions] = NOBODY


def wipe(index: Any) -> None:
    """Overwrite all vectors of an index that nobody searches any more, before its memory is freed."""
    inner, _ = _unwrapped(index)
    if fastscan.is_flat(inner) or fastscan.is_listed(inner):
        fastscan.wipe(inner)
        return
    if isinstance(inner, faiss.IndexIVF):
        for number in range(inner.nlist):
            size = inner.invlists.list_size(number)
            if size and isinstance(faiss.downcast_InvertedLists(inner.invlists), faiss.ArrayInvertedLists):
                _list(inner.invlists, number, size)[0][:] = 0
        return
    _rows(faiss.downcast_index(inner.storage) if isinstance(inner, faiss.IndexHNSW) else inner)[:] = 0


def _unwrapped(index: Any) -> tuple[Any, Any]:
    inner, numbers = faiss.downcast_index(index), None
    while isinstance(inner, (faiss.IndexIDMap, faiss.IndexIDMap2, faiss.IndexPreTransform)):
        if not isinstance(inner, faiss.IndexPreTransform):
            size = inner.id_map.size()
            numbers = faiss.rev_swig_ptr(inner.id_map.data(), size) if size else np.zeros(0, np.int64)
        inner = faiss.downcast_index(inner.index)
    return inner, numbers


def _rows(flat: Any) -> Any:
    """Return the memory of a flat index's codes, (n, bytes) uint8, to be written to."""
    size = flat.codes.size()
    if not size:
        return np.zeros((0, 1), np.uint8)
    return faiss.rev_swig_ptr(flat.codes.data(), size).reshape(flat.ntotal, -1)


def _list(lists: Any, number: int, size: int) -> tuple[Any, Any]:
    codes = faiss.rev_swig_ptr(lists.get_codes(number), size * lists.code_size).reshape(size, -1)
    return codes, faiss.rev_swig_ptr(lists.get_ids(number), size)


def _in_lists(index: Any, ids: Offsets) -> None:
    lists = index.invlists
    for number in range(index.nlist):
        size = lists.list_size(number)
        if not size:
            continue
        codes, numbers = _list(lists, number, size)
        at = among(numbers, ids)
        if len(at):
            codes[at] = NO_NUMBER
            numbers[at] = NOBODY


def _links(graph: Any, files: Path) -> None:
    """Take the mended links from the file: every slot has its old place."""
    with mapped(files / INDEX) as raw:
        found = filemap.parse(raw).graph
        if found is None:
            return
        slots = np.frombuffer(raw, "<i4", found.neighbours.count, found.neighbours.offset)
        faiss.rev_swig_ptr(graph.neighbors.data(), graph.neighbors.size())[:] = slots
        entry, top = np.frombuffer(raw, "<i4", 2, found.entry).tolist()
        del slots
    graph.entry_point, graph.max_level = entry, top
