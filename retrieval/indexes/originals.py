"""The vectors that codes were made from: what an index that keeps codes only can learn its code book from again.

A file in which a vector's row is its id (``.npy``, ``.fvecs``), a Parquet file with the columns ``id`` and ``vector``,
or the embedder of the folder, which embeds the texts of those who stay.
"""

from pathlib import Path
from typing import Final, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from retrieval.errors import DimensionMismatch, EmbedderMismatch, IndexUnreadable, StoreOutOfStep, UnknownId
from retrieval.indexes import Embedder
from retrieval.indexes.documents import Documents
from retrieval.indexes.sections import Offsets
from retrieval.types import Json, Progress, Vectors

Originals: TypeAlias = Path | Embedder
Codes: TypeAlias = npt.NDArray[np.uint8]
_BATCH: Final = 65_536  # rows of Parquet decoded at a time
_ROUNDING: Final = 1e-5  # of a vector's squared length
_NAMED: Final = 5


class Coder(Protocol):
    """What turns vectors into codes and back: a faiss index."""

    def sa_encode(self, vectors: Vectors, /) -> Codes:
        """Return codes, (n, bytes)."""

    def sa_decode(self, codes: Codes, /) -> Vectors:
        """Return the points that codes mean, (n, dimension)."""


def of(given: Originals, ids: Offsets, held: Documents, manifest: Json, *, progress: Progress) -> Vectors:
    """Return the vectors of ids, (ids, dimension) float32, in their order.

    Raises ``UnknownId`` when some are not there, ``IndexUnreadable`` for a file that cannot be read and
    ``EmbedderMismatch`` for an embedder that the index was not built with.
    """
    found = _read(given, ids) if isinstance(given, Path) else _embedded(given, ids, held, manifest, progress)
    vectors = np.ascontiguousarray(found, np.float32)
    if not np.isfinite(vectors).all():
        raise IndexUnreadable(
            "Reading the original vectors: some of those who stay are no numbers; nothing was changed."
        )
    return vectors


def check(coder: Coder, codes: Codes, vectors: Vectors, ids: Offsets) -> None:
    """Raise ``StoreOutOfStep`` unless every vector, encoded again, gives its stored code, (n, bytes) each.

    A stored code that means a point as near to the vector as that of the code it gets here is right too: processors
    round differently (20,000 vectors encoded again with other instructions, none, AVX2 and AVX-512: no code differed).
    """
    wrong = np.concatenate(
        [
            start + _differing(coder, codes[start : start + _BATCH], vectors[start : start + _BATCH])
            for start in range(0, max(1, len(codes)), _BATCH)
        ]
    )
    if len(wrong):
        first = ", ".join(str(id) for id in ids[wrong[:_NAMED]].tolist())
        raise StoreOutOfStep(
            f"Learning a code book again: {len(wrong):,} of {len(codes):,} given vectors do not have the codes that "
            f"the index holds (first of ids {first}): they are not those it was made from; nothing was changed. "
            "Give the vectors as they were added (normalised or not), row by row for each id."
        )


def _differing(coder: Coder, codes: Codes, vectors: Vectors) -> Offsets:
    """Return the rows whose stored code is another than the one they get, and means a point farther from them."""
    given = np.ascontiguousarray(vectors)
    fresh = np.asarray(coder.sa_encode(given)) if len(given) else codes
    other = np.flatnonzero((fresh != codes).any(axis=1)).astype(np.int64)
    if not len(other):
        return other
    rows = given[other]
    stored, own = (
        ((coder.sa_decode(np.ascontiguousarray(some[other])) - rows) ** 2).sum(axis=1) for some in (codes, fresh)
    )
    is_near = stored <= own + _ROUNDING * (rows**2).sum(axis=1)  # never so for what is no number
    return np.asarray(other[~is_near])


def check_dimension(given: Vectors, dimension: int) -> None:
    """Raise ``DimensionMismatch`` for vectors of another size than the index was built for."""
    if given.shape[1] != dimension:
        raise DimensionMismatch(
            f"Learning a code book again: the given vectors have {given.shape[1]} dimensions, the index {dimension}; "
            "nothing was changed."
        )


def still_held(given: Originals, removed: Offsets) -> int:
    """Return how many of the removed the given file has a vector for, other than zeros and no numbers."""
    if not isinstance(given, Path) or not len(removed):
        return 0
    _, rows = _rows(given, removed)
    return int((np.isfinite(rows) & (rows != 0)).any(axis=1).sum()) if len(rows) else 0


def _embedded(given: Embedder, ids: Offsets, held: Documents, manifest: Json, progress: Progress) -> Vectors:
    if manifest.get("embedder_digest") not in (None, given.digest):
        raise EmbedderMismatch(
            f"Learning a code book again: the index was built with {manifest.get('embedder')}, other weights than "
            f"{given.name} has here; nothing was changed. Use those, or give the original vectors."
        )
    wanted = set(ids.tolist())
    texts = {chunk.id: chunk.text for chunk in held.values() if chunk.id in wanted}
    return given.embed([texts[id] for id in ids.tolist()], progress=progress)


def _read(path: Path, ids: Offsets) -> Vectors:
    there, rows = _rows(path, ids)
    if len(there) != len(ids):
        raise UnknownId(
            f"Reading the original vectors in {path}: {len(ids) - len(there)} of {len(ids)} who stay are not in it; "
            "nothing was changed. A row's number is its id in .npy and .fvecs; Parquet has the columns id and vector."
        )
    return rows


def _rows(path: Path, ids: Offsets) -> tuple[Offsets, Vectors]:
    """Return which of the ids are there, in their order, and their vectors."""
    readers = {".npy": _numpy, ".fvecs": _fvecs, ".parquet": _parquet}
    if path.suffix not in readers:
        raise IndexUnreadable(f"Reading the original vectors in {path}: it is none of {', '.join(readers)}.")
    try:
        return readers[path.suffix](path, ids)
    except (OSError, ValueError, KeyError, TypeError) as error:  # pyarrow's errors are among them
        raise IndexUnreadable(
            f"Reading the original vectors in {path}: it cannot be read ({type(error).__name__}); nothing was changed."
        ) from None


def _numpy(path: Path, ids: Offsets) -> tuple[Offsets, Vectors]:
    matrix = np.load(path, mmap_mode="r", allow_pickle=False)
    if matrix.ndim != 2:
        raise ValueError("no matrix")
    return _of_matrix(matrix, ids)


def _fvecs(path: Path, ids: Offsets) -> tuple[Offsets, Vectors]:
    raw = np.memmap(path, np.int32, "r")
    width = int(raw[0]) + 1
    if width < 2 or len(raw) % width or (raw[::width] != width - 1).any():
        raise ValueError("no fvecs")
    return _of_matrix(raw.view(np.float32).reshape(-1, width)[:, 1:], ids)


def _of_matrix(matrix: Vectors, ids: Offsets) -> tuple[Offsets, Vectors]:
    there = ids[(ids >= 0) & (ids < len(matrix))]
    return there, np.asarray(matrix[there], np.float32)


def _parquet(path: Path, ids: Offsets) -> tuple[Offsets, Vectors]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    order = np.argsort(ids, kind="stable")
    seen, parts = [np.zeros(0, np.int64)], []
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=_BATCH, columns=["id", "vector"]):
            numbers = batch.column("id").to_numpy(zero_copy_only=False).astype(np.int64)
            mine = np.flatnonzero(np.isin(numbers, ids))
            if len(mine):
                rows = batch.column("vector").take(pa.array(mine))
                parts.append(
                    np.asarray(rows.flatten().to_numpy(zero_copy_only=False), np.float32).reshape(len(mine), -1)
                )
                seen.append(np.searchsorted(ids, numbers[mine], sorter=order))
    at = order[np.concatenate(seen)]
    if len(np.unique(at)) != len(at):
        raise ValueError("an id stands there twice")
    back = np.argsort(at, kind="stable")
    return ids[at[back]], np.concatenate(parts)[back] if parts else np.zeros((0, 0), np.float32)
