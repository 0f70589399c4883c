"""An open FAISS folder: it follows the folder by itself, and no search sees half of a change."""

import threading
import time
import weakref
from collections.abc import Sequence
from pathlib import Path

import faiss
import numpy as np

from retrieval.errors import DimensionMismatch, EmbedderMismatch, UnknownId
from retrieval.indexes import Embedder, access, forgetting, generation, hidden, layout, searching, vectors
from retrieval.indexes.generation import METRICS, Generation
from retrieval.indexes.scrub import NOBODY
from retrieval.indexes.turns import Turns
from retrieval.types import Chunk, Hit, IndexDescription, Vectors

_OPEN: "weakref.WeakSet[FaissIndex]" = weakref.WeakSet()
_TRIES = 20
_PATIENCE = 30.0  # seconds that a search waits for a change to be carried out
Who = access.Who


class FaissIndex:
    """An open folder: follows the folder's generations and hidden ids by itself; a search sees one whole generation."""

    def __init__(self, folder: Path, embedder: Embedder | None = None) -> None:
        self.folder, self._embedder = folder, embedder
        self._hidden, self._access = hidden.HiddenIds(folder), access.Permissions(folder)
        self._turns, self._loading = Turns(), threading.Lock()
        self._barred: tuple[frozenset[int], searching.Chosen] | None = None
        self._held = generation.read(folder)
        if embedder is not None:
            self._check_embedder(embedder)
        _OPEN.add(self)

    def _check_embedder(self, embedder: Embedder) -> None:
        manifest, dimension = self._held.place.manifest, self._held.index.d
        if embedder.dimension != dimension:
            raise DimensionMismatch(_other_size(self.folder, embedder.dimension, dimension))
        if manifest.get("embedder_digest") not in (None, embedder.digest):
            raise EmbedderMismatch(
                f"Opening the index in {self.folder}: it was built with {manifest.get('embedder')}, "
                f"other weights than {embedder.name} has here; open it with those, or rebuild it."
            )

    def follow(self) -> Generation:
        """Return the folder's current generation; what was erased meanwhile is emptied in this process's memory."""
        if layout.stamp(self.folder) != self._held.stamp:
            with self._loading:
                if layout.stamp(self.folder) != self._held.stamp:
                    self._held = self._caught_up(self._held)
        return self._held

    def _caught_up(self, held: Generation) -> Generation:
        with self._turns.changing():
            after = forgetting.followed(held)
        if after is not None:
            return after
        made = generation.read(self.folder)
        with self._turns.changing():
            forgetting.wipe(held.index)
            self._held = made
        return made

    def search(
        self, query: str | Vectors, *, k: int = 10, hidden: frozenset[int] = frozenset(), who: Who = None
    ) -> tuple[Hit, ...]:
        """Return up to ``k`` nearest chunks of a text, or of one vector, (dimension,) or (1, dimension).

        ``who`` are the names under which somebody asks (one name, or several); a folder with permissions answers nobody
        without them (``NotPermitted``), and nothing that they may not read. Raises ``ValueError`` for ``k`` below one.
        """
        if k < 1:
            raise ValueError(f"Searching {self.folder}: {k} answers were asked for; ask for one or more.")
        vector = self._vector(query)
        for _ in range(_TRIES):
            unseen = self._unseen() | hidden if hidden else self._unseen()
            held = self.follow()
            with self._turns.reading():
                hits = self._hits(held, vector, k, self._chosen(held, unseen, who)) if held is self._held else None
            if hits is not None:
                return hits
            self._await_change()
        raise UnknownId(f"Searching {self.folder}: it did not stop changing; ask again.")

    def _await_change(self) -> None:
        """Wait while a change is being carried out that took a chunk from under a search."""
        end = time.monotonic() + _PATIENCE
        while layout.is_changing(self.folder) and time.monotonic() < end:
            time.sleep(0.002)

    def _unseen(self) -> frozenset[int]:
        """Return what is hidden; to be asked for before the generation is looked at.

        An erase takes ids off the list when it is done: whoever looked at the list afterwards, and at the index before,
        would show what was hidden all the time.
        """
        return self._hidden.ids()

    def _hits(self, held: Generation, vector: Vectors, k: int, chosen: searching.Chosen) -> tuple[Hit, ...] | None:
        """Search one generation; nothing when a chunk that was found is being erased at this moment."""
        found = searching.search(held.index, vector, min(k, max(1, held.index.ntotal)), chosen)
        try:
            chunks = held.chunks.several([id for id, _ in found])
            return tuple(Hit(id, score, chunks[id]) for id, score in found)
        except KeyError:
            return None

    def _chosen(self, held: Generation, unseen: frozenset[int], who: Who) -> searching.Chosen:
        permitted = self._access.chosen(who, held.chunks, held.stamp, unseen)
        if permitted is not None:
            return permitted
        if held.gone and vectors.is_compressed(held.index):
            unseen = unseen | {NOBODY}
        barred = self._barred  # looked at once: another thread may put its own there at any moment
        if barred is None or barred[0] != unseen:
            barred = self._barred = (unseen, searching.Chosen.without(unseen))
        return barred[1]

    def _vector(self, query: str | Vectors) -> Vectors:
        if isinstance(query, str):
            if self._embedder is None:
                raise EmbedderMismatch(f"Searching {self.folder} by text: it was opened without an embedder; pass one.")
            query = self._embedder.embed([query])
        vector: Vectors = np.ascontiguousarray(np.atleast_2d(query), np.float32)
        dimension = self._held.index.d
        if vector.shape != (1, dimension):
            raise DimensionMismatch(_other_size(self.folder, vector.shape[-1], dimension))
        return vector

    def ids(self, *, who: Who = None) -> frozenset[int]:
        """Return the ids that a search may return to whoever asks; raises ``NotPermitted`` as it does."""
        unseen, held = self._unseen(), self.follow()
        allowed = self._access.allowed(who, held.chunks, held.stamp)
        return frozenset(held.chunks if allowed is None else allowed.tolist()) - unseen

    def get(self, id: int, *, who: Who = None) -> Chunk:
        """Return one chunk; raises ``UnknownId`` for what is hidden, erased, not permitted, or was never there."""
        self._access.restrict(who)  # before anything is looked up: what is there is not told to nobody
        unseen, chunk = self._unseen(), self.follow().chunks.get(id)
        if chunk is None or id in unseen or not self._access.permits(who, chunk.document):
            raise UnknownId(f"Reading chunk {id} of {self.folder}: it is hidden, erased or was never there.")
        return chunk

    def chunks(self) -> tuple[Chunk, ...]:
        """Return every stored chunk, hidden ones included, for whoever looks for a person in them."""
        return tuple(self.follow().chunks.values())

    def vectors(self, ids: Sequence[int]) -> Vectors:
        """Return stored vectors, hidden ones included, (ids, dimension) float32."""
        now = self.follow()
        held = vectors.contents(now.index, now.gone)
        row_of = {id: row for row, id in enumerate(held.ids.tolist())}
        missing = [id for id in ids if id not in row_of]
        if missing:
            raise UnknownId(f"Reading vectors of {self.folder}: {len(missing)} ids are not there, first {missing[0]}.")
        rows: Vectors = held.vectors[[row_of[id] for id in ids]]
        return rows

    def describe(self) -> IndexDescription:
        """Say what this index is, without any of its content."""
        held = self.follow()
        manifest = held.place.manifest
        return IndexDescription(
            generation=held.place.generation,
            digest=generation.digest_of(held.place),
            count=len(held.chunks),
            hidden=sum(id in held.chunks for id in self._hidden.ids()),
            dimension=held.index.d,
            metric=METRICS.get(held.index.metric_type, str(held.index.metric_type)),
            kind=str(manifest.get("kind", type(faiss.downcast_index(held.index)).__name__)),
            embedder=str(manifest.get("embedder", "unknown")),
            embedder_digest=str(manifest.get("embedder_digest", "")),
            built_at=str(manifest.get("built_at", "unknown")),
        )


def followed_here(folder: Path) -> int:
    """Let every index of a folder that is open in this process catch up now; return how many there are."""
    mine = [index for index in list(_OPEN) if _is_same(index.folder, folder)]
    for index in mine:
        index.follow()
    return len(mine)


def _is_same(one: Path, other: Path) -> bool:
    """Say whether two paths lead to one folder, however they are written; one that is gone leads nowhere."""
    try:
        return one == other or one.samefile(other)
    except OSError:
        return False


def _other_size(folder: Path, given: int, held: int) -> str:
    return (
        f"Searching the index in {folder}: the query has {given} dimensions, the index {held}; "
        "use the embedder that the index was built with."
    )
