"""What an erase will be is known before it, and is what it then is; asking changes no byte of the folder."""

from pathlib import Path

import faiss
import numpy as np
import pytest

from retrieval.erase import erase
from retrieval.foreseeing import can_erase
from tests.retrieval.test_scrub import COUNT, plain, points, write_chunks

FEW, MANY, MOST = [5, 17], list(range(60)), list(range(300))


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("ids", [FEW, MANY, MOST], ids=["few", "5 %", "a quarter"])
@pytest.mark.parametrize(
    "factory", ["Flat", "IDMap2,Flat", "IVF8,Flat", "HNSW8,Flat", "SQ8", "IVF8,SQ8", "HNSW8,SQ8", "PCA8,Flat"]
)
def test_the_level_that_is_foreseen_is_the_one_of_the_receipt(tmp_path: Path, factory: str, ids: list[int]) -> None:
    folder = plain(tmp_path / "p", factory)
    before = bytes_of(folder)
    told = can_erase(folder, ids)
    assert bytes_of(folder) == before
    assert told.possible
    assert told.level == erase(folder, ids).level


def test_a_kind_that_is_refused_is_told_before_with_what_to_do(tmp_path: Path) -> None:
    index = faiss.IndexBinaryFlat(64)
    index.add(np.zeros((COUNT, 8), np.uint8))
    faiss.write_index_binary(index, str(tmp_path / "index.faiss"))
    write_chunks(tmp_path, range(COUNT))
    told = can_erase(tmp_path, FEW)
    assert (told.possible, told.level, told.undo) == (False, "refused", False)
    assert "binary index" in told.why and "rebuild" in told.why


def test_codes_in_two_places_are_refused_before_and_then(tmp_path: Path) -> None:
    index = faiss.index_factory(16, "IDMap2,IVF8,PQ4+4")
    index.train(points())
    index.add_with_ids(points(), np.arange(COUNT))
    faiss.write_index(index, str(tmp_path / "index.faiss"))
    write_chunks(tmp_path, range(COUNT))
    assert not can_erase(tmp_path, FEW).possible


def test_of_nobody_who_is_there_the_kind_alone_is_told(tmp_path: Path) -> None:
    folder = plain(tmp_path / "p", "IVF8,Flat")
    assert (can_erase(folder).level, can_erase(folder, [COUNT + 7]).level) == ("scrubbed", "scrubbed")
    assert can_erase(folder).undo
