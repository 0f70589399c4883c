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
    ConfigurationError,
    DamagedArtifact,
    DimensionMismatch,
    NoSpace,
    SourceUnreachable,
)
from retrieval import codes, errors, replacing
from retrieval.indexes import Embedder, Index, documents, layout, load, weighing
from retrieval.indexes import hidden as hidden_ids
from retrieval.types import Chunk, Progress, Vectors, silent

_OWES = "what the index learned with the removed (code book, centroids, ranges, transformation) is still kept"


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
    if "kind" not in manifest:  # somebody else's index: it stays of its kind, and where its program looks for it
        made = _embedder(place, {**manifest, "dimension": index.describe().dimension})
        replacing.replace(folder_of(place), [kept[number] for number in fresh], made, progress=progress)
        return
    old = [number for number in kept if number not in set(fresh)]
    known = dict(zip((kept[number].text for number in old), index.vectors(old), strict=True)) if old else {}
    remembering = _Remembering(_embedder(place, manifest), known)
    store = load(str(place.options.get("store") or "faiss"))
    kind = str(manifest.get("kind") or "flat")
    store.build(folder_of(place), list(kept.values()), remembering, kind=kind, progress=progress)


def stored(place: Place, index: Index, ids: Sequence[int]) -> dict[int, bytes]:
    """What the index keeps of each chunk's vector: its bytes, or the code that stands for it."""
    try:
        return {number: row.tobytes() for number, row in zip(ids, index.vectors(ids), strict=True)}
    except errors.UnsupportedIndex:
        return codes.of(folder_of(place), ids)


def refuse_new_vectors(place: Place, index: Index, ids: Sequence[int]) -> None:
    """Refuse before any change to blank chunks of an index of codes: the others' vectors are not there to be kept."""
    current = layout.current(folder_of(place))
    try:
        index.vectors(ids)
    except errors.UnsupportedIndex as error:
        raise ConfigurationError(
            f"{place.name}: {len(ids)} texts are to be blanked, but this index keeps codes and no vectors; nothing was "
            "changed.",
            remedy="Set options.on_mention: erase, so that such chunks go whole, or build the index anew.",
        ) from error
    _embedder(place, {**current.manifest, "dimension": index.describe().dimension})


def about(place: Place) -> Mapping[str, Any]:
    """What the index says of itself: generation, embedder; nothing for a company's own before its first change."""
    return layout.current(folder_of(place)).manifest


def hidden(place: Place) -> frozenset[str]:
    """The chunks that no search returns, by the names that their rows have."""
    return frozenset(map(str, hidden_ids.read(folder_of(place))))


def is_owing(place: Place) -> bool:
    """Whether something is kept that was learned with somebody who is gone, above the stated share."""
    return weighing.OWED in layout.current(folder_of(place)).manifest


def owes(place: Place) -> str:
    """What an index still keeps that was learned with somebody who is gone, and how much they weighed on it."""
    manifest = layout.current(folder_of(place)).manifest
    whole, largest = (float(share) for share in manifest[weighing.OWED])
    return (
        f"{_OWES}: they were {whole:.1%} of all vectors and at most {largest:.1%} of a list; their own bytes are gone"
    )


def settle(place: Place, gone: Sequence[int], dimension: int, progress: Progress) -> tuple[str, ...]:
    """Have it learned again from those who stay, where the artifact names its embedder; say what was done or owed."""
    from retrieval.erase import erase

    if not is_owing(place):
        return ()
    manifest = layout.current(folder_of(place)).manifest
    try:
        given = _embedder(place, {**manifest, "dimension": dimension})
        return (erase(folder_of(place), gone, originals=given, progress=progress).how,)
    except (errors.RetrievalError, ConfigurationError) as error:
        return (f"{owes(place)}; it could not be learned again: {error}",)


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
