"""The same erasure in other stores: delete, save or compact as they offer it, then look into their files."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

Row = dict[str, Any]


def compared(folder: Path, vectors: np.ndarray, texts: Sequence[str], gone: list[int]) -> list[Row]:
    """Every peer over the same vectors, (n, dimension) float32, and texts; a row each."""
    rows = []
    for name, run in PEERS.items():
        place = folder / name
        place.mkdir()
        started = time.perf_counter()
        try:
            erased = run(place, vectors, texts, gone)
        except ImportError:
            rows.append({"peer": name, "said": "not installed"})
            continue
        files = [path.read_bytes() for path in sorted(place.rglob("*")) if path.is_file()]
        left = {
            "vectors_left": sum(any(vectors[id].tobytes() in raw for raw in files) for id in gone),
            "texts_left": sum(any(texts[id].encode() in raw for raw in files) for id in gone),
        }
        size = sum(map(len, files))
        rows.append({"peer": name, "erase_s": erased, "all_s": time.perf_counter() - started, "bytes": size, **left})
    return rows


def _hnswlib(place: Path, vectors: np.ndarray, texts: Sequence[str], gone: list[int]) -> float:
    import hnswlib

    index = hnswlib.Index(space="ip", dim=vectors.shape[1])
    index.init_index(max_elements=len(vectors), ef_construction=40, M=8)
    index.add_items(vectors, np.arange(len(vectors)), num_threads=1)
    started = time.perf_counter()
    for id in gone:
        index.mark_deleted(id)
    index.save_index(str(place / "index.bin"))
    return time.perf_counter() - started


def _usearch(place: Path, vectors: np.ndarray, texts: Sequence[str], gone: list[int]) -> float:
    from usearch.index import Index

    index = Index(ndim=vectors.shape[1], metric="ip", dtype="f32", connectivity=8, expansion_add=40)
    index.add(np.arange(len(vectors)), vectors, threads=1)
    started = time.perf_counter()
    index.remove(np.array(gone), compact=True)
    index.save(str(place / "index.usearch"))
    return time.perf_counter() - started


def _lancedb(place: Path, vectors: np.ndarray, texts: Sequence[str], gone: list[int]) -> float:
    import lancedb
    import pyarrow as pa

    column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
    rows = pa.table({"id": pa.array(range(len(vectors))), "text": pa.array(texts), "vector": column})
    table = lancedb.connect(str(place)).create_table("chunks", rows)
    started = time.perf_counter()
    table.delete(f"id in ({', '.join(map(str, gone))})")
    table.optimize(cleanup_older_than=timedelta(0), delete_unverified=True)
    return time.perf_counter() - started


def _chroma(place: Path, vectors: np.ndarray, texts: Sequence[str], gone: list[int]) -> float:
    import chromadb
    from chromadb.config import Settings

    client = chromadb.PersistentClient(str(place), Settings(anonymized_telemetry=False))
    collection = client.create_collection("chunks", embedding_function=None)
    for start in range(0, len(vectors), 1000):
        part = slice(start, start + 1000)
        names = [str(id) for id in range(*part.indices(len(vectors)))]
        collection.add(names, embeddings=vectors[part].tolist(), documents=list(texts[part]))
    started = time.perf_counter()
    collection.delete([str(id) for id in gone])
    return time.perf_counter() - started


PEERS: dict[str, Callable[[Path, np.ndarray, Sequence[str], list[int]], float]] = {
    "hnswlib": _hnswlib,
    "usearch": _usearch,
    "LanceDB": _lancedb,
    "Chroma": _chroma,
}
