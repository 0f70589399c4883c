"""One generation of a FAISS folder: read and checked against its manifest, or written."""

import errno
import os
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import faiss

from retrieval.durable import sha256_of
from retrieval.errors import DimensionMismatch, IndexUnreadable, StoreOutOfStep
from retrieval.indexes import chunks, layout, vectors
from retrieval.indexes.layout import CHUNKS, INDEX, MANIFEST, Place
from retrieval.types import Chunk, Json

METRICS: Final = {faiss.METRIC_INNER_PRODUCT: "inner product", faiss.METRIC_L2: "squared L2"}
_TRIES = 5


@dataclass(frozen=True)
class Generation:
    """One generation in memory: never changed, only replaced as a whole."""

    place: Place
    index: Any
    chunks: dict[int, Chunk] = field(repr=False)
    stamp: tuple[int, int]


def write(target: Path, index: Any, kept: Iterable[Chunk], manifest: Json) -> Json:
    """Write a generation's three files, and return the finished manifest."""
    _write_index(index, target / INDEX)
    chunks.write(target / CHUNKS, kept)
    _check_written(index, target)
    digests = {"index_sha256": sha256_of(target / INDEX), "chunks_sha256": sha256_of(target / CHUNKS)}
    finished = {
        **manifest,
        **digests,
        "digest": sha256("".join(digests.values()).encode()).hexdigest(),
        "dimension": index.d,
        "metric": METRICS.get(index.metric_type, str(index.metric_type)),
        "count": index.ntotal,
        "built_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    (target / MANIFEST).write_bytes(chunks.as_json(finished))
    return finished


def _write_index(index: Any, path: Path) -> None:
    """Write an index; a full disk is an ``OSError`` as everywhere else, not faiss' RuntimeError."""
    try:
        faiss.write_index(index, str(path))
    except RuntimeError as error:
        full = shutil.disk_usage(path.parent).free < 4 * index.ntotal * index.d
        code = errno.ENOSPC if full else errno.EIO
        raise OSError(code, os.strerror(code), str(path)) from error


def _check_written(index: Any, target: Path) -> None:
    """Read back what was written before it may count: faiss does not notice when its last bytes find no room."""
    try:
        back = vectors.ids_of(vectors.read(target / INDEX))
        whole = (back == vectors.ids_of(index)).all() and set(back.tolist()) == chunks.read(target / CHUNKS).keys()
    except IndexUnreadable as error:
        raise OSError(errno.EIO, "written, but cannot be read back (is the disk full?)", str(target)) from error
    if not whole:
        raise StoreOutOfStep(
            f"Writing the index in {target}: vectors and chunks differ; the old generation still counts."
        )


def read(folder: Path) -> Generation:
    """Read the current generation; when another one replaces it meanwhile, read that one."""
    for _ in range(_TRIES):
        stamp = layout.stamp(folder)  # first: files newer than their stamp are read again, older ones never would be
        try:
            return _checked(layout.current(folder), stamp)
        except (IndexUnreadable, StoreOutOfStep, FileNotFoundError):
            if layout.stamp(folder) == stamp and not layout.is_replacing(folder):
                raise
            time.sleep(0.02)
    raise IndexUnreadable(f"Opening the index in {folder}: it was replaced {_TRIES} times meanwhile; try again.")


def _checked(place: Place, stamp: tuple[int, int]) -> Generation:
    for name, key in ((INDEX, "index_sha256"), (CHUNKS, "chunks_sha256")):
        _check_digest(place.files / name, place.manifest.get(key))
    index, held = vectors.read(place.files / INDEX), chunks.read(place.files / CHUNKS)
    declared = place.manifest.get("dimension")
    if declared is not None and int(declared) != index.d:
        raise DimensionMismatch(
            f"Opening the index in {place.files}: its manifest says {declared} dimensions, its vectors have {index.d}; "
            "restore the manifest that belongs to it, or rebuild the index."
        )
    ids = set(vectors.ids_of(index).tolist())
    if ids != held.keys():
        raise StoreOutOfStep(
            f"Opening the index in {place.files}: {len(ids - held.keys())} vectors have no chunk and "
            f"{len(held.keys() - ids)} chunks have no vector; rebuild the index from its documents."
        )
    return Generation(place, index, held, stamp)


def _check_digest(path: Path, expected: str | None) -> None:
    if not path.exists():
        raise IndexUnreadable(f"Opening {path}: there is no such file; restore it or rebuild the index.")
    if expected is not None and sha256_of(path) != expected:
        raise IndexUnreadable(
            f"Opening {path}: it is not the file that its manifest names (truncated or changed); "
            "restore it or rebuild the index."
        )


def digest_of(place: Place) -> str:
    """Return the digest of a generation: sha256 over the sha256 of index and chunks."""
    named = place.manifest.get("digest")
    if named:
        return str(named)
    both = sha256_of(place.files / INDEX) + sha256_of(place.files / CHUNKS)
    return sha256(both.encode()).hexdigest()
