"""Indexes as others make them: other metrics, other numbers, other sizes, read and erased from or refused in words."""

import json
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest

from retrieval.erase import absent, erase, hide
from retrieval.errors import StoreOutOfStep, UnsupportedIndex
from retrieval.foreseeing import can_erase
from retrieval.indexes.faiss import open as open_index
from retrieval.types import Vectors

COUNT = 400
FLATS, LISTS, GRAPHS = "IDMap2,Flat", "IVF4,Flat", "IDMap2,HNSW8,Flat"


def points(dimension: int = 16) -> Vectors:
    made = np.abs(np.random.default_rng(5).normal(size=(COUNT, dimension)))
    return np.asarray(made / made.sum(axis=1, keepdims=True), np.float32)


def stored_in(index: Any) -> list[Any]:
    """An index, and those below it that compare vectors."""
    index = faiss.downcast_index(index)
    if isinstance(index, faiss.IndexIDMap2):
        return [index, *stored_in(index.index)]
    if isinstance(index, faiss.IndexHNSW):
        return [index, *stored_in(index.storage)]
    return [index, *stored_in(index.quantizer)] if isinstance(index, faiss.IndexIVF) else [index]


def brought(
    folder: Path, factory: str, *, ids: Any = None, metric: int = 1, argument: float = 0.0, d: int = 16
) -> Path:
    """A folder with an index of some kind over points, and a document for each of its ids."""
    index = faiss.index_factory(d, factory, metric)
    for one in stored_in(index):
        one.metric_arg = argument
    index.train(points(d))
    numbers = np.arange(COUNT) if ids is None else np.asarray(ids, np.int64)
    index.add_with_ids(points(d), numbers) if "IDMap" in factory or factory[:3] in ("IVF", "IMI") else index.add(
        points(d)
    )
    faiss.write_index(index, str(folder / "index.faiss"))
    rows = [{"id": int(id), "document": f"d{id}", "text": f"text {id}"} for id in sorted(set(numbers.tolist()))]
    (folder / "chunks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


NUMBERS = ["below nought", "very large", "on both sides"]
METRICS = [0, 1, 2, 3, 4, 20, 21, 22, 23, 24]


@pytest.mark.parametrize(
    ("factory", "metric"),
    [(FLATS, metric) for metric in METRICS] + [(LISTS, 3), (LISTS, 4), (LISTS, 23), ("Flat", 3), (GRAPHS, 3)],
)
def test_with_any_metric_nobody_who_is_erased_is_met_by_us_or_by_faiss(
    tmp_path: Path, factory: str, metric: int
) -> None:
    folder, gone = brought(tmp_path, factory, metric=metric, argument=3.0), [5, 17]
    told = can_erase(folder, gone).level
    assert erase(folder, gone).level == told
    assert absent(folder, vectors=[points()[id].tobytes() for id in gone]).absent
    served = open_index(folder)
    assert not {hit.id for id in gone for hit in served.search(points()[id], k=COUNT)} & {*gone, -1}
    assert len(served.search(points()[5], k=20)) == 20
    index = faiss.read_index(str(folder / "index.faiss"))
    _, met = index.search(points()[gone], 20)
    assert not set(met.ravel().tolist()) & {*gone, -1}
    assert {one.metric_type for one in stored_in(index)} == {metric}
    assert metric < 2 or {one.metric_arg for one in stored_in(index)[-1:]} == {3.0}


@pytest.mark.parametrize("factory", [FLATS, LISTS, pytest.param(GRAPHS, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "ids", [-np.arange(2, COUNT + 2), (1 << 62) + np.arange(COUNT), 3 * np.arange(COUNT) - 300], ids=NUMBERS
)
def test_numbers_below_nought_and_above_what_a_float_can_say_are_numbers_like_others(
    tmp_path: Path, factory: str, ids: Any
) -> None:
    folder, gone = brought(tmp_path, factory, ids=ids), ids[[5, 17]].tolist()
    assert open_index(folder).search(points()[5], k=1)[0].id == ids[5]
    hide(folder, gone[:1])
    assert open_index(folder).search(points()[5], k=1)[0].id not in gone[:1]
    erase(folder, gone)
    assert not {hit.id for hit in open_index(folder).search(points()[5], k=COUNT)} & set(gone)
    assert open_index(folder).search(points()[6], k=1)[0].id == ids[6]
    erase(folder, ids[:200].tolist())
    assert open_index(folder).ids() == set(ids[200:].tolist())


@pytest.mark.parametrize("factory", [FLATS, LISTS])
def test_two_vectors_under_one_number_are_an_error_that_says_so(tmp_path: Path, factory: str) -> None:
    folder = brought(tmp_path, factory, ids=[*range(COUNT - 1), 7])
    before = (folder / "index.faiss").read_bytes()
    with pytest.raises(StoreOutOfStep, match="1 vectors have the id of another"):
        open_index(folder)
    with pytest.raises(StoreOutOfStep, match="nothing was changed"):
        erase(folder, [7])
    assert (folder / "index.faiss").read_bytes() == before


def test_a_graph_to_which_faiss_takes_no_parameters_is_searched_without(tmp_path: Path) -> None:
    folder = brought(tmp_path, "HNSW8_2x4+PQ4")
    assert len(open_index(folder).search(points()[5], k=5)) == 5
    assert not can_erase(folder, [5]).possible
    with pytest.raises(UnsupportedIndex, match="rebuild"):
        erase(folder, [5])


@pytest.mark.parametrize("dimension", [1, pytest.param(4096, marks=pytest.mark.slow)])
@pytest.mark.parametrize("factory", [FLATS, "IVF4,SQ8", GRAPHS])
def test_vectors_of_one_number_and_of_thousands(tmp_path: Path, factory: str, dimension: int) -> None:
    folder = brought(tmp_path, factory, d=dimension)
    assert erase(folder, [5]).removed == 1
    assert 5 not in {hit.id for hit in open_index(folder).search(points(dimension)[5], k=20)}
    assert open_index(folder).ids() == set(range(COUNT)) - {5}


@pytest.mark.parametrize("factory", ["Flat", "IVF4,Flat", "HNSW8,Flat", "SQ8"])
def test_an_index_of_nobody_or_of_one(tmp_path: Path, factory: str) -> None:
    index = faiss.index_factory(16, factory)
    index.train(points())
    faiss.write_index(index, str(tmp_path / "index.faiss"))
    (tmp_path / "chunks.jsonl").write_text("")
    assert open_index(tmp_path).ids() == frozenset()
    index.add(points()[:1])
    faiss.write_index(index, str(tmp_path / "index.faiss"))
    (tmp_path / "chunks.jsonl").write_text('{"id": 0, "document": "d", "text": "t"}\n')
    assert erase(tmp_path, [0]).remaining == 0
    assert open_index(tmp_path).search(points()[0], k=3) == ()


def test_vectors_that_are_no_numbers_already_stay_and_are_nobodys_answer(tmp_path: Path) -> None:
    vectors = points()
    vectors[7], vectors[9, 3] = np.nan, np.inf
    index = faiss.IndexFlatL2(16)
    index.add(vectors)
    faiss.write_index(index, str(tmp_path / "index.faiss"))
    rows = [{"id": id, "document": f"d{id}", "text": f"text {id}"} for id in range(COUNT)]
    (tmp_path / "chunks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for gone in ([5], list(range(10, 200))):
        erase(tmp_path, gone)
        assert {7, 9} < open_index(tmp_path).ids()
        assert 7 not in {hit.id for hit in open_index(tmp_path).search(points()[8], k=50)}


@pytest.mark.parametrize("factory", ["IVF4,RQ2x4", "IVF4,RaBitQ", "IMI2x2,PQ4x4np"])
def test_where_what_was_learned_would_stay_nobody_is_told_that_it_is_zeroed(tmp_path: Path, factory: str) -> None:
    folder = brought(tmp_path, factory)
    before = (folder / "index.faiss").read_bytes()
    with pytest.raises(UnsupportedIndex, match="remove the whole folder"):
        erase(folder, range(COUNT))
    assert (folder / "index.faiss").read_bytes() == before
    assert erase(folder, [5, 17]).removed == 2
    assert open_index(folder).ids() == set(range(COUNT)) - {5, 17}
