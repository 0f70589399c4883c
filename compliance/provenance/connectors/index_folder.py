"""Opening an index folder through ``retrieval``, saying its errors in our words, and re-embedding what was blanked."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from compliance.provenance.connectors import Place
from compliance.provenance.connectors.embedding import embedder
from compliance.rules.errors import (
    DamagedArtifact,
    DimensionMismatch,
    NoSpace,
    SourceUnreachable,
)
from retrieval import errors
from retrieval.indexes import Embedder, Index, documents, layout, load
from retrieval.types import Chunk, Progress, Vectors, silent


def folder_of(place: Place) -> Path:
    """The index folder; ``SourceUnreachable`` when it is not there."""
    folder = Path(place.location)
    if not folder.is_dir():
        raise SourceUnreachable(f"{place.name}: there is no index folder {folder.name!r}.")
    return folder


def opened(place: Place) -> Index:
    """The index as it is now, checked against its manifest."""
    return load(str(place.options.get("store") or "faiss")).open(folder_of(place))


def chunks_of(place: Place) -> dict[int, Chunk]:
    """The chunks alone, without loading a vector."""
    return documents.read(layout.current(folder_of(place)).files)


def rebuild(place: Place, kept: Mapping[int, Chunk], index: Index, fresh: Sequence[int], progress: Progress) -> None:
    """Write a generation in which the ``fresh`` chunks have new vectors and all others keep theirs bit for bit."""
    manifest = layout.current(folder_of(place)).manifest
    old = [number for number in kept if number not in set(fresh)]
    known = dict(zip((kept[number].text for number in old), index.vectors(old), strict=True)) if old else {}
    remembering = _Remembering(_embedder(place, manifest), known)
    store = load(str(place.options.get("store") or "faiss"))
    kind = str(manifest.get("kind") or "flat")
    store.build(folder_of(place), list(kept.values()), remembering, kind=kind, progress=progress)


@contextmanager
def said(place: Place) -> Iterator[None]:
    """Say what ``retrieval`` and the system report in our own words."""
    try:
        yield
    except errors.DimensionMismatch as error:
        raise DimensionMismatch(f"{place.name}: {error}") from error
    except errors.IndexBusy as error:
        raise SourceUnreachable(f"{place.name}: another process is changing the index.") from error
    except errors.RetrievalError as error:
        raise DamagedArtifact(f"{place.name}: {error}") from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise NoSpace(f"{place.name}: no room for a new generation; the old one is untouched.") from error
        raise SourceUnreachable(f"{place.name}: the index cannot be read or written ({error.strerror}).") from error


class _Remembering:
    """Gives back the stored vectors of texts it knows and embeds only the others."""

    def __init__(self, inner: Embedder, known: Mapping[str, Vectors]) -> None:
        self._inner, self._known = inner, known
        self.name, self.digest, self.dimension = inner.name, inner.digest, inner.dimension

    def embed(self, texts: Sequence[str], *, progress: Progress = silent) -> Vectors:
        """Unit vectors, (texts, dimension) float32."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        rows = {**self._known, **dict(zip(new, self._inner.embed(new, progress=progress), strict=True))}
        return np.stack([rows[text] for text in texts]).astype(np.float32, copy=False)


def _embedder(place: Place, manifest: Mapping[str, Any]) -> Embedder:
    name = str(manifest.get("embedder") or place.options.get("embedder") or "")
    return embedder(name, int(manifest["dimension"]), place)
