"""FAISS index folders: build, open, search, and write the next generation without some ids."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import faiss
import numpy as np

from retrieval.errors import DimensionMismatch, EmbedderMismatch, IndexUnreadable, StoreOutOfStep, UnknownId
from retrieval.indexes import Embedder, chunks, generation, hidden, layout, vectors
from retrieval.indexes.generation import METRICS
from retrieval.indexes.layout import CHUNKS, Place
from retrieval.types import Chunk, Hit, IndexDescription, Json, Progress, Vectors, silent


def build(
    folder: Path, given: Iterable[Chunk], embedder: Embedder, *, kind: str = "flat", progress: Progress = silent
) -> IndexDescription:
    """Embed chunks and publish them as the folder's next generation; ``kind`` is flat, ivf or hnsw."""
    wanted = list(given)
    ids = np.array([chunk.id for chunk in wanted], np.int64)
    if len(set(ids.tolist())) != len(wanted):
        raise StoreOutOfStep(f"Building the index in {folder}: two chunks have one id; give every chunk its own.")
    embedded = embedder.embed([chunk.text for chunk in wanted], progress=progress)
    folder.mkdir(parents=True, exist_ok=True)
    with layout.changing(folder):
        layout.sweep(folder)
        before = layout.current(folder, damaged_too=True) if layout.exists(folder) else None
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
        once |= chunks.read(before.files / CHUNKS).keys()
    return before.plain, before.generation + 1, sorted(once.difference(ids.tolist()))


def open(folder: Path, *, embedder: Embedder | None = None) -> "FaissIndex":
    """Open the current generation, checked against its manifest; an embedder is needed to search by text."""
    return FaissIndex(folder, embedder)


class FaissIndex:
    """An open folder: follows the folder's generations and hidden ids by itself; a search sees one whole generation."""

    def __init__(self, folder: Path, embedder: Embedder | None = None) -> None:
        self._folder, self._embedder = folder, embedder
        self._hidden = hidden.HiddenIds(folder)
        self._held = generation.read(folder)
        if embedder is not None:
            self._check_embedder(embedder)

    def _check_embedder(self, embedder: Embedder) -> None:
        manifest, dimension = self._held.place.manifest, self._held.index.d
        if embedder.dimension != dimension:
            raise DimensionMismatch(_other_size(self._folder, embedder.dimension, dimension))
        if manifest.get("embedder_digest") not in (None, embedder.digest):
            raise EmbedderMismatch(
                f"Opening the index in {self._folder}: it was built with {manifest.get('embedder')}, "
                f"other weights than {embedder.name} has here; open it with those, or rebuild it."
            )

    def _now(self) -> generation.Generation:
        held = self._held
        if layout.stamp(self._folder) != held.stamp:
            held = self._held = generation.read(self._folder)
        return held

    def search(self, query: str | Vectors, *, k: int = 10, hidden: frozenset[int] = frozenset()) -> tuple[Hit, ...]:
        """Return up to ``k`` nearest chunks of a text, or of one vector, (dimension,) or (1, dimension)."""
        held = self._now()
        vector = self._vector(query, held.index.d)
        unseen = hidden | self._hidden.ids()
        found = vectors.search(held.index, vector, min(k, max(1, held.index.ntotal)), unseen)
        return tuple(Hit(id, score, held.chunks[id]) for id, score in found)

    def _vector(self, query: str | Vectors, dimension: int) -> Vectors:
        if isinstance(query, str):
            if self._embedder is None:
                raise EmbedderMismatch(
                    f"Searching {self._folder} by text: it was opened without an embedder; pass one."
                )
            query = self._embedder.embed([query])
        vector: Vectors = np.ascontiguousarray(np.atleast_2d(query), np.float32)
        if vector.shape != (1, dimension):
            raise DimensionMismatch(_other_size(self._folder, vector.shape[-1], dimension))
        return vector

    def ids(self) -> frozenset[int]:
        """Return the ids that a search may return."""
        return frozenset(self._now().chunks) - self._hidden.ids()

    def get(self, id: int) -> Chunk:
        """Return one chunk; raises ``UnknownId`` for what is hidden, erased or was never there."""
        chunk = self._now().chunks.get(id)
        if chunk is None or id in self._hidden.ids():
            raise UnknownId(f"Reading chunk {id} of {self._folder}: it is hidden, erased or was never there.")
        return chunk

    def chunks(self) -> tuple[Chunk, ...]:
        """Return every stored chunk, hidden ones included, for whoever looks for a person in them."""
        return tuple(self._now().chunks.values())

    def vectors(self, ids: Sequence[int]) -> Vectors:
        """Return stored vectors, hidden ones included, (ids, dimension) float32."""
        held = vectors.contents(self._now().index)
        row_of = {id: row for row, id in enumerate(held.ids.tolist())}
        missing = [id for id in ids if id not in row_of]
        if missing:
            raise UnknownId(f"Reading vectors of {self._folder}: {len(missing)} ids are not there, first {missing[0]}.")
        rows: Vectors = held.vectors[[row_of[id] for id in ids]]
        return rows

    def describe(self) -> IndexDescription:
        """Say what this index is, without any of its content."""
        held = self._now()
        manifest = held.place.manifest
        unseen = self._hidden.ids() & held.chunks.keys()
        return IndexDescription(
            generation=held.place.generation,
            digest=generation.digest_of(held.place),
            count=held.index.ntotal,
            hidden=len(unseen),
            dimension=held.index.d,
            metric=METRICS.get(held.index.metric_type, str(held.index.metric_type)),
            kind=str(manifest.get("kind", type(faiss.downcast_index(held.index)).__name__)),
            embedder=str(manifest.get("embedder", "unknown")),
            embedder_digest=str(manifest.get("embedder_digest", "")),
            built_at=str(manifest.get("built_at", "unknown")),
        )


def _other_size(folder: Path, given: int, held: int) -> str:
    return (
        f"Searching the index in {folder}: the query has {given} dimensions, the index {held}; "
        "use the embedder that the index was built with."
    )
