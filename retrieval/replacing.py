"""Other texts for chunks, with the vectors of these: the index stays of its kind, everybody else stays as they are."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from retrieval.errors import DimensionMismatch, UnknownId
from retrieval.indexes import Embedder, documents, generation, layout, vectors
from retrieval.indexes.altering import Alteration
from retrieval.types import Chunk, Progress, Vectors, silent


def replace(folder: Path, given: Sequence[Chunk], embedder: Embedder, *, progress: Progress = silent) -> None:
    """Write the next generation with ``given`` in place of the chunks of the same ids; the old files are unlinked.

    Flat, IVF-Flat and HNSW-Flat; of documents in SQLite and Parquet only what differs is written. Raises
    ``UnsupportedIndex`` for others, ``DimensionMismatch`` for another embedder's width and ``UnknownId`` for ids that
    are not there, before any change.
    """
    new = {chunk.id: chunk for chunk in given}
    with layout.changing(folder):
        layout.sweep(folder)
        held = generation.read(folder)
        if not all(id in held.chunks for id in new):
            raise UnknownId(f"Changing texts in {folder}: some ids are not in it; nothing was changed.")
        stored = vectors.contents(held.index, held.gone)
        rows = stored.vectors.copy()
        rows[_places(stored.ids, list(new))] = _embedded(folder, list(new.values()), embedder, rows.shape[1], progress)
        changed = vectors.Contents(stored.ids, rows, stored.kind, stored.shape)
        index, _ = vectors.without(changed, np.ones(len(rows), np.bool_))
        number = held.place.generation + 1
        target, manifest = layout.fresh(folder, number), {**held.place.manifest, "generation": number}
        if documents.is_lines(held.chunks.path):
            generation.write(target, index, [new.get(one.id, one) for one in held.chunks.values()], manifest)
        else:
            generation.write_altered(target, index, held.chunks, Alteration(texts=tuple(new.values())), manifest)
        layout.publish(folder, target, plain=held.place.plain)
        layout.sweep(folder)
    progress(1.0, f"{len(new)} texts changed")


def _places(ids: vectors.Ids, wanted: list[int]) -> vectors.Ids:
    order = np.argsort(ids, kind="stable")
    return np.asarray(order[np.searchsorted(ids[order], np.array(wanted, np.int64))])


def _embedded(folder: Path, chunks: list[Chunk], embedder: Embedder, width: int, progress: Progress) -> Vectors:
    if embedder.dimension != width:
        raise DimensionMismatch(
            f"Changing texts in {folder}: the embedder gives {embedder.dimension} dimensions, the index has {width}; "
            "name the embedder that it was made with. Nothing was changed."
        )
    return embedder.embed([chunk.text for chunk in chunks], progress=progress)
