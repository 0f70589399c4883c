"""A mended HNSW graph finds what a rebuilt one finds: on data without clusters, and when whole clusters go."""

import os
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest

from retrieval.erase import erase
from retrieval.indexes import patches
from retrieval.indexes.faiss import open as open_index
from retrieval.indexes.patches import Write
from retrieval.types import Vectors
from tests.retrieval.test_scrub import write_chunks

DIMENSION, COUNT, K = 12, 4000, 10


def uniform(rng: Any) -> tuple[Vectors, Any]:
    """Directions without clusters: every hundredth goes."""
    points = rng.normal(size=(COUNT, DIMENSION))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return np.asarray(points, np.float32), np.arange(7, COUNT, 100)


def whole_clusters(rng: Any) -> tuple[Vectors, Any]:
    """Eighty groups of fifty, tight; three of them go whole, and with them everybody's way into them."""
    centres = rng.normal(size=(80, DIMENSION))
    points = np.repeat(centres, COUNT // 80, axis=0) + 0.1 * rng.normal(size=(COUNT, DIMENSION))
    return np.asarray(points, np.float32), np.concatenate([np.arange(50 * at, 50 * at + 50) for at in (0, 33, 79)])


def graph_over(vectors: Vectors, ids: Any, metric: int, stored: str = "Flat") -> Any:
    index = faiss.index_factory(DIMENSION, f"IDMap2,HNSW16,{stored}", metric)
    index.train(np.ascontiguousarray(vectors))
    index.add_with_ids(np.ascontiguousarray(vectors), ids)
    return index


def recall(answers: list[set[int]], exact: list[set[int]]) -> float:
    return float(np.mean([len(found & true) / K for found, true in zip(answers, exact, strict=True)]))


@pytest.mark.parametrize("metric", [faiss.METRIC_L2, faiss.METRIC_INNER_PRODUCT], ids=["L2", "product"])
@pytest.mark.parametrize(
    ("data", "within", "stored"), [(uniform, 0.002, "Flat"), (whole_clusters, 0.01, "Flat"), (uniform, 0.002, "SQ8")]
)
def test_a_mended_graph_finds_what_a_rebuilt_one_finds(
    tmp_path: Path, data: Any, within: float, stored: str, metric: int
) -> None:
    """On clusters a rebuild itself finds .80 to .97, by the order in which it is filled: there the graph as it was,
    with the removed hidden, is what must not be lost."""
    rng = np.random.default_rng(4)
    vectors, gone = data(rng)
    before = graph_over(vectors, np.arange(COUNT), metric, stored)
    faiss.write_index(before, str(tmp_path / "index.faiss"))
    write_chunks(tmp_path, range(COUNT))
    near_the_gone = vectors[gone[:100]] + np.asarray(0.05 * rng.normal(size=(len(gone[:100]), DIMENSION)), np.float32)
    queries = np.concatenate([np.asarray(data(rng)[0][::20], np.float32), near_the_gone])
    assert erase(tmp_path, gone.tolist()).level == "repaired"
    kept = np.setdiff1d(np.arange(COUNT), gone)
    flat = faiss.IndexFlat(DIMENSION, metric)
    flat.add(vectors[kept])
    exact = [{int(kept[at]) for at in row} for row in flat.search(queries, K)[1].tolist()]
    rebuilt = graph_over(vectors[kept], kept, metric, stored)
    faiss.downcast_index(rebuilt.index).hnsw.efSearch = 64  # as our searches have it
    index = open_index(tmp_path)
    ours = [{hit.id for hit in index.search(query, k=K)} for query in queries]
    theirs = [set(row) for row in rebuilt.search(queries, K)[1].tolist()]
    only_kept = faiss.SearchParametersHNSW(efSearch=64, sel=faiss.IDSelectorBatch(kept))
    hidden = [set(row) for row in before.search(queries, K, params=only_kept)[1].tolist()]
    beside = recall(theirs, exact) if data is uniform else min(recall(theirs, exact), recall(hidden, exact))
    assert recall(ours, exact) >= beside - within
    assert not set(gone.tolist()) & set().union(*ours)


def test_many_rows_are_written_as_each_alone_would_be_and_nothing_between_them_changes(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    before = rng.integers(0, 256, 300_000).astype(np.uint8)
    (tmp_path / "file").write_bytes(before.tobytes())
    offsets = rng.permutation(len(before) // 64 - 1)[:1500] * 64 + 3
    rows = rng.integers(0, 256, (len(offsets), 64)).astype(np.uint8)
    expected = before.copy()
    for offset, row in zip(offsets.tolist(), rows, strict=True):
        expected[offset : offset + 64] = row
    with patches.overwriting(tmp_path, [Write("file", offsets, rows)]):
        assert (tmp_path / "file").read_bytes() == expected.tobytes()
    assert os.stat(tmp_path / "file").st_size == len(before)
