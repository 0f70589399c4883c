"""One generation of a FAISS folder: read and checked against its manifest, or written."""

import errno
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import faiss
import numpy as np

from retrieval.durable import sha256_of
from retrieval.errors import DimensionMismatch, IndexUnreadable, JournalDamaged, StoreOutOfStep
from retrieval.indexes import blocks, chunks, documents, finishing, layout, vectors
from retrieval.indexes.altering import Alteration
from retrieval.indexes.documents import Documents
from retrieval.indexes.layout import CHUNKS, INDEX, MANIFEST, Place
from retrieval.indexes.sections import Offsets
from retrieval.types import Chunk, Json

METRICS: Final = {faiss.METRIC_INNER_PRODUCT: "inner product", faiss.METRIC_L2: "squared L2"}
_PATIENCE = 30.0  # seconds that an opening waits for a change to be finished
_OURS: Final = ("index_sha256", "chunks_sha256")  # what a manifest of an earlier version names
_OF_A_FILE: Final = ("slots", "data", "numbers")  # what a manifest says of one file's bytes, and of no other's


@dataclass(frozen=True)
class Generation:
    """One generation in memory; ``gone`` are the ids whose slots are still there, empty."""

    place: Place
    index: Any
    chunks: Documents = field(repr=False)
    stamp: tuple[int, ...]
    gone: frozenset[int] = field(default=frozenset(), repr=False)


def write(target: Path, index: Any, kept: Iterable[Chunk], manifest: Json) -> Json:
    """Write a generation's files, and return the finished manifest."""
    vectors.write(index, target / INDEX)
    places = chunks.write(target / CHUNKS, kept)
    _check_written(index, target, places.ids)
    if (target / CHUNKS).stat().st_size != int((places.offsets + places.lengths).max(initial=0)):
        raise StoreOutOfStep(_differ(target))
    return _finished(target, index, len(places.ids), {CHUNKS: blocks.write(target / CHUNKS)}, manifest)


def write_without(target: Path, index: Any, held: Documents, gone: frozenset[int], manifest: Json) -> Json:
    """Write a generation whose documents stay where they are and lose ``gone`` when it is published."""
    return write_altered(target, index, held, Alteration.without(gone), manifest)


def write_altered(
    target: Path, index: Any, held: Documents, change: Alteration, manifest: Json, back: Iterable[Chunk] = ()
) -> Json:
    """Write a generation whose documents stay where they are and change when it is published.

    ``back`` are the chunks of the rows that come back.
    """
    vectors.write(index, target / INDEX)
    remaining = np.setdiff1d(held.live(), np.array(change.gone, np.int64))
    remaining = np.union1d(remaining, np.array(list(change.back), np.int64))
    _check_written(index, target, remaining)
    documents.leave(target, documents.made_ready(held, change))
    roots = {held.path.name: documents.root(held, without=change.gone, plus=[*change.texts, *back])}
    return _finished(target, index, len(remaining), roots, manifest)


def _finished(target: Path, index: Any, count: int, stored: Json, manifest: Json) -> Json:
    roots = {INDEX: blocks.write(target / INDEX), **stored}
    finished = {
        **{name: value for name, value in manifest.items() if name not in (*_OURS, *_OF_A_FILE)},
        "base": manifest.get("generation", 0),
        "roots": roots,
        "digest": finishing.digest(roots),
        "dimension": index.d,
        "metric": METRICS.get(index.metric_type, str(index.metric_type)),
        "count": count,
        "built_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    (target / MANIFEST).write_bytes(chunks.as_json(finished))
    return finished


def _check_written(index: Any, target: Path, ids: Offsets) -> None:
    """Read back what was written before it may count: faiss does not notice when its last bytes find no room."""
    try:
        back = np.sort(vectors.ids_of(vectors.read(target / INDEX)))
        whole = np.array_equal(back, np.sort(vectors.ids_of(index))) and np.array_equal(back, ids)
    except IndexUnreadable as error:
        raise OSError(errno.EIO, "written, but cannot be read back (is the disk full?)", str(target)) from error
    if not whole:
        raise StoreOutOfStep(_differ(target))


def _differ(target: Path) -> str:
    return f"Writing the index in {target}: vectors and chunks differ; the old generation still counts."


def read(folder: Path) -> Generation:
    """Read the current generation; what changes meanwhile is read again, so that no half of a change is ever seen."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        stamp = layout.stamp(folder)  # first: files newer than their stamp are read again, older ones never would be
        try:
            made = _checked(layout.current(folder), layout.stamp(folder))
            if layout.stamp(folder) == made.stamp and not layout.is_changing(folder):
                return made
        except JournalDamaged:
            raise
        except (IndexUnreadable, StoreOutOfStep, FileNotFoundError):
            if layout.stamp(folder) == stamp and not layout.is_changing(folder):
                raise
            time.sleep(0.02)
    raise IndexUnreadable(f"Opening the index in {folder}: it did not stop changing; try again.")


def _checked(place: Place, stamp: tuple[int, ...]) -> Generation:
    check_digests(place)
    index, held = vectors.read(place.files / INDEX), documents.opened(place.files, plain=place.plain)
    documents.check(held, place.manifest.get("roots", {}).get(held.path.name))
    declared = place.manifest.get("dimension")
    if declared is not None and int(declared) != index.d:
        raise DimensionMismatch(
            f"Opening the index in {place.files}: its manifest says {declared} dimensions, its vectors have {index.d}; "
            "restore the manifest that belongs to it, or rebuild the index."
        )
    gone = frozenset(map(int, place.manifest.get("slots", ())))
    ids, live = np.sort(vectors.ids_of(index, gone)), held.live()
    if not np.array_equal(ids, live):
        twice = int((ids[1:] == ids[:-1]).sum())
        if twice:
            raise StoreOutOfStep(
                f"Opening the index in {place.files}: {twice} vectors have the id of another; nobody can tell which of "
                "them a chunk is. Give every vector its own, or rebuild the index from its documents."
            )
        raise StoreOutOfStep(
            f"Opening the index in {place.files}: {len(np.setdiff1d(ids, live))} vectors have no chunk and "
            f"{len(np.setdiff1d(live, ids))} chunks have no vector; rebuild the index from its documents."
        )
    return Generation(place, index, held, stamp, gone)


def check_digests(place: Place) -> None:
    """Raise ``IndexUnreadable`` when a file is not the one that the manifest names."""
    expected = dict(place.manifest.get("roots", {})) or {
        name: place.manifest.get(key)
        for name, key in zip((INDEX, documents.found(place.files).name), _OURS, strict=True)
    }
    rooted = "roots" in place.manifest
    for name, digest in expected.items():
        path = place.files / name
        if not path.exists():
            raise IndexUnreadable(f"Opening {path}: there is no such file; restore it or rebuild the index.")
        if (
            digest is not None
            and not documents.is_by_rows(path)
            and (blocks.root(path) if rooted else sha256_of(path)) != digest
        ):
            raise IndexUnreadable(
                f"Opening {path}: it is not the file that its manifest names (truncated or changed); "
                f"restore it or rebuild the index, or remove {MANIFEST} beside it when the change was yours."
            )


def digest_of(place: Place) -> str:
    """Return the digest of a generation: over the roots of its index and its chunks."""
    named = place.manifest.get("digest")
    if named:
        return str(named)
    held = documents.opened(place.files, plain=place.plain)
    stored = blocks.root(held.path) if documents.is_lines(held.path) else documents.root(held)
    return finishing.digest({INDEX: blocks.root(place.files / INDEX), held.path.name: stored})
