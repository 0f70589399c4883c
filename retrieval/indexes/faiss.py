"""FAISS index folders: built, and opened."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import numpy as np

from retrieval.errors import IndexUnreadable, StoreOutOfStep
from retrieval.indexes import Embedder, documents, generation, layout, vectors
from retrieval.indexes.layout import Place
from retrieval.indexes.opened import FaissIndex
from retrieval.types import Chunk, Folder, IndexDescription, Json, Progress, silent


def build(
    folder: Folder, given: Iterable[Chunk], embedder: Embedder, *, kind: str = "flat", progress: Progress = silent
) -> IndexDescription:
    """Embed chunks and publish them as the folder's next generation; ``kind`` is flat, ivf or hnsw."""
    folder, wanted = Path(folder), list(given)
    ids = np.array([chunk.id for chunk in wanted], np.int64)
    if len(set(ids.tolist())) != len(wanted):
        raise StoreOutOfStep(f"Building the index in {folder}: two chunks have one id; give every chunk its own.")
    embedded = embedder.embed([chunk.text for chunk in wanted], progress=progress)
    layout.refuse_what_is_no_file(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with layout.changing(folder):
        layout.sweep(folder)
        before = layout.current(folder, damaged_too=True) if layout.exists(folder) else None
        if before is not None:
            documents.refuse_other_than_lines(before.files, "Building")
        plain, number, erased = _what_was(before, ids)
        target = layout.fresh(folder, number)
        origin: Json = {"embedder": embedder.name, "embedder_digest": embedder.digest, "erased": erased, "kind": kind}
        generation.write(target, vectors.new(kind, embedded, ids), wanted, {**origin, "generation": number})
        layout.publish(folder, target, plain=plain)
        layout.sweep(folder)
    progress(1.0, f"{len(wanted)} chunks indexed")
    return open(folder).describe()


def _what_was(before: Place | None, ids: vectors.Ids) -> tuple[bool, int, list[int]]:
    """Return layout, next number, and the ids that were here once and do not come back."""
    if before is None:
        return False, 1, []
    once = set(before.manifest.get("erased", ()))
    with suppress(IndexUnreadable, StoreOutOfStep):  # building anew is also how a damaged folder is repaired
        once |= documents.read(before.files).keys()
    return before.plain, before.generation + 1, sorted(once.difference(ids.tolist()))


def open(folder: Folder, *, embedder: Embedder | None = None) -> FaissIndex:
    """Open the current generation, checked against its manifest; an embedder is needed to search by text."""
    return FaissIndex(Path(folder), embedder)
