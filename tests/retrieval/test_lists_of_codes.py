"""Lists of codes in the ways in which faiss can keep them: below a map of ids, with a direct map, in blocks."""

import json
from pathlib import Path

import faiss
import numpy as np
import pytest

from retrieval.erase import erase
from retrieval.errors import UnsupportedIndex
from retrieval.indexes.faiss import open
from tests.retrieval.test_learned import COUNT, DIMENSION, MANY, as_npy, built, folder_with, points


@pytest.mark.parametrize("factory", ["IDMap,IVF4,PQ4x4np", "IDMap2,IVF4,SQ8"])
@pytest.mark.parametrize("first", [3, 500])
def test_lists_below_a_map_of_ids_keep_everybody_under_their_own_id(tmp_path: Path, factory: str, first: int) -> None:
    vectors, ids = points(), 5 * np.arange(COUNT) + 2  # faiss ends the process, or says whose a vector is wrongly
    folder = tmp_path / "p"
    folder.mkdir()
    faiss.write_index(built(factory, vectors, ids), str(folder / "index.faiss"))
    rows = [{"id": int(id), "document": "d", "text": f"ticket {id}"} for id in ids]
    (folder / "chunks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    gone, index = set(ids[:600].tolist()), open(folder)
    nearest = {row: index.search(vectors[row], k=1)[0].id for row in range(600, COUNT, 29)}
    stay = {row: id for row, id in nearest.items() if id not in gone}
    assert len(stay) > 5
    erase(folder, ids[:first].tolist())
    erase(folder, ids[first:600].tolist())
    index = open(folder)
    assert {row: index.search(vectors[row], k=1)[0].id for row in stay} == stay
    assert not gone.intersection(hit.id for hit in index.search(vectors[0], k=20))


def test_lists_with_a_direct_map_are_changed_and_have_one_afterwards(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "p", "IVF4,SQ8", points())
    index = faiss.read_index(str(folder / "index.faiss"))
    index.make_direct_map()
    faiss.write_index(index, str(folder / "index.faiss"))
    before = index.reconstruct(1100)
    erase(folder, list(range(600)))
    assert (faiss.read_index(str(folder / "index.faiss")).reconstruct(1100) == before).all()
    erase(folder, list(range(600, 900)), originals=as_npy(tmp_path, points()))
    assert faiss.read_index(str(folder / "index.faiss")).reconstruct(1100).shape == (DIMENSION,)


def test_codes_in_blocks_leave_nothing_behind_the_last_of_a_list(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "p", "IVF4,PQ4x4fs", points())
    erase(folder, MANY + list(range(COUNT - 100, COUNT)))  # a list's last go: faiss only counts them no longer
    index = faiss.read_index(str(folder / "index.faiss"))
    lists = faiss.downcast_InvertedLists(faiss.downcast_index(index).invlists)
    assert sum(lists.list_size(number) for number in range(4)) == COUNT - 200
    for number in range(4):
        size = lists.list_size(number)
        count = -(-size // lists.n_per_block)
        blocks = faiss.rev_swig_ptr(lists.get_codes(number), count * lists.block_size).reshape(count, -1)
        behind = [lists.packer.unpack_1(blocks, at) for at in range(size, count * lists.n_per_block)]
        assert not any(code.any() for code in behind)


@pytest.mark.parametrize("factory", ["IVF4,PQ4+4", "IDMap2,IVF4,PQ4+4"])
def test_lists_that_cannot_be_changed_are_refused_in_words(tmp_path: Path, factory: str) -> None:
    folder = folder_with(tmp_path / "p", factory, points())
    before = (folder / "index.faiss").read_bytes()
    with pytest.raises(UnsupportedIndex, match="Nothing was changed"):
        erase(folder, MANY)
    assert (folder / "index.faiss").read_bytes() == before
