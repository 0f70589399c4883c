"""Lists in a file beside the index: read and changed there alone, and no byte stays when the index is written anew."""

import shutil
from pathlib import Path

import faiss
import numpy as np
import pytest

from retrieval import undo
from retrieval.erase import absent, erase
from retrieval.errors import IndexUnreadable, RetrievalError, UnsupportedIndex
from retrieval.foreseeing import can_erase
from retrieval.indexes import beside, filemap
from retrieval.indexes.faiss import open as open_index
from tests.retrieval.test_document_stores import STORES
from tests.retrieval.test_document_stores import plain as with_documents
from tests.retrieval.test_scrub import COUNT, plain, points, text

DATA, MANY = "lists.ivfdata", list(range(400))


def with_lists_beside(folder: Path) -> Path:
    """Move an index's lists into a file of their own, as faiss does."""
    index = faiss.read_index(str(folder / "index.faiss"))
    lists = faiss.OnDiskInvertedLists(index.nlist, index.code_size, str(folder / DATA))
    lists.merge_from_1(index.invlists)
    index.replace_invlists(lists, False)
    faiss.write_index(index, str(folder / "index.faiss"))
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return with_lists_beside(plain(tmp_path / "p", "IVF8,Flat"))


def bytes_of(ids: list[int]) -> list[bytes]:
    return [points()[id].tobytes() for id in ids]


@pytest.mark.parametrize("ids", [MANY, list(range(20)), list(range(COUNT))], ids=["many", "2 %", "all"])
def test_an_index_that_is_written_anew_leaves_no_lists_behind(folder: Path, ids: list[int]) -> None:
    served = open_index(folder)
    assert erase(folder, ids).level == "rewritten"
    assert absent(folder, vectors=bytes_of(ids), texts=[text(id) for id in ids]).absent
    assert not (folder / DATA).exists()
    assert served.ids() == open_index(folder).ids() == frozenset(range(COUNT)) - set(ids)


def test_after_a_change_in_place_it_leaves_none_either_and_there_is_a_way_back(folder: Path, tmp_path: Path) -> None:
    erase(folder, [5, 17], keep_undo=tmp_path / "aside")
    assert absent(folder, vectors=bytes_of([5, 17])).absent
    assert undo.restore(folder, next((tmp_path / "aside").glob("*.jsonl"))) == 2
    assert sorted(path.name for path in folder.glob("lists*")) == []
    np.testing.assert_array_equal(open_index(folder).vectors([5, 6]), points()[[5, 6]])


def test_a_copied_folder_is_read_and_changed_and_its_original_is_not(folder: Path, tmp_path: Path) -> None:
    copy, was = tmp_path / "copy", (folder / DATA).read_bytes()
    shutil.copytree(folder, copy)
    erase(copy, [5, 17])
    assert not {hit.id for hit in open_index(copy).search(points()[5], k=COUNT)} & {5, 17}
    assert (folder / DATA).read_bytes() == was
    shutil.rmtree(folder)
    assert len(open_index(copy).ids()) == COUNT - 2, "the index names a path that is no longer there"


def test_lists_behind_a_link_are_refused_and_it_is_said_before(folder: Path, tmp_path: Path) -> None:
    shutil.move(folder / DATA, tmp_path / "elsewhere")
    (folder / DATA).symlink_to(tmp_path / "elsewhere")
    was = (tmp_path / "elsewhere").read_bytes()
    for ids in ([5], MANY):
        assert not can_erase(folder, ids).possible
        with pytest.raises(RetrievalError, match=r"[Nn]othing was"):
            erase(folder, ids)
    assert (tmp_path / "elsewhere").read_bytes() == was
    assert open_index(folder).ids() == frozenset(range(COUNT))


@pytest.mark.parametrize("name", ["chunks.jsonl", "index.faiss", "manifest.json", ".changing", "gen-000001", ""])
def test_a_file_that_calls_the_documents_its_lists_is_refused(folder: Path, name: str) -> None:
    content = (folder / "index.faiss").read_bytes()
    lists = filemap.parse(memoryview(content)).lists
    assert lists is not None and lists.named is not None
    path = str(folder / name).encode() if name else b""
    hostile = content[: lists.named.offset - 8] + len(path).to_bytes(8, "little") + path + content[lists.named.end :]
    with pytest.raises(IndexUnreadable, match="another's"):
        filemap.parse(memoryview(hostile))


def test_lists_beside_of_a_kind_that_is_not_known_are_refused(folder: Path) -> None:
    index = beside.read(folder / "index.faiss")
    with pytest.raises(UnsupportedIndex, match="would stay there"):
        beside.refuse_elsewhere(index, folder / "chunks.jsonl")  # a file of which nothing can be said


@pytest.mark.parametrize("name", ["index.faiss", "chunks.jsonl"])
@pytest.mark.parametrize("ids", [[5], MANY], ids=["in place", "anew"])
def test_a_file_behind_a_link_is_refused_because_it_would_stay(tmp_path: Path, name: str, ids: list[int]) -> None:
    folder = plain(tmp_path / "p", "IVF8,Flat")
    shutil.move(folder / name, tmp_path / name)
    (folder / name).symlink_to(tmp_path / name)
    was = (tmp_path / name).read_bytes()
    assert not can_erase(folder, ids).possible
    with pytest.raises(RetrievalError, match="is a link"):
        erase(folder, ids)
    assert (tmp_path / name).read_bytes() == was


@pytest.mark.parametrize("store", STORES)
def test_documents_behind_a_link_are_refused_before_anything_is_written_down(tmp_path: Path, store: str) -> None:
    folder = with_documents(tmp_path / "p", store)
    shutil.move(folder / store, tmp_path / store)
    (folder / store).symlink_to(tmp_path / store)
    assert not can_erase(folder, [5]).possible
    with pytest.raises(UnsupportedIndex, match="is a link"):
        erase(folder, [5])
    assert not (folder / ".scrubbing").exists()
