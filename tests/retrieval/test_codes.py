"""The codes of the removed are looked for: gone from their slots, and as often left as others have the same."""

import json
from pathlib import Path

import faiss
import numpy as np
import pytest

from retrieval import codes
from retrieval.erase import absent, erase
from retrieval.errors import StoreOutOfStep, UnknownId
from retrieval.indexes import originals
from retrieval.types import Vectors

DIMENSION, COUNT, GONE = 16, 600, [3, 77, 500]
TWIN = 10  # has the vector of the first of them
FACTORIES = (
    "IVF4,PQ4x4np",
    "IVF4,SQ8",
    "SQ8",
    "PQ4x4np",
    "IDMap2,SQ8",
    "IVF4,Flat",
    "Flat",
    "HNSW8,SQ8",
    "HNSW8,PQ4x4np",
)


def points() -> Vectors:
    vectors = np.random.default_rng(2).normal(size=(COUNT, DIMENSION)).astype(np.float32)
    vectors[TWIN] = vectors[GONE[0]]
    return vectors


def built(factory: str) -> faiss.Index:
    index = faiss.index_factory(DIMENSION, factory)
    index.train(points())
    index.add_with_ids(points(), np.arange(COUNT)) if "I" in factory else index.add(points())
    return index


def folder_with(folder: Path, factory: str) -> Path:
    folder.mkdir()
    faiss.write_index(built(factory), str(folder / "index.faiss"))
    rows = ({"id": number, "document": f"d{number}", "text": f"ticket {number}"} for number in range(COUNT))
    (folder / "chunks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.mark.parametrize("factory", FACTORIES)
def test_their_codes_are_gone_and_a_twin_keeps_its_own(tmp_path: Path, factory: str) -> None:
    folder = folder_with(tmp_path / "p", factory)
    before = codes.held(folder, GONE)
    assert any(code.shared for code in before), "the twin has the same"
    assert not codes.left(folder, before).absent, "they are all still there"
    assert codes.left(folder, before).left == len(GONE)
    erase(folder, GONE)
    after = codes.left(folder, before)
    assert (after.codes, after.left, after.absent) == (3, 0, True)
    assert after.shared >= 1


@pytest.mark.parametrize("factory", ["IVF4,PQ4x4np", "IVF4,SQ8"])
def test_a_slot_whose_number_alone_went_still_holds_a_code(tmp_path: Path, factory: str) -> None:
    folder = folder_with(tmp_path / "p", factory)
    before = codes.held(folder, GONE)
    whole = faiss.read_index(str(folder / "index.faiss"))
    lists = faiss.downcast_index(whole).invlists
    for number in range(4):
        ids = faiss.rev_swig_ptr(lists.get_ids(number), lists.list_size(number))
        ids[np.isin(ids, GONE)] = -1
    faiss.write_index(whole, str(folder / "index.faiss"))
    assert codes.left(folder, before).left == len(GONE)


def test_a_code_that_is_long_is_in_no_other_file_either(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "p", "SQ8")
    alone = [code.content for code in codes.held(folder, GONE) if not code.shared]
    assert len(alone) == 2
    assert not absent(folder, vectors=alone).absent
    erase(folder, GONE)
    assert absent(folder, vectors=alone).absent


def test_two_of_the_removed_with_one_code_are_no_others(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "p", "SQ8")
    (code,) = codes.held(folder, [GONE[0], TWIN])
    assert code.shared == 0
    erase(folder, [GONE[0], TWIN])
    assert codes.left(folder, [code]).absent


def test_who_was_never_there_has_no_code(tmp_path: Path) -> None:
    with pytest.raises(UnknownId, match="1 of 2 ids"):
        codes.held(folder_with(tmp_path / "p", "SQ8"), [3, COUNT])
    assert not codes.left(tmp_path / "p", []).absent, "nothing was looked for"


@pytest.mark.parametrize("factory", ["IVF4,SQ8", "SQ8", "PQ4x4np"])
def test_a_vector_between_two_codes_may_have_either(factory: str) -> None:
    """Processors round differently: its stored code is the neighbour's, whose point is as near."""
    index = built(factory)
    mine = index.sa_encode(points()[:1])
    other = mine.copy()
    other[0, -1] ^= 1
    one, two = index.sa_decode(mine), index.sa_decode(other)
    between = np.asarray((one + two) / 2, np.float32)
    originals.check(index, mine, between, np.array([7]))
    originals.check(index, other, between, np.array([7]))
    with pytest.raises(StoreOutOfStep, match="1 of 1 "):
        originals.check(index, other, one, np.array([7]))
