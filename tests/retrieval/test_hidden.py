"""What is hidden is in no search from then on, whatever else happens; what cannot be hidden is said."""

import shutil
from pathlib import Path

import pytest

from retrieval.erase import erase, hide, show
from retrieval.errors import IndexUnreadable, UnknownId
from retrieval.indexes import hidden, opened
from retrieval.indexes.faiss import open
from tests.retrieval.test_erase import COUNT, EMBEDDER, built, chunk


def test_hiding_is_seen_by_an_open_index_and_by_a_new_one(tmp_path: Path) -> None:
    folder = built(tmp_path / "i")
    index = open(folder, embedder=EMBEDDER)
    assert index.search(chunk(7).text, k=1)[0].id == 7
    assert hide(folder, [7]).hidden == 1
    for seen in (index, open(folder, embedder=EMBEDDER)):
        assert 7 not in {hit.id for hit in seen.search(chunk(7).text, k=COUNT)}
        assert 7 not in seen.ids()
        with pytest.raises(UnknownId):
            seen.get(7)
    show(folder, [7])
    assert index.search(chunk(7).text, k=1)[0].id == 7


def test_an_erase_that_ends_while_a_search_looks_around_shows_nobody_who_was_hidden(tmp_path: Path) -> None:
    folder = built(tmp_path / "i")
    index = open(folder, embedder=EMBEDDER)
    opened._OPEN.discard(index)  # as in another process: nobody tells it
    hide(folder, [7])

    class Late(hidden.HiddenIds):
        """Between the search's looking at the folder and at this list, the erase is done and takes its ids off it."""

        def ids(self) -> frozenset[int]:
            erase(folder, range(COUNT // 2))
            return super().ids()

    index._hidden = Late(folder)
    assert 7 not in {hit.id for hit in index.search(chunk(7).text, k=COUNT)}
    assert erase(folder, [7]).level == "already gone"


@pytest.mark.parametrize("listed", ["[1e999]", '{"7": 1}', "[7.9]", "[true]", '["7"]', "7", "[" * 20_000])
def test_what_is_no_list_of_ids_hides_nobody_in_silence(tmp_path: Path, listed: str) -> None:
    (tmp_path / "hidden.json").write_text(listed)
    with pytest.raises(IndexUnreadable, match="not a list of ids"):
        hidden.read(tmp_path)


def test_an_id_that_no_index_can_hold_is_refused_and_stops_no_search(tmp_path: Path) -> None:
    folder = built(tmp_path / "i")
    with pytest.raises(UnknownId, match="64 bits"):
        hide(folder, [7, 1 << 64])
    (folder / "hidden.json").write_text(f"[7, {1 << 64}]")  # as an earlier version wrote it
    assert 7 not in {hit.id for hit in open(folder, embedder=EMBEDDER).search(chunk(7).text, k=COUNT)}
    with pytest.raises(UnknownId, match="never were in it"):
        erase(folder, [7, 1 << 64])


def test_a_damaged_hidden_list_stops_the_search_rather_than_showing(tmp_path: Path) -> None:
    folder = built(tmp_path / "i")
    hide(folder, [7])
    index = open(folder, embedder=EMBEDDER)
    (folder / "hidden.json").write_text("[7")
    with pytest.raises(IndexUnreadable, match=r"hidden\.json"):
        index.search(chunk(7).text)


def test_ids_that_are_not_there_are_counted_when_they_are_hidden(tmp_path: Path) -> None:
    folder = built(tmp_path / "i")
    assert (hide(folder, [7, 4_000]).hidden, hide(folder, [7, 4_000]).unknown) == (2, 1)
    next(folder.rglob("*.places")).unlink()
    assert hide(folder, [7, 4_000]).unknown is None


def test_hiding_in_no_index_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(IndexUnreadable):
        hide(tmp_path, [1])


def test_nothing_is_called_hidden_where_the_searching_program_reads_no_list(tmp_path: Path) -> None:
    folder = shutil.copytree(Path(__file__).with_name("folders") / "langchain", tmp_path / "l")
    with pytest.raises(IndexUnreadable, match="Nothing is hidden"):
        hide(folder, [1])
    assert not (folder / "hidden.json").exists()
