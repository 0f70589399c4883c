"""Documents in SQLite and Parquet: what was erased comes back with all its columns, and a text is blanked in place."""

import json
import shutil
import sqlite3
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from retrieval import replacing, undo
from retrieval.erase import absent, erase
from retrieval.errors import IndexUnreadable, StoreOutOfStep
from retrieval.indexes import documents
from retrieval.indexes.faiss import open as open_index
from tests.retrieval.test_document_stores import COUNT, EMBEDDER, MANY, SOME, STORES, plain, text

GRAPHS = ["IVF4,Flat", "HNSW8,Flat"]


def stored(folder: Path, store: str) -> list[tuple[Any, ...]]:
    """Every row with every column, by id, read by other code than ours."""
    if store.endswith(".parquet"):
        rows = pq.read_table(folder / store).to_pylist()
        return sorted(tuple(row.values()) for row in rows)
    with closing(sqlite3.connect(folder / store)) as database:
        return database.execute("SELECT * FROM chunks ORDER BY id").fetchall()


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("factory", ["Flat", *(pytest.param(kind, marks=pytest.mark.slow) for kind in GRAPHS)])
@pytest.mark.parametrize("ids", [SOME, MANY], ids=["in place", "written anew"])
def test_what_was_erased_comes_back_with_all_its_columns(
    tmp_path: Path, store: str, factory: str, ids: list[int]
) -> None:
    folder = plain(tmp_path / "p", store, factory=factory)
    before, vectors = stored(folder, store), open_index(folder).vectors(range(COUNT))
    erase(folder, ids, keep_undo=tmp_path / "aside")
    assert absent(folder, texts=[text(id) for id in ids], vectors=[vectors[id].tobytes() for id in ids]).absent
    (kept,) = (tmp_path / "aside").glob("*.jsonl")
    assert undo.restore(folder, kept) == len(ids)
    assert stored(folder, store) == before
    index = open_index(folder, embedder=EMBEDDER)
    np.testing.assert_array_equal(index.vectors(range(COUNT)), vectors)
    assert index.search(text(ids[0]), k=1)[0].chunk.text == text(ids[0])
    assert undo.restore(folder, kept) == 0
    assert erase(folder, ids).removed == len(ids)


def test_every_type_of_a_column_comes_back_as_it_was(tmp_path: Path) -> None:
    folder = plain(tmp_path / "p", "chunks.parquet")
    table = pq.read_table(folder / "chunks.parquet")
    table = table.append_column("tags", pa.array([["a", None]] * COUNT))
    table = table.append_column("seen", pa.array([1_700_000_000_000_000] * COUNT, pa.timestamp("us", "UTC")))
    table = table.append_column("kind", pa.array(["mail", "call"] * (COUNT // 2)).dictionary_encode())
    table = table.append_column("blob", pa.array([b"\x00\xff"] * COUNT))
    pq.write_table(table, folder / "chunks.parquet", row_group_size=70)
    before = pq.read_table(folder / "chunks.parquet")
    erase(folder, SOME, keep_undo=tmp_path / "aside")
    undo.restore(folder, next((tmp_path / "aside").glob("*.jsonl")))
    after = pq.read_table(folder / "chunks.parquet")
    assert after.schema.equals(before.schema, check_metadata=True)
    assert after.sort_by("id").to_pylist() == before.sort_by("id").to_pylist()


def test_bytes_and_large_numbers_of_a_database_come_back_as_they_were(tmp_path: Path) -> None:
    folder = plain(tmp_path / "p", "chunks.sqlite")
    with closing(sqlite3.connect(folder / "chunks.sqlite")) as database, database:
        database.execute("ALTER TABLE chunks ADD COLUMN thing")
        database.execute("UPDATE chunks SET thing = x'00ff' WHERE id = 3")
        database.execute("UPDATE chunks SET thing = 9223372036854775807 WHERE id = 4")
    before = stored(folder, "chunks.sqlite")
    erase(folder, SOME, keep_undo=tmp_path / "aside")
    undo.restore(folder, next((tmp_path / "aside").glob("*.jsonl")))
    assert stored(folder, "chunks.sqlite") == before


@pytest.mark.parametrize("store", STORES)
def test_a_part_of_a_text_is_blanked_and_is_in_no_byte_and_nothing_else_changes(tmp_path: Path, store: str) -> None:
    folder = plain(tmp_path / "p", store)
    index = open_index(folder, embedder=EMBEDDER)
    before, old = stored(folder, store), index.vectors([7]).tobytes()
    said = text(7).replace("person7 Müller", "[erased]")
    replacing.replace(folder, [replace(index.get(7), text=said)], EMBEDDER)
    assert absent(folder, texts=[text(7)], vectors=[old]).absent
    assert index.get(7).text == said
    assert [row for row in stored(folder, store) if row[0] != 7] == [row for row in before if row[0] != 7]
    (row,) = [row for row in stored(folder, store) if row[0] == 7]
    assert [value for value in row if value != said] == [value for value in before[7] if value != text(7)]
    assert index.search(said, k=1)[0].id == 7
    assert open_index(folder).ids() == set(range(COUNT))


def test_a_trigger_that_changes_what_comes_back_is_an_error_before_anything_changes(tmp_path: Path) -> None:
    folder = plain(tmp_path / "p", "chunks.sqlite")
    erase(folder, SOME, keep_undo=tmp_path / "aside")
    with closing(sqlite3.connect(folder / "chunks.sqlite")) as database, database:
        database.execute(
            "CREATE TRIGGER other AFTER INSERT ON chunks BEGIN UPDATE chunks SET text = 'x' WHERE id = new.id; END"
        )
    before = (folder / "index.faiss").read_bytes()
    with pytest.raises(StoreOutOfStep, match="nothing was changed"):
        undo.restore(folder, next((tmp_path / "aside").glob("*.jsonl")))
    assert (folder / "index.faiss").read_bytes() == before
    assert open_index(folder).ids() == set(range(COUNT)) - set(SOME)


def test_a_kept_file_without_the_other_columns_is_refused(tmp_path: Path) -> None:
    folder = plain(tmp_path / "p", "chunks.sqlite")
    erase(folder, SOME, keep_undo=tmp_path / "aside")
    (kept,) = (tmp_path / "aside").glob("*.jsonl")
    rows = [json.loads(line) for line in kept.read_text().splitlines()]
    kept.write_text("".join(json.dumps({k: v for k, v in row.items() if k != "row"}) + "\n" for row in rows))
    with pytest.raises(IndexUnreadable, match="other columns"):
        undo.restore(folder, kept)


@pytest.mark.parametrize("step", [{"ids": None}, {"ids": ["x"]}, {"ids": [], "back": [1]}, {"ids": [], "texts": [{}]}])
def test_a_journal_that_does_not_say_what_is_to_be_done_is_refused(tmp_path: Path, step: dict[str, Any]) -> None:
    folder = plain(tmp_path / "p", "chunks.sqlite")
    with pytest.raises(IndexUnreadable, match="does not say"):
        documents.carry_out(folder, {"file": "chunks.sqlite", **step})


@pytest.mark.parametrize("store", STORES)
def test_a_change_that_is_done_twice_is_as_done_once(tmp_path: Path, store: str) -> None:
    folder = plain(tmp_path / "p", store)
    held = documents.opened(folder)
    rows = documents.whole_rows(held, [3])
    steps = [
        documents.Alteration(gone=(3, 4)),
        documents.Alteration(back=rows),
        documents.Alteration(texts=(replace(held[7], text="other"),)),
    ]
    for change in steps:
        for _ in range(2):
            documents.carry_out(folder, change.as_step(store))
    now = documents.opened(folder)
    assert set(now.live().tolist()) == set(range(COUNT)) - {4}
    assert (now[3].text, now[7].text) == (text(3), "other")


class Stopped(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("store", STORES)
def test_a_way_back_that_is_stopped_at_any_rename_is_not_begun_or_is_finished_by_who_opens_next(
    tmp_path: Path, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = plain(tmp_path / "whole", store)
    before = stored(folder, store)
    erase(folder, SOME, keep_undo=tmp_path / "aside")
    (kept,) = (tmp_path / "aside").glob("*.jsonl")
    rename, seen = Path.replace, set()
    for last in range(1, 9):
        copy, left = tmp_path / "copy", [last]
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(folder, copy)

        def stopping(path: Path, target: Path, left: list[int] = left) -> Path:
            left[0] -= 1
            if not left[0]:
                raise Stopped
            return rename(path, target)

        with monkeypatch.context() as patch, suppress(Stopped):
            patch.setattr(Path, "replace", stopping)
            undo.restore(copy, kept)
        there = set(SOME) & open_index(copy).ids()
        assert there in (set(), set(SOME)), last
        assert undo.restore(copy, kept) == len(SOME) - len(there)
        assert stored(copy, store) == before
        seen.add(len(there))
    assert seen == {0, len(SOME)}
