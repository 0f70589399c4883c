"""Erasing in place: for every kind of faiss file the person's bytes go, everybody else's stay."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest

from retrieval.erase import absent, erase
from retrieval.errors import IndexUnreadable, RetrievalError, StoreOutOfStep, UnsupportedIndex
from retrieval.indexes import filemap, inplace, journal, layout, places
from retrieval.indexes.chunks import StoredChunks
from retrieval.indexes.faiss import open
from retrieval.types import Vectors

DIMENSION, COUNT, GONE = 16, 1200, [5, 17, 1199]
EXACT = ("Flat", "IDMap,Flat", "IDMap2,Flat", "IVF8,Flat", "IDMap2,HNSW8,Flat", "HNSW8,Flat", "SQfp16", "IVF8,SQfp16")
CODED = ("IVF8,SQ8", "IVF8,PQ4x6", "IDMap2,SQ8", "SQ8", "IDMap2,PQ4x6", "HNSW8,SQ8", "IDMap2,HNSW8,SQfp16")
METRICS = (faiss.METRIC_L2, faiss.METRIC_INNER_PRODUCT)


def points(count: int = COUNT, seed: int = 3) -> Vectors:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(20, DIMENSION))
    made = centres[rng.integers(0, 20, count)] + 0.4 * rng.normal(size=(count, DIMENSION))
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), np.float32)


def text(number: int) -> str:
    return f"ticket {number} of customer number{number} Müller"


def write_chunks(folder: Path, ids: Any) -> None:
    rows = [{"id": int(id), "document": f"d{id}", "text": text(int(id))} for id in ids]
    (folder / "chunks.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def plain(folder: Path, factory: str, metric: int = faiss.METRIC_L2, *, direct: int = 0) -> Path:
    folder.mkdir()
    vectors = points()
    index = faiss.index_factory(DIMENSION, factory, metric)
    index.train(vectors)
    if "IDMap" in factory or factory.startswith("IVF"):
        if direct:
            index.set_direct_map_type(direct)
        index.add(vectors) if direct == faiss.DirectMap.Array else index.add_with_ids(vectors, np.arange(COUNT))
    else:
        index.add(vectors)
    faiss.write_index(index, str(folder / "index.faiss"))
    write_chunks(folder, range(COUNT))
    return folder


def stored(folder: Path) -> dict[int, bytes]:
    """Every id's code, as the file has it: read by faiss, not by us."""
    whole = faiss.read_index(str(folder / "index.faiss"))  # kept: it owns what is looked at below
    index = faiss.downcast_index(whole)
    ids = np.arange(index.ntotal)
    if isinstance(index, (faiss.IndexIDMap, faiss.IndexIDMap2)):
        ids, index = faiss.vector_to_array(index.id_map), faiss.downcast_index(index.index)
    if isinstance(index, faiss.IndexHNSW):
        index = faiss.downcast_index(index.storage)
    if not isinstance(index, faiss.IndexIVF):
        codes = faiss.vector_to_array(index.codes).reshape(index.ntotal, -1)
        return {int(id): row.tobytes() for id, row in zip(ids, codes, strict=True) if id >= 0}
    found = {}
    for number in range(index.nlist):
        size = index.invlists.list_size(number)
        if size:
            codes = faiss.rev_swig_ptr(index.invlists.get_codes(number), size * index.code_size).reshape(size, -1)
            numbers = faiss.rev_swig_ptr(index.invlists.get_ids(number), size)
            found |= {int(id): row.tobytes() for id, row in zip(numbers, codes, strict=True) if id >= 0}
    return found


@pytest.mark.parametrize("metric", METRICS, ids=["L2", "product"])
@pytest.mark.parametrize("factory", [*EXACT, *CODED])
def test_the_persons_codes_go_and_all_others_keep_every_byte(tmp_path: Path, factory: str, metric: int) -> None:
    folder = plain(tmp_path / "p", factory, metric)
    before = stored(folder)
    receipt = erase(folder, GONE)
    assert (receipt.removed, receipt.remaining) == (3, COUNT - 3)
    after = stored(folder)
    kept = {id: code for id, code in before.items() if id not in GONE}
    same = {id: after[id] for id in kept}
    assert same == kept
    patterns = [before[id] for id in GONE] if len(before[5]) > 12 else []
    assert absent(folder, vectors=patterns, texts=[text(id) for id in GONE]).absent
    served = open(folder)
    assert not {hit.id for vector in points()[GONE] for hit in served.search(vector, k=50)} & {*GONE, -1}
    assert len(served.search(points()[5], k=50)) == 50
    assert erase(folder, GONE).level == "already gone"


@pytest.mark.parametrize("factory", EXACT)
def test_what_can_be_changed_in_place_is(tmp_path: Path, factory: str) -> None:
    folder = plain(tmp_path / "p", factory)
    inode = (folder / "index.faiss").stat().st_ino
    receipt = erase(folder, GONE)
    assert receipt.level == ("repaired" if "HNSW" in factory else "scrubbed")
    assert "overwritten in place" in receipt.how
    assert (folder / "index.faiss").stat().st_ino == inode
    _, found = faiss.read_index(str(folder / "index.faiss")).search(points()[GONE], COUNT)
    assert not set(GONE) & set(found.ravel().tolist()), "another program reads the same file and must not meet them"


@pytest.mark.parametrize("kind", [faiss.DirectMap.Array, faiss.DirectMap.Hashtable])
def test_a_direct_map_forgets_them_too(tmp_path: Path, kind: int) -> None:
    folder = plain(tmp_path / "p", "IVF8,Flat", direct=kind)
    erase(folder, GONE)
    index = faiss.read_index(str(folder / "index.faiss"))
    np.testing.assert_array_equal(index.reconstruct(7), points()[7])
    with pytest.raises(RuntimeError):
        index.reconstruct(5)


def test_lists_in_a_file_of_their_own_are_scrubbed_there(tmp_path: Path) -> None:
    folder = plain(tmp_path / "p", "IVF8,Flat")
    index = faiss.read_index(str(folder / "index.faiss"))
    lists = faiss.OnDiskInvertedLists(index.nlist, index.code_size, str(folder / "lists.ivfdata"))
    lists.merge_from_1(index.invlists)
    index.replace_invlists(lists, False)
    faiss.write_index(index, str(folder / "index.faiss"))
    del index, lists
    gone = [points()[id].tobytes() for id in GONE]
    assert not absent(folder, vectors=gone).absent
    served = open(folder)
    assert erase(folder, GONE).level == "scrubbed"
    assert absent(folder, vectors=gone, texts=[text(id) for id in GONE]).absent
    for index in (served, open(folder)):
        assert not {hit.id for hit in index.search(points()[5], k=COUNT)} & {*GONE, -1}
        assert len(index.search(points()[5], k=30)) == 30


def test_a_centroid_that_was_mostly_theirs_is_computed_again(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    vectors = points(2000)
    lonely = np.zeros((4, DIMENSION), np.float32)
    lonely[:, 0] = 9 + np.arange(4) / 100
    quantizer = faiss.IndexFlatL2(DIMENSION)
    index = faiss.IndexIVFFlat(quantizer, DIMENSION, 4, faiss.METRIC_L2)
    quantizer.add(np.concatenate([vectors[:3], lonely[:3].mean(axis=0, keepdims=True)]))
    index.is_trained = True
    index.add_with_ids(np.concatenate([vectors, lonely]), np.arange(2004))
    faiss.write_index(index, str(folder / "index.faiss"))
    write_chunks(folder, range(2004))
    theirs = quantizer.reconstruct(3).tobytes()
    receipt = erase(folder, [2000, 2001, 2002])
    assert receipt.level == "scrubbed"
    assert "1 centroids computed again" in receipt.how
    assert "75.0% of a list" in receipt.how
    assert absent(folder, vectors=[theirs, *(row.tobytes() for row in lonely[:3])]).absent
    assert open(folder).search(lonely[3], k=1)[0].id == 2003


def test_the_last_rows_go_and_every_line_is_still_json(tmp_path: Path) -> None:
    folder = plain(tmp_path / "p", "Flat")
    for gone in ([COUNT - 1], [0, 1], [COUNT - 3, COUNT - 2], [600]):
        erase(folder, gone)
        lines = (folder / "chunks.jsonl").read_text().splitlines()
        assert {json.loads(line)["id"] for line in lines} == set(open(folder).ids())
    assert len(open(folder).ids()) == COUNT - 6


def test_ids_and_rows_out_of_step_are_refused_before_anything_changes(tmp_path: Path) -> None:
    folder = plain(tmp_path / "p", "IDMap2,Flat")
    write_chunks(folder, range(COUNT + 5))
    content = (folder / "index.faiss").read_bytes()
    with pytest.raises(StoreOutOfStep, match="2 chunks have 1 vectors"):
        erase(folder, [5, COUNT + 2])
    assert (folder / "index.faiss").read_bytes() == content


def test_damage_under_the_touched_bytes_is_refused(tmp_path: Path) -> None:
    folder = plain(tmp_path / "p", "Flat")
    erase(folder, [5])
    content = bytearray((folder / "index.faiss").read_bytes())
    content[200] ^= 1
    (folder / "index.faiss").write_bytes(content)
    with pytest.raises(IndexUnreadable, match="nothing was changed"):
        erase(folder, [1])


@pytest.mark.parametrize("factory", ["Flat", "IVF8,Flat", "HNSW8,Flat", "IVF8,PQ4x6np", "IDMap2,SQ8"])
def test_a_file_cut_anywhere_is_refused_before_faiss_sees_it(tmp_path: Path, factory: str) -> None:
    folder = plain(tmp_path / "p", factory)
    content = (folder / "index.faiss").read_bytes()
    for cut in np.random.default_rng(1).integers(0, len(content), 40).tolist():
        with pytest.raises(RetrievalError):
            filemap.parse(memoryview(content[:cut]))
    with pytest.raises(UnsupportedIndex, match="3 bytes follow"):
        filemap.parse(memoryview(content + b"abc"))


@pytest.mark.parametrize("factory", ["Flat", "IVF8,Flat", "HNSW8,Flat", "IVF8,PQ4x6np"])
def test_a_file_with_any_header_byte_changed_never_breaks_the_process(tmp_path: Path, factory: str) -> None:
    folder = plain(tmp_path / "p", factory)
    content = (folder / "index.faiss").read_bytes()
    rng = np.random.default_rng(2)
    for at in range(160):
        damaged = bytearray(content)
        damaged[at] = int(rng.integers(0, 256))
        (folder / "index.faiss").write_bytes(damaged)
        with suppress(RetrievalError, OSError):
            erase(folder, [5])
        for path in folder.glob("*.faiss.*"):
            path.unlink()
        for name in ("manifest.json", ".scrubbed"):
            (folder / name).unlink(missing_ok=True)
        (folder / "index.faiss").write_bytes(content)
        write_chunks(folder, range(COUNT))


def test_a_graph_that_leads_outside_is_refused(tmp_path: Path) -> None:
    folder = plain(tmp_path / "p", "HNSW8,Flat")
    path = folder / layout.INDEX
    found = filemap.parse(memoryview(path.read_bytes()))
    assert found.graph is not None
    content = bytearray(path.read_bytes())
    content[found.graph.neighbours.offset : found.graph.neighbours.offset + 4] = (1 << 30).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(IndexUnreadable, match="its graph leads to places"):
        erase(folder, [5])


def begun(folder: Path, ids: list[int]) -> bytes:
    """The journal of an erase that is taken away again."""
    place = layout.current(folder)
    journal.write(folder, inplace.plan(place, StoredChunks(folder / "chunks.jsonl"), np.array(ids, np.int64)).change)
    content = (folder / journal.PENDING).read_bytes()
    (folder / journal.PENDING).unlink()
    return content


def test_nothing_of_a_change_that_is_done_stays_in_its_journal(tmp_path: Path) -> None:
    folder = plain(tmp_path / "p", "Flat")
    erase(folder, [5])
    assert (folder / ".scrubbed").read_bytes() == b""


def test_killed_between_emptying_and_renaming_its_journal_open_indexes_follow_all_the_same(tmp_path: Path) -> None:
    folder = plain(tmp_path / "p", "Flat")
    served = open(folder)
    erase(folder, [5])
    (folder / ".scrubbed").rename(folder / ".scrubbing")
    assert 5 not in served.ids()
    assert not (folder / ".scrubbing").exists()
    assert (folder / ".scrubbed").read_bytes() == b""


@pytest.mark.parametrize("cut", [0, 5, 12, 40, 400, -33, -1])
def test_a_journal_that_was_never_whole_was_never_begun(tmp_path: Path, cut: int) -> None:
    folder = plain(tmp_path / "p", "Flat")
    erase(folder, [5])
    (folder / ".scrubbing").write_bytes(begun(folder, [6])[:cut])
    assert open(folder).ids() == frozenset(range(COUNT)) - {5}
    assert not (folder / ".scrubbing").exists()


def test_a_journal_that_was_changed_is_refused(tmp_path: Path) -> None:
    folder = plain(tmp_path / "p", "Flat")
    erase(folder, [5])
    content = bytearray(begun(folder, [6]))
    content[-40] ^= 1
    (folder / ".scrubbing").write_bytes(content)
    with pytest.raises(IndexUnreadable, match="is damaged"):
        open(folder)


def test_a_list_of_rows_from_an_earlier_version_is_read_and_brought_up_to_date(tmp_path: Path) -> None:
    folder = plain(tmp_path / "p", "Flat")
    erase(folder, [5])
    now = places.read(folder / "chunks.jsonl")
    assert now is not None and now.kept
    lengths = np.where(now.there(), now.lengths, 0)
    beside = places.sidecar(folder / "chunks.jsonl")
    size = (folder / "chunks.jsonl").stat().st_size.to_bytes(8, "little") + COUNT.to_bytes(8, "little")
    beside.write_bytes(b"OUBLIPL1" + size + b"".join(part.tobytes() for part in (now.ids, now.offsets, lengths)))
    earlier = places.read(folder / "chunks.jsonl")
    assert earlier is not None and not earlier.kept
    assert earlier.live().tolist() == [number for number in range(COUNT) if number != 5]
    assert erase(folder, [5, 6]).remaining == COUNT - 2
    after = places.read(folder / "chunks.jsonl")
    assert after is not None and after.kept
    assert (len(after), after.find([5, 6, 7]).tolist()) == (COUNT - 2, [-1, -1, 7])


@pytest.mark.parametrize("at", [0, 15], ids=["of a touched block", "of another block"])
def test_a_damaged_row_of_digests_makes_no_wrong_root(tmp_path: Path, at: int) -> None:
    folder = plain(tmp_path / "p", "Flat")
    erase(folder, [500])
    beside = folder / "index.faiss.blocks"
    content = bytearray(beside.read_bytes())
    content[32 * at + 3] ^= 1
    beside.write_bytes(content)
    assert erase(folder, [3]).level == "scrubbed"
    assert open(folder).ids() == frozenset(range(COUNT)) - {3, 500}
