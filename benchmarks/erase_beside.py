"""What ``benchmarks/erase.py`` stands beside: a faiss user's rewrite, and the disk's own limit."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import faiss
import numpy as np


def rewritten(path: Path, ids: np.ndarray) -> tuple[float, float]:
    """Seconds of read, remove, write beside, fsync, and of the same for the documents: what a faiss user does."""
    started, beside = time.perf_counter(), path.with_suffix(".new")
    index = faiss.read_index(str(path))
    index.remove_ids(faiss.IDSelectorBatch(ids))
    faiss.write_index(index, str(beside))
    with beside.open("rb") as handle:
        os.fsync(handle.fileno())
    seconds = time.perf_counter() - started
    beside.unlink()
    return seconds, _documents_without(path.with_name("chunks.jsonl"), frozenset(ids.tolist()))


def _documents_without(path: Path, ids: frozenset[int]) -> float:
    started, beside = time.perf_counter(), path.with_suffix(".new")
    with path.open("rb") as lines, beside.open("wb") as handle:
        handle.writelines(line for number, line in enumerate(lines) if number not in ids)
        handle.flush()
        os.fsync(handle.fileno())
    seconds = time.perf_counter() - started
    beside.unlink()
    return seconds


def limit(folder: Path, many: int, width: int) -> float:
    """Seconds in which this disk takes as many vectors, ids and texts of these files, overwritten with themselves."""
    rng = np.random.default_rng(many)
    sizes = {name: (folder / name).stat().st_size for name in ("index.faiss", "chunks.jsonl")}
    rows = {
        "index.faiss": [(int(at), width) for at in rng.integers(0, sizes["index.faiss"] - width, many)],
        "chunks.jsonl": [(int(at), 100) for at in rng.integers(0, sizes["chunks.jsonl"] - 100, many)],
    }
    ids = min(8 << 20, sizes["index.faiss"] - 8)  # the numbers of a million vectors lie together, or in their lists
    rows["index.faiss"] += [(sizes["index.faiss"] - 8 - int(at), 8) for at in rng.integers(0, ids, many)]
    handles = {name: os.open(folder / name, os.O_RDWR) for name in rows}
    content = {name: [os.pread(handles[name], size, at) for at, size in spans] for name, spans in rows.items()}
    started = time.perf_counter()
    with ThreadPoolExecutor(len(rows)) as threads:
        for name, spans in rows.items():
            for (at, _), before in zip(spans, content[name], strict=True):
                os.pwrite(handles[name], before, at)
        list(threads.map(os.fdatasync, handles.values()))
    seconds = time.perf_counter() - started
    for handle in handles.values():
        os.close(handle)
    return seconds
