"""Who asks decides what leaves the index: what is not permitted never does, nor what is hidden or erased."""

from pathlib import Path

import pytest

from retrieval.embedders import HashedWords
from retrieval.erase import erase, hide
from retrieval.errors import IndexUnreadable, NotPermitted, UnknownId
from retrieval.indexes import access
from retrieval.indexes.faiss import build, open
from retrieval.types import Chunk

EMBEDDER = HashedWords(32)
OLGA, LEGAL = frozenset({"olga"}), frozenset({"amir", "group:legal"})


@pytest.fixture(params=["flat", "ivf", "hnsw"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    chunks = [Chunk(n, f"d{n % 4}", f"ticket {n} about word{n % 7} of person{n}") for n in range(100)]
    build(tmp_path / "i", chunks, EMBEDDER, kind=request.param)
    access.write(tmp_path / "i", {"d0": ["olga"], "d1": ["group:legal"], "d2": ["*"]})
    return tmp_path / "i"


def documents(folder: Path, who: frozenset[str]) -> set[str]:
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
