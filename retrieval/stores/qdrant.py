"""Qdrant, in its local mode or as a server: a point is a chunk, its payload the chunk's fields and ``hidden``.

Local mode keeps its points in SQLite, whose file is rewritten by the erase. A server drops deleted vectors from its
segments when enough of them are deleted; the erase asks for that at any number, and says that it was asked.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import numpy as np

from retrieval.errors import RetrievalError, UnknownId
from retrieval.stores import StoreUnreachable
from retrieval.types import Chunk, EraseReceipt, HideReceipt, Hit, Vectors

_PAGE = 512


class QdrantStore:
    """One collection, reached through a ``QdrantClient`` that the caller made."""

    def __init__(self, client: Any, collection: str) -> None:
        self._client, self._collection = client, collection

    @classmethod
    def create(cls, client: Any, collection: str, dimension: int) -> "QdrantStore":
        """Make an empty collection of unit vectors."""
        from qdrant_client import models

        made = models.VectorParams(size=dimension, distance=models.Distance.DOT)
        with _said(collection):
            client.create_collection(collection, vectors_config=made)
        return cls(client, collection)

    def add(self, chunks: Sequence[Chunk], vectors: Vectors) -> None:
        """Store chunks and their vectors, (chunks, dimension) float32."""
        from qdrant_client import models

        points = [
            models.PointStruct(id=chunk.id, vector=row.tolist(), payload={**_payload(chunk), "hidden": False})
            for chunk, row in zip(chunks, vectors, strict=True)
        ]
        with _said(self._collection):
            self._client.upsert(self._collection, points=points, wait=True)

    def search(self, query: Vectors, *, k: int = 10, hidden: frozenset[int] = frozenset()) -> tuple[Hit, ...]:
        """Return up to ``k`` nearest chunks that are not hidden."""
        from qdrant_client import models

        barred: list[Any] = [models.FieldCondition(key="hidden", match=models.MatchValue(value=True))]
        if hidden:
            barred.append(models.HasIdCondition(has_id=sorted(hidden)))
        with _said(self._collection):
            found = self._client.query_points(
                self._collection,
                query=np.asarray(query, np.float32).ravel().tolist(),
                query_filter=models.Filter(must_not=barred),
                limit=k,
            )
        return tuple(Hit(int(one.id), float(one.score), _chunk(one)) for one in found.points)

    def ids(self) -> frozenset[int]:
        """Return the ids that a search may return."""
        return frozenset(int(one.id) for one in self._all() if not one.payload.get("hidden"))

    def _all(self) -> Iterator[Any]:
        start: Any = None
        while True:
            with _said(self._collection):
                page, start = self._client.scroll(self._collection, limit=_PAGE, offset=start, with_payload=True)
            yield from page
            if start is None:
                return

    def get(self, id: int) -> Chunk:
        """Return one chunk; raises ``UnknownId`` for what is hidden, erased or was never there."""
        found = self._retrieved([id])
        if not found or found[0].payload.get("hidden"):
            raise UnknownId(f"Reading chunk {id} of {self._collection}: it is hidden, erased or was never there.")
        return _chunk(found[0])

    def vectors(self, ids: Sequence[int]) -> Vectors:
        """Return stored vectors, hidden ones included."""
        rows = {int(one.id): one.vector for one in self._retrieved(ids, vectors=True)}
        missing = [id for id in ids if id not in rows]
        if missing:
            raise UnknownId(f"Reading vectors of {self._collection}: {len(missing)} ids are not there.")
        return np.array([rows[id] for id in ids], np.float32)

    def _retrieved(self, ids: Sequence[int], *, vectors: bool = False) -> list[Any]:
        with _said(self._collection):
            return list(self._client.retrieve(self._collection, ids=list(ids), with_vectors=vectors))

    def hide(self, ids: Iterable[int]) -> HideReceipt:
        """Hide ids from every search, in every process, from now on."""
        return self._marked(sorted(map(int, ids)), hidden=True)

    def show(self, ids: Iterable[int]) -> HideReceipt:
        """Take the hiding back."""
        return self._marked(sorted(map(int, ids)), hidden=False)

    def _marked(self, ids: list[int], *, hidden: bool) -> HideReceipt:
        started = time.perf_counter()
        with _said(self._collection):
            self._client.set_payload(self._collection, payload={"hidden": hidden}, points=ids, wait=True)
        return HideReceipt(len(ids), time.perf_counter() - started)

    def erase(self, ids: Iterable[int]) -> EraseReceipt:
        """Delete points, have the store let go of them, and look whether they are gone."""
        from qdrant_client import models

        started, wanted = time.perf_counter(), sorted(set(map(int, ids)))
        points: list[Any] = list(wanted)
        there = len(self._retrieved(wanted))
        if there != len(wanted):
            raise UnknownId(
                f"Erasing from {self._collection}: {len(wanted) - there} of {len(wanted)} ids are not in it; "
                "nothing was changed."
            )
        with _said(self._collection):
            self._client.delete(self._collection, points_selector=models.PointIdsList(points=points), wait=True)
            how = self._let_go()
            remaining = int(self._client.count(self._collection, exact=True).count)
        if self._retrieved(wanted):
            raise StoreUnreachable(f"Erasing from {self._collection}: the store still returns what it deleted.")
        return EraseReceipt("rewritten", 0, 0, len(wanted), remaining, time.perf_counter() - started, how)

    def _let_go(self) -> str:
        from qdrant_client import models

        if hasattr(self._client._client, "collections"):
            return "deleted; the local store's file was rewritten by it"
        config = models.OptimizersConfigDiff(deleted_threshold=0.0001, vacuum_min_vector_number=100)
        self._client.update_collection(self._collection, optimizers_config=config)
        return "deleted; the server was asked to vacuum its segments at any number of deleted points, and does so later"


def _payload(chunk: Chunk) -> dict[str, Any]:
    return {name: value for name, value in asdict(chunk).items() if name != "id"}


def _chunk(point: Any) -> Chunk:
    held = point.payload
    return Chunk(
        int(point.id), str(held["document"]), str(held["text"]), str(held.get("source", "")), held.get("owner")
    )


@contextmanager
def _said(collection: str) -> Iterator[None]:
    """Name a client's error by its class: its text may quote a payload."""
    try:
        yield
    except RetrievalError:
        raise
    except Exception as error:
        raise StoreUnreachable(
            f"Asking Qdrant for {collection}: {type(error).__name__}; check the address, the key and the collection."
        ) from None
