"""Indexes whose vectors are turned before they are stored (PCA, OPQ, a norm): erased in place, learned again, owed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import faiss
import numpy as np
import pytest

from retrieval import codes, undo
from retrieval.erase import erase, hide
from retrieval.errors import IndexUnreadable, RetrievalError, UnsupportedIndex
from retrieval.indexes import filemap
from retrieval.indexes.faiss import open as open_index
from retrieval.types import Vectors
from tests.retrieval.test_scrub import write_chunks

DIMENSION, COUNT, GONE, MANY = 16, 900, [5, 17, 899], list(range(5, 50))
FLAT = ("PCA8,Flat", "RR8,IVF8,Flat", "L2norm,Flat", "PCA8,IDMap2,Flat", "IDMap2,PCA8,HNSW8,Flat")
CODED = ("OPQ4_8,IVF8,PQ4x4np", "IDMap2,PCA8,SQ8", "OPQ4,PQ4x4np")


def points() -> Vectors:
    rng = np.random.default_rng(3)
    made = rng.normal(size=(20, DIMENSION))[rng.integers(0, 20, COUNT)] + 0.4 * rng.normal(size=(COUNT, DIMENSION))
    return np.asarray(made, np.float32)


def folder_with(folder: Path, factory: str) -> Path:
    folder.mkdir()
    index = faiss.index_factory(DIMENSION, factory)
    index.train(points())
    if "IDMap" in factory or "IVF" in factory:
        index.add_with_ids(points(), np.arange(COUNT))
    else:
        index.add(points())
    faiss.write_index(index, str(folder / "index.faiss"))
    write_chunks(folder, range(COUNT))
    return folder


def found(folder: Path, ids: list[int]) -> set[int]:
    index = open_index(folder)
    return {hit.id for vector in points()[ids] for hit in index.search(vector, k=30)}


def said(folder: Path) -> dict[str, object]:
    content: dict[str, object] = json.loads((folder / "manifest.json").read_bytes())
    return content


@pytest.mark.parametrize("factory", [*FLAT, *CODED])
def test_they_are_hidden_and_then_their_bytes_go(tmp_path: Path, factory: str) -> None:
    folder = folder_with(tmp_path / "p", factory)
    served = open_index(folder)
    assert 5 in {hit.id for hit in served.search(points()[5], k=30)}
    hide(folder, GONE)
    assert not found(folder, GONE) & set(GONE)
    before, others = codes.held(folder, GONE), codes.of(folder, [1, 18, 700])
    receipt = erase(folder, GONE)
    assert receipt.level in {"scrubbed", "repaired", "rewritten"}
    assert codes.left(folder, before).absent
    assert codes.of(folder, [1, 18, 700]) == others, "nobody else's bytes change"
    assert not {hit.id for vector in points()[GONE] for hit in served.search(vector, k=30)} & {*GONE, -1}
    assert not found(folder, GONE) & {*GONE, -1}
    assert erase(folder, GONE).level == "already gone"


@pytest.mark.parametrize("factory", ["PCA8,Flat", "OPQ4_8,IVF8,PQ4x4np", "IDMap2,PCA8,HNSW8,Flat"])
def test_what_a_rotation_learned_with_much_of_them_is_owed_and_said(tmp_path: Path, factory: str) -> None:
    folder = folder_with(tmp_path / "p", factory)
    receipt = erase(folder, MANY)
    assert receipt.level == "partial"
    assert "transformation) is kept" in receipt.how
    assert "learned_with" in said(folder)
    assert not found(folder, MANY) & set(MANY)


@pytest.mark.parametrize("factory", ["PCA8,Flat", "OPQ4_8,IVF8,PQ4x4np", "PCA8,IVF8,Flat"])
def test_the_debt_is_paid_with_the_original_vectors(tmp_path: Path, factory: str) -> None:
    folder = folder_with(tmp_path / "p", factory)
    np.save(tmp_path / "vectors.npy", points())
    rotation = faiss.read_index(str(folder / "index.faiss"))
    erase(folder, MANY)
    receipt = erase(folder, MANY, originals=tmp_path / "vectors.npy")
    assert receipt.level == "rewritten"
    assert "learned again" in receipt.how
    assert "learned_with" not in said(folder)
    after = faiss.read_index(str(folder / "index.faiss"))
    assert not np.array_equal(matrix(rotation), matrix(after))
    stay = sorted(set(range(COUNT)) - set(MANY))
    assert open_index(folder).ids() == frozenset(stay)
    assert not found(folder, MANY) & set(MANY)
    assert sum(id in found(folder, [id]) for id in stay[:40]) >= 38


def matrix(index: faiss.Index) -> Vectors:
    pre = faiss.downcast_index(index)
    pre = faiss.downcast_index(pre.index) if isinstance(pre, faiss.IndexIDMap2) else pre
    return np.asarray(faiss.vector_to_array(faiss.downcast_VectorTransform(pre.chain.at(0)).A))


@pytest.mark.parametrize("factory", FLAT)
def test_there_is_a_way_back_bit_for_bit(tmp_path: Path, factory: str) -> None:
    folder = folder_with(tmp_path / "p", factory)
    before = codes.of(folder, GONE)
    erase(folder, GONE, keep_undo=tmp_path / "aside")
    (kept,) = (tmp_path / "aside").glob("*.jsonl")
    assert undo.restore(folder, kept) == 3
    assert codes.of(folder, GONE) == before
    assert set(GONE) <= found(folder, GONE)


def test_when_nobody_is_left_the_rotation_is_zeroed_and_no_way_back_is_promised(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "p", "PCA8,Flat")
    with pytest.raises(UnsupportedIndex, match="no way back"):
        erase(folder, range(COUNT), keep_undo=tmp_path / "aside")
    assert not (tmp_path / "aside").exists()
    assert erase(folder, range(COUNT)).level == "rewritten"
    assert not matrix(faiss.read_index(str(folder / "index.faiss"))).any()


def test_when_nobody_is_left_what_an_itq_has_learned_in_its_parts_is_zeroed_too(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "p", "ITQ8,SQ8")
    assert erase(folder, range(COUNT)).level == "rewritten"
    whole = faiss.read_index(str(folder / "index.faiss"))  # kept: it owns what is looked at below
    pre = faiss.downcast_index(faiss.downcast_index(whole).index) if isinstance(whole, faiss.IndexIDMap2) else whole
    one = faiss.downcast_VectorTransform(faiss.downcast_index(pre).chain.at(0))
    learned = [one.mean, one.pca_then_itq.A, one.pca_then_itq.b, one.itq.A]
    assert not any(faiss.vector_to_array(numbers).any() for numbers in learned)


@pytest.mark.parametrize("factory", ["PCA8,Flat", "OPQ4_8,IVF8,PQ4x4np", "L2norm,Flat"])
def test_a_file_cut_anywhere_or_with_any_byte_of_its_head_changed_is_refused_or_erased_from(
    tmp_path: Path, factory: str
) -> None:
    folder = folder_with(tmp_path / "p", factory)
    content = (folder / "index.faiss").read_bytes()
    for cut in [*range(0, 120, 3), *np.random.default_rng(1).integers(120, len(content), 30).tolist()]:
        with pytest.raises(RetrievalError):
            filemap.parse(memoryview(content[:cut]))
    rng = np.random.default_rng(2)
    for at in range(100):
        damaged = bytearray(content)
        damaged[at] = int(rng.integers(0, 256))
        try:
            filemap.parse(memoryview(damaged))
        except (IndexUnreadable, UnsupportedIndex) as error:
            assert str(error)


def test_killed_at_a_random_step_it_is_before_or_after(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "whole", "PCA8,IVF8,Flat")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(Path(__file__).with_name("dying.py")), str(folder), "12", json.dumps(GONE), "7"]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=240)
    told = json.loads(run.stdout.splitlines()[-1])
    assert told["wrong"] == 0, told
    assert told["before"] + told["after"] == 12
