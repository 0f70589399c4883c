"""FAISS folders: built, opened, followed, and refused when they are damaged."""

import json
from collections.abc import Callable
from pathlib import Path

import faiss
import numpy as np
import pytest

from retrieval.embedders import HashedWords
from retrieval.errors import (
    DimensionMismatch,
    EmbedderMismatch,
    IndexUnreadable,
    StoreOutOfStep,
    UnknownId,
    UnsupportedIndex,
)
from retrieval.indexes import INDEXES, load
from retrieval.indexes.faiss import build, open
from retrieval.types import Chunk

EMBEDDER = HashedWords(32)


def chunk(number: int) -> Chunk:
    return Chunk(
        1000 + number, f"doc{number // 3}", f"ticket {number} about word{number % 11} by person{number}", "tickets"
    )


def built(folder: Path, *, kind: str = "flat", count: int = 60) -> Path:
    build(folder, [chunk(number) for number in range(count)], EMBEDDER, kind=kind)
    return folder


@pytest.mark.parametrize("name", INDEXES)
def test_every_store_in_the_table_keeps_the_contract(name: str) -> None:
    store = load(name)
    assert all(callable(getattr(store, verb)) for verb in ("build", "open"))


def test_a_store_that_does_not_exist_is_named_with_those_that_do() -> None:
    with pytest.raises(ValueError, match=r"nothere.*faiss"):
        load("nothere")


@pytest.mark.parametrize("kind", ["flat", "ivf", "hnsw"])
def test_a_chunk_is_found_by_its_own_text(tmp_path: Path, kind: str) -> None:
    index = open(built(tmp_path / "i", kind=kind), embedder=EMBEDDER)
    hit = index.search(chunk(7).text, k=1)[0]
    assert (hit.id, hit.chunk) == (1007, chunk(7))
    assert hit.score == pytest.approx(1.0, abs=1e-5)
    assert (index.describe().count, index.describe().kind, index.describe().generation) == (60, kind, 1)


def test_hidden_ids_of_a_query_are_not_returned(tmp_path: Path) -> None:
    index = open(built(tmp_path / "i"), embedder=EMBEDDER)
    assert 1007 not in {hit.id for hit in index.search(chunk(7).text, k=60, hidden=frozenset({1007}))}


def test_an_open_index_follows_a_rebuild(tmp_path: Path) -> None:
    folder = built(tmp_path / "i")
    index = open(folder, embedder=EMBEDDER)
    build(folder, [chunk(number) for number in range(5)], EMBEDDER)
    assert index.ids() == {1000, 1001, 1002, 1003, 1004}
    assert [path.name for path in folder.glob("gen-*")] == ["gen-000002"]


def test_two_chunks_with_one_id_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreOutOfStep):
        build(tmp_path / "i", [chunk(1), chunk(1)], EMBEDDER)
    assert not (tmp_path / "i").exists()


def test_a_query_of_another_size_is_refused(tmp_path: Path) -> None:
    index = open(built(tmp_path / "i"))
    with pytest.raises(DimensionMismatch, match="48 dimensions, the index 32"):
        index.search(np.ones(48, np.float32))
    with pytest.raises(DimensionMismatch):
        open(tmp_path / "i", embedder=HashedWords(48))


def test_another_models_vectors_are_refused(tmp_path: Path) -> None:
    other = HashedWords(32)
    other.digest = "other weights"
    with pytest.raises(EmbedderMismatch):
        open(built(tmp_path / "i"), embedder=other)
    with pytest.raises(EmbedderMismatch, match="without an embedder"):
        open(tmp_path / "i").search("some text")


def test_an_id_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    index = open(built(tmp_path / "i"))
    for ask in (lambda: index.get(5), lambda: index.vectors([5])):
        with pytest.raises(UnknownId):
            ask()


def cut(name: str) -> Callable[[Path], None]:
    def damage(generation: Path) -> None:
        content = (generation / name).read_bytes()
        (generation / name).write_bytes(content[: len(content) // 2])

    return damage


def drop(name: str) -> Callable[[Path], None]:
    return lambda generation: (generation / name).unlink()


@pytest.mark.parametrize("name", ["index.faiss", "chunks.jsonl", "manifest.json"])
@pytest.mark.parametrize("damage", [cut, drop], ids=["truncated", "missing"])
def test_a_damaged_folder_is_refused_with_the_file_and_a_remedy(
    tmp_path: Path, name: str, damage: Callable[[str], Callable[[Path], None]]
) -> None:
    folder = built(tmp_path / "i")
    damage(name)(folder / "gen-000001")
    with pytest.raises(IndexUnreadable, match=rf"{name}.*rebuild") as refused:
        open(folder)
    assert "by person" not in str(refused.value)
    assert build(folder, [chunk(1)], EMBEDDER).generation == 2, "building anew is the remedy that was named"


def plain(folder: Path, index: faiss.Index, chunks: list[Chunk]) -> Path:
    folder.mkdir()
    faiss.write_index(index, str(folder / "index.faiss"))
    rows = [{"id": one.id, "document": one.document, "text": one.text} for one in chunks]
    (folder / "chunks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def test_somebody_elses_folder_opens_as_it_is(tmp_path: Path) -> None:
    bare = faiss.IndexFlatL2(32)
    bare.add(EMBEDDER.embed([chunk(number).text for number in range(9)]))
    folder = plain(tmp_path / "p", bare, [Chunk(number, "d", chunk(number).text) for number in range(9)])
    index = open(folder, embedder=EMBEDDER)
    assert index.search(chunk(4).text, k=1)[0].id == 4
    assert (index.describe().generation, index.describe().metric) == (0, "squared L2")


@pytest.mark.parametrize("content", [b"", b"not an index", b"IxMp" + b"\x00" * 40])
def test_a_foreign_or_truncated_file_is_refused(tmp_path: Path, content: bytes) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    (folder / "index.faiss").write_bytes(content)
    (folder / "chunks.jsonl").write_text("")
    with pytest.raises(IndexUnreadable, match=r"index\.faiss"):
        open(folder)


def test_vectors_and_chunks_out_of_step_are_refused_with_counts(tmp_path: Path) -> None:
    bare = faiss.IndexFlatIP(32)
    bare.add(EMBEDDER.embed(["a b", "c d", "e f"]))
    folder = plain(tmp_path / "p", bare, [Chunk(0, "d", "a b"), Chunk(7, "d", "c d")])
    with pytest.raises(StoreOutOfStep, match="2 vectors have no chunk and 1 chunks have no vector"):
        open(folder)


def test_compressed_vectors_are_not_copied_and_the_error_says_so(tmp_path: Path) -> None:
    squashed = faiss.index_factory(32, "SQ8", faiss.METRIC_INNER_PRODUCT)
    texts = [chunk(number).text for number in range(9)]
    squashed.train(EMBEDDER.embed(texts))
    squashed.add(EMBEDDER.embed(texts))
    folder = plain(tmp_path / "p", squashed, [Chunk(number, "d", text) for number, text in enumerate(texts)])
    with pytest.raises(UnsupportedIndex, match="IndexScalarQuantizer"):
        open(folder).vectors([0])
