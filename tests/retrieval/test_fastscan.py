"""Fast-scan kinds, whose codes lie mixed in blocks: found, hidden, erased to the last half byte, learned again."""

from pathlib import Path

import faiss
import numpy as np
import pytest

from retrieval import codes
from retrieval.erase import absent, erase, hide
from retrieval.errors import RetrievalError
from retrieval.foreseeing import can_erase
from retrieval.indexes import fastscan, vectors
from retrieval.indexes.faiss import open as open_index
from tests.retrieval.test_killed_kinds import judged, killed
from tests.retrieval.test_learned import as_npy
from tests.retrieval.test_scrub import COUNT, DIMENSION, METRICS, points, text, write_chunks

FLATS, LISTS = ["PQ4x4fs", "IDMap2,PQ8x4fs", "IDMap,PQ4x4fs"], ["IVF8,PQ4x4fs", "IDMap2,IVF8,PQ8x4fs", "IVF8,PQ4x4fsr"]
KINDS, FEW, MANY = [*FLATS, *LISTS], [5, 17, 1199], list(range(400))


def folder_with(folder: Path, factory: str, metric: int = faiss.METRIC_L2) -> Path:
    folder.mkdir()
    index = faiss.index_factory(DIMENSION, factory, metric)
    index.train(points())
    ids = np.arange(COUNT)
    index.add_with_ids(points(), ids) if "IDMap" in factory or "IVF" in factory else index.add(points())
    faiss.write_index(index, str(folder / "index.faiss"))
    write_chunks(folder, ids)
    return folder


@pytest.mark.parametrize(
    ("factory", "metric"),
    [("PQ4x4fs", 1), ("IDMap2,PQ8x4fs", 0), ("IVF8,PQ4x4fs", 0), ("IDMap2,IVF8,PQ8x4fs", 1)]
    + [pytest.param(kind, metric, marks=pytest.mark.slow) for kind in KINDS for metric in METRICS],
)
def test_their_codes_go_and_all_others_keep_theirs(tmp_path: Path, factory: str, metric: int) -> None:
    folder = folder_with(tmp_path / "p", factory, metric)
    served = open_index(folder)
    assert 5 in {hit.id for hit in served.search(points()[5], k=40)}
    hide(folder, FEW)
    assert not {hit.id for hit in served.search(points()[5], k=40)} & set(FEW)
    before, everybody = codes.held(folder, FEW), codes.of(folder, range(COUNT))
    assert len(everybody) == COUNT
    told = can_erase(folder, FEW).level
    receipt = erase(folder, FEW)
    assert (receipt.level, receipt.removed) == (told, 3)
    assert codes.left(folder, before).absent
    assert codes.of(folder, range(COUNT)) == {id: code for id, code in everybody.items() if id not in FEW}
    assert absent(folder, texts=[text(id) for id in FEW]).absent
    for index in (served, open_index(folder)):
        assert not {hit.id for id in FEW for hit in index.search(points()[id], k=60)} & {*FEW, -1}
        assert len(index.search(points()[5], k=60)) == 60
    assert erase(folder, FEW).level == "already gone"
    whole = faiss.read_index(str(folder / "index.faiss"))
    _, met = whole.search(points()[FEW], 60)
    assert whole.ntotal == COUNT - 3 and not set(met.ravel().tolist()) & set(FEW)


@pytest.mark.parametrize(
    "factory",
    ["IDMap2,PQ8x4fs", "IDMap2,IVF8,PQ8x4fs", *(pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS)],
)
def test_many_are_owed_or_learned_again_and_when_nobody_is_left_nothing_stays(tmp_path: Path, factory: str) -> None:
    folder = folder_with(tmp_path / "p", factory)
    assert erase(folder, MANY).level == can_erase(folder_with(tmp_path / "q", factory), MANY).level == "partial"
    receipt = erase(folder, MANY, originals=as_npy(tmp_path, points()))
    assert receipt.level == "rewritten" and "learned again" in receipt.how
    assert open_index(folder).ids() == set(range(400, COUNT))
    assert sum(id in {hit.id for hit in open_index(folder).search(points()[id], k=30)} for id in range(400, 440)) > 35
    erase(folder, range(COUNT))
    assert open_index(folder).search(points()[900], k=5) == ()


def test_half_bytes_stand_where_faiss_puts_them(tmp_path: Path) -> None:
    folder_with(tmp_path / "p", "PQ8x4fs")
    whole = vectors.read(tmp_path / "p" / "index.faiss")
    found = fastscan.codes_of(faiss.downcast_index(whole))
    np.testing.assert_array_equal(found, faiss.downcast_index(whole).pq.compute_codes(points()))
    again = fastscan.filled(faiss.downcast_index(whole), found)
    assert faiss.serialize_index(again).tobytes() == faiss.serialize_index(whole).tobytes()


@pytest.mark.parametrize("factory", ["PQ4x4fs", "IDMap2,IVF8,PQ4x4fs"])
def test_a_file_cut_anywhere_is_refused_and_nothing_breaks(tmp_path: Path, factory: str) -> None:
    folder = folder_with(tmp_path / "p", factory)
    content = (folder / "index.faiss").read_bytes()
    for cut in np.random.default_rng(1).integers(0, len(content), 12).tolist():
        (folder / "index.faiss").write_bytes(content[:cut])
        with pytest.raises(RetrievalError):
            erase(folder, FEW)
    (folder / "index.faiss").write_bytes(content)
    assert erase(folder, FEW).removed == 3


@pytest.mark.parametrize("factory", ["IDMap2,IVF8,PQ4x4fs", "IDMap2,IVF8,Flat", "IDMap2,IVF8,RaBitQ"])
def test_lists_that_name_places_outside_their_map_are_refused_before_faiss_steps_there(
    tmp_path: Path, factory: str
) -> None:
    folder = folder_with(tmp_path / "p", factory)
    whole = faiss.read_index(str(folder / "index.faiss"))
    below = faiss.downcast_index(faiss.downcast_index(whole).index)
    number = next(number for number in range(8) if below.invlists.list_size(number))
    faiss.rev_swig_ptr(below.invlists.get_ids(number), 1)[0] = 1 << 40
    faiss.write_index(whole, str(folder / "index.faiss"))
    for ask in (lambda: open_index(folder), lambda: erase(folder, range(900))):
        with pytest.raises(RetrievalError):
            ask()


def test_a_file_that_says_it_holds_more_than_it_can_is_refused(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "p", "PQ4x4fs")
    content = bytearray((folder / "index.faiss").read_bytes())
    for count in (COUNT + 100, 1 << 30):
        content[8:16] = count.to_bytes(8, "little")
        (folder / "index.faiss").write_bytes(content)
        with pytest.raises(RetrievalError, match=r"contradict|cannot read"):
            open_index(folder)


@pytest.mark.slow
@pytest.mark.parametrize("factory", ["IDMap2,IVF8,PQ4x4fs", "PQ4x4fs"])
def test_killed_at_a_random_step_its_files_are_before_or_after(tmp_path: Path, factory: str) -> None:
    folder = folder_with(tmp_path / "whole", factory)
    judged(killed(folder, FEW, 20), 20)
