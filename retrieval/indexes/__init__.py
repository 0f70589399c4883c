"""The door to vector indexes: the contract, the table of names, and ``load``.

To add a store: write ``retrieval/indexes/<name>.py`` with ``build``, ``open`` and ``without``, and add a line here.
"""

import pkgutil
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Final, Protocol, cast

from retrieval.types import Chunk, Hit, IndexDescription, Progress, Vectors

INDEXES: Final = {"faiss": "retrieval.indexes.faiss"}


class Embedder(Protocol):
    """Turns texts into unit vectors; ``digest`` names the exact weights."""

    @property
    def name(self) -> str: ...

    @property
    def digest(self) -> str: ...

    @property
    def dimension(self) -> int: ...

    def embed(self, texts: Sequence[str], *, progress: Progress = ...) -> Vectors:
        """Return vectors, (texts, dimension) float32."""


class Index(Protocol):
    """An open index: a search never returns what is hidden or erased, also when that happened a moment ago."""

    def search(
        self, query: "str | Vectors", *, k: int = 10, hidden: frozenset[int] = ..., who: Collection[str] | None = ...
    ) -> tuple[Hit, ...]:
        """Return up to ``k`` nearest chunks of a text or of one vector, (dimension,) or (1, dimension)."""

    def ids(self, *, who: Collection[str] | None = ...) -> frozenset[int]:
        """Return the ids that a search may return to whoever asks."""

    def get(self, id: int, *, who: Collection[str] | None = ...) -> Chunk:
        """Return one chunk; raises ``UnknownId`` for what is hidden, erased or was never there."""

    def vectors(self, ids: Sequence[int]) -> Vectors:
        """Return stored vectors, hidden ones included, (ids, dimension) float32."""

    def describe(self) -> IndexDescription:
        """Say what this index is."""


class Store(Protocol):
    """A kind of index on disk."""

    def build(
        self, folder: Path, chunks: Iterable[Chunk], embedder: Embedder, *, kind: str = ..., progress: Progress = ...
    ) -> IndexDescription:
        """Embed chunks and publish them as the folder's next generation."""

    def open(self, folder: Path, *, embedder: Embedder | None = None) -> Index:
        """Open the current generation."""


def load(name: str) -> Store:
    """Return the store of that name; raises ``ValueError`` with the names there are."""
    if name not in INDEXES:
        raise ValueError(f"Opening an index of kind {name!r}: there is none; use one of {', '.join(INDEXES)}.")
    return cast(Store, pkgutil.resolve_name(INDEXES[name]))
