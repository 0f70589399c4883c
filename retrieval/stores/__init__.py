"""Vector stores that run as servers, behind one contract: hidden at once, erased, and looked for again.

To add one: write ``retrieval/stores/<name>.py`` with a class that keeps the contract, and add a line here.
"""

import pkgutil
from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol

from retrieval.errors import RetrievalError
from retrieval.types import Chunk, EraseReceipt, HideReceipt, Hit, Vectors

STORES: Final = {"qdrant": "retrieval.stores.qdrant:QdrantStore", "pgvector": "retrieval.stores.pgvector:PgvectorStore"}


class StoreUnreachable(RetrievalError):
    """A server that does not answer, refuses, or does not hold what it should."""


class VectorStore(Protocol):
    """A collection of chunks with their vectors; every verb raises ``StoreUnreachable`` when the server does not."""

    def add(self, chunks: Sequence[Chunk], vectors: Vectors) -> None:
        """Store chunks and their vectors, (chunks, dimension) float32."""

    def search(self, query: Vectors, *, k: int = 10, hidden: frozenset[int] = ...) -> tuple[Hit, ...]:
        """Return up to ``k`` nearest chunks that are not hidden."""

    def ids(self) -> frozenset[int]:
        """Return the ids that a search may return."""

    def get(self, id: int) -> Chunk:
        """Return one chunk; raises ``UnknownId`` for what is hidden, erased or was never there."""

    def vectors(self, ids: Sequence[int]) -> Vectors:
        """Return stored vectors, hidden ones included."""

    def hide(self, ids: Iterable[int]) -> HideReceipt:
        """Hide ids from every search, in every process, from now on."""

    def show(self, ids: Iterable[int]) -> HideReceipt:
        """Take the hiding back."""

    def erase(self, ids: Iterable[int]) -> EraseReceipt:
        """Remove ids, as far down as the store lets itself be asked; raises ``UnknownId`` before any change."""


def load(name: str) -> Any:
    """Return the class of that name; raises ``ValueError`` with the names there are."""
    if name not in STORES:
        raise ValueError(f"Opening a store of kind {name!r}: there is none; use one of {', '.join(STORES)}.")
    return pkgutil.resolve_name(STORES[name])
