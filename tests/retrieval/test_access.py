"""Who asks decides what leaves the index: what is not permitted never does, nor what is hidden or erased."""

from collections.abc import Collection
from pathlib import Path

import pytest

from retrieval.embedders import HashedWords
from retrieval.erase import erase, hide
from retrieval.errors import IndexUnreadable, NotPermitted, UnknownId
from retrieval.indexes import access
from retrieval.indexes.faiss import build, open
from retrieval.probe import probe
from retrieval.types import Chunk

EMBEDDER = HashedWords(32)
OLGA, LEGAL = frozenset({"olga"}), frozenset({"amir", "group:legal"})


@pytest.fixture(params=["flat", "ivf", "hnsw"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    chunks = [Chunk(n, f"d{n % 4}", f"ticket {n} about word{n % 7} of person{n}") for n in range(100)]
    build(tmp_path / "i", chunks, EMBEDDER, kind=request.param)
    access.write(tmp_path / "i", {"d0": ["olga"], "d1": ["group:legal"], "d2": ["*"]})
    return tmp_path / "i"


def documents(folder: Path, who: Collection[str]) -> set[str]:
    return {hit.chunk.document for hit in open(folder, embedder=EMBEDDER).search("ticket 3 word3", k=100, who=who)}


def test_a_query_sees_the_documents_of_who_asks_and_no_others(folder: Path) -> None:
    assert documents(folder, OLGA) == {"d0", "d2"}
    assert documents(folder, LEGAL) == {"d1", "d2"}
    assert documents(folder, frozenset()) == {"d2"}


def test_nobody_is_answered_without_saying_who_asks(folder: Path) -> None:
    index = open(folder, embedder=EMBEDDER)
    with pytest.raises(NotPermitted, match="does not say who asks"):
        index.search("ticket")
    with pytest.raises(NotPermitted):
        index.get(0)


def test_what_is_not_permitted_cannot_be_told_from_what_is_not_there(folder: Path) -> None:
    index = open(folder)
    assert index.get(4, who=OLGA).document == "d0"
    with pytest.raises(UnknownId, match="hidden, erased or was never there"):
        index.get(1, who=OLGA)


def test_permissions_change_for_an_open_index_and_suppression_stands_above_them(folder: Path) -> None:
    index = open(folder, embedder=EMBEDDER)
    assert 3 not in {hit.id for hit in index.search("ticket 3 word3", k=100, who=OLGA)}
    access.write(folder, {}, others=["olga"])
    assert 3 in {hit.id for hit in index.search("ticket 3 word3", k=100, who=OLGA)} or index.describe().kind == "ivf"
    hide(folder, [3])
    assert 3 not in {hit.id for hit in index.search("ticket 3 word3", k=100, who=OLGA)}
    erase(folder, [3, 4])
    assert not {3, 4} & {hit.id for hit in index.search("ticket 3 word3", k=100, who=OLGA)}


def test_damaged_permissions_stop_the_search_rather_than_showing(folder: Path) -> None:
    (folder / access.NAME).write_text('{"documents": [')
    with pytest.raises(IndexUnreadable, match=r"access\.json"):
        open(folder, embedder=EMBEDDER).search("ticket", who=OLGA)


def test_one_name_is_a_name_and_not_its_letters(folder: Path) -> None:
    assert documents(folder, "olga") == {"d0", "d2"}
    with pytest.raises(ValueError, match="list of names"):
        access.write(folder, {"d0": "legal*"})
    (folder / access.NAME).write_text('{"documents": {"d0": "legal*"}}')
    with pytest.raises(IndexUnreadable, match="list of names"):
        documents(folder, OLGA)


def test_a_document_named_twice_has_no_readers_that_count(folder: Path) -> None:
    (folder / access.NAME).write_text('{"documents": {"d0": ["olga"], "d0": ["*"]}}')
    with pytest.raises(IndexUnreadable, match="each document once"):
        documents(folder, LEGAL)


def test_what_is_there_is_not_told_to_nobody(folder: Path) -> None:
    index = open(folder, embedder=EMBEDDER)
    for id in (0, 5_000):
        with pytest.raises(NotPermitted):
            index.get(id)
    with pytest.raises(NotPermitted):
        index.ids()
    assert index.ids(who=LEGAL) == {n for n in range(100) if n % 4 in (1, 2)}


def test_its_owner_probes_a_folder_with_permissions(folder: Path) -> None:
    def came_back() -> int:
        return probe(folder, ["ticket 3 word3"], [3, 0], EMBEDDER).returned

    assert came_back()
    erase(folder, [0, 3])
    assert not came_back()


def test_a_reader_who_is_revoked_while_others_ask_gets_nothing_afterwards(folder: Path) -> None:
    changed: list[None] = []
    held = open(folder).follow()

    class Overtaken(access.Permissions):
        """The rules change, and another asks, between a question's looking at them and its looking at the rows."""

        def _named(self, who: access.Who) -> frozenset[str]:
            if not changed:
                changed.append(access.write(folder, {"d0": ["nobody"]}))
                self.allowed(LEGAL, held.chunks, held.stamp)
            return super()._named(who)

    permissions = Overtaken(folder)
    permissions.allowed(OLGA, held.chunks, held.stamp)
    left = permissions.allowed(OLGA, held.chunks, held.stamp)
    assert changed
    assert left is not None
    assert not len(left)
