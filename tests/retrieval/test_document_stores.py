"""Documents beside an index in SQLite and in Parquet: read, erased to the byte, and never out of step unnoticed."""

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import faiss
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from retrieval.embedders import HashedWords
from retrieval.erase import absent, erase
from retrieval.errors import IndexBusy, IndexUnreadable, StoreOutOfStep, UnsupportedIndex
from retrieval.indexes import documents, documents_sqlite
from retrieval.indexes.faiss import build, open
from retrieval.types import Chunk

EMBEDDER, COUNT = HashedWords(32), 300
SOME, MANY = [3, 4, 299], list(range(100))
STORES = ["chunks.sqlite", "chunks.parquet"]


def text(number: int) -> str:
    return f"ticket {number} about word{number % 11} of person{number} Müller" + " and so on" * (number % 3)


def rows(ids: Sequence[int]) -> list[dict[str, Any]]:
    return [
        {"id": id, "document": f"doc{id // 3}", "text": text(id), "source": "tickets", "owner": None, "rating": id / 7}
        for id in ids
    ]


def in_sqlite(path: Path, ids: Sequence[int], mode: str = "delete") -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(f"PRAGMA journal_mode = {mode}")
        database.execute(
            "CREATE TABLE chunks "
            "(id INTEGER PRIMARY KEY, document TEXT, text TEXT, source TEXT, owner TEXT, rating REAL)"
        )
        given = rows(ids)
        database.executemany("INSERT INTO chunks VALUES (:id, :document, :text, :source, :owner, :rating)", given)


def in_parquet(path: Path, ids: Sequence[int]) -> None:
    table = pa.Table.from_pylist(rows(ids)).replace_schema_metadata({"made by": "somebody"})
    pq.write_table(table, path, row_group_size=70, compression={"text": "ZSTD", "id": "SNAPPY", "rating": "NONE"})


def plain(folder: Path, store: str, *, ids: Sequence[int] = range(COUNT), factory: str = "Flat") -> Path:
    folder.mkdir()
    index = faiss.index_factory(32, factory, faiss.METRIC_INNER_PRODUCT)
    vectors = EMBEDDER.embed([text(number) for number in range(COUNT)])
    index.train(vectors)
    index.add(vectors)
    faiss.write_index(index, str(folder / "index.faiss"))
    in_parquet(folder / store, ids) if store.endswith(".parquet") else in_sqlite(folder / store, ids)
    return folder


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize(("ids", "level"), [(SOME, "scrubbed"), (MANY, "rewritten")], ids=["in place", "written anew"])
def test_erased_documents_are_in_no_byte_and_all_others_are_unchanged(
    tmp_path: Path, store: str, ids: list[int], level: str
) -> None:
    folder = plain(tmp_path / "p", store)
    index = open(folder, embedder=EMBEDDER)
    rest = sorted(set(range(COUNT)) - set(ids))
    kept = {id: index.get(id) for id in rest}
    gone, texts = [row.tobytes() for row in index.vectors(ids)], [text(id) for id in ids]
    seen = absent(folder, vectors=gone, texts=texts).residues
    assert sum(one.count for one in seen) == 2 * len(ids), "the scan must see them while they are there"

    receipt = erase(folder, ids)

    assert (receipt.level, receipt.removed, receipt.remaining) == (level, len(ids), len(rest))
    assert absent(folder, vectors=gone, texts=texts).absent
    assert {id: index.get(id) for id in rest} == kept
    assert index.ids() == open(folder).ids() == set(rest)
    assert receipt.digest_before != receipt.digest_after == index.describe().digest
    assert not {hit.id for id in ids[:5] for hit in index.search(text(id), k=50)} & set(ids)
    assert index.search(text(200), k=1)[0].chunk.text == text(200)
    assert erase(folder, ids).level == "already gone"
    assert sorted(path.name for path in folder.iterdir() if path.name.startswith("chunks")) == [store]
    assert not list(folder.glob("gen-*"))


@pytest.mark.parametrize("store", STORES)
def test_searches_go_on_during_erases_and_never_meet_half_of_one(tmp_path: Path, store: str) -> None:
    folder = plain(tmp_path / "p", store)
    stop, seen = threading.Event(), []

    def search() -> None:
        index = open(folder, embedder=EMBEDDER)
        while not stop.is_set():
            hits = index.search(text(200), k=COUNT)
            seen.append((hits[0].chunk.text, {hit.id for hit in hits}))

    with ThreadPoolExecutor(2) as threads:
        running = [threads.submit(search) for _ in range(2)]
        try:
            while not seen and not running[0].done():
                time.sleep(0.01)
            for gone in ([0], [1, 2], list(range(3, 90))):  # the last writes the index anew
                erase(folder, gone)
        finally:
            stop.set()
        for one in running:
            one.result()
    assert {best for best, _ in seen} == {text(200)}
    assert {min(ids) for _, ids in seen} <= {0, 1, 3, 90}
    assert all(ids == set(range(min(ids), COUNT)) for _, ids in seen)
    assert open(folder).ids() == set(range(90, COUNT))


def test_other_columns_tables_and_the_schema_of_a_database_stay(tmp_path: Path) -> None:
    folder = plain(tmp_path / "p", "chunks.sqlite")
    with closing(sqlite3.connect(folder / "chunks.sqlite")) as database, database:
        database.execute("CREATE TABLE settings (name TEXT)")
        database.execute("INSERT INTO settings VALUES ('dark')")
        database.execute("CREATE TABLE notes (chunk INTEGER REFERENCES chunks ON DELETE CASCADE, note TEXT)")
        database.execute("INSERT INTO notes VALUES (3, 'of person3'), (5, 'of person5')")
        schema = database.execute("SELECT sql FROM sqlite_schema").fetchall()
    erase(folder, SOME)
    with closing(sqlite3.connect(folder / "chunks.sqlite")) as database:
        assert database.execute("SELECT sql FROM sqlite_schema").fetchall() == schema
        assert database.execute("SELECT name FROM settings").fetchall() == [("dark",)]
        assert database.execute("SELECT note FROM notes").fetchall() == [("of person5",)], "as its schema asks"
        assert database.execute("SELECT id, rating FROM chunks ORDER BY id").fetchall() == [
            (id, id / 7) for id in range(COUNT) if id not in SOME
        ]


def test_a_write_ahead_log_is_emptied_too(tmp_path: Path) -> None:
    folder = plain(tmp_path / "p", "chunks.parquet")
    (folder / "chunks.parquet").unlink()
    in_sqlite(folder / "chunks.sqlite", range(COUNT), "wal")
    with closing(sqlite3.connect(folder / "chunks.sqlite")) as application:
        application.execute("UPDATE chunks SET rating = 1")
        application.commit()
        assert (folder / "chunks.sqlite-wal").stat().st_size > 0
        erase(folder, SOME)
        assert absent(folder, texts=[text(id) for id in SOME]).absent
        assert application.execute("SELECT count(*) FROM chunks").fetchone() == (COUNT - len(SOME),)
        application.execute("INSERT INTO chunks (id, document, text) VALUES (1000, 'd', 'new')")
        application.commit()
    with pytest.raises(IndexUnreadable, match="manifest"):
        open(folder)


def test_a_reader_that_does_not_end_stops_an_erase_before_anything_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents_sqlite, "_PATIENCE", 0.05)
    folder = plain(tmp_path / "p", "chunks.parquet")
    (folder / "chunks.parquet").unlink()
    in_sqlite(folder / "chunks.sqlite", range(COUNT), "wal")
    with closing(sqlite3.connect(folder / "chunks.sqlite", isolation_level=None)) as application:
        application.execute("BEGIN")
        application.execute("SELECT count(*) FROM chunks").fetchall()
        with closing(sqlite3.connect(folder / "chunks.sqlite")) as other, other:
            other.execute("UPDATE chunks SET rating = 1")
        with pytest.raises(IndexBusy, match="write-ahead log"):
            erase(folder, SOME)
    assert open(folder).ids() == set(range(COUNT))
    assert erase(folder, SOME).level == "scrubbed"


@pytest.mark.parametrize(
    "trigger",
    [
        "BEFORE DELETE ON chunks BEGIN SELECT RAISE(IGNORE); END",
        "BEFORE DELETE ON chunks BEGIN SELECT RAISE(ABORT, 'person3'); END",
    ],
    ids=["keeps", "refuses"],
)
def test_a_trigger_that_keeps_rows_is_an_error_and_nothing_changes(tmp_path: Path, trigger: str) -> None:
    folder = plain(tmp_path / "p", "chunks.sqlite")
    with closing(sqlite3.connect(folder / "chunks.sqlite")) as database, database:
        database.execute(f"CREATE TRIGGER keep {trigger}")
    before = (folder / "index.faiss").read_bytes()
    for ids in (SOME, MANY):
        with pytest.raises(StoreOutOfStep, match="nothing was changed") as refused:
            erase(folder, ids)
        assert "person" not in str(refused.value)
    assert (folder / "index.faiss").read_bytes() == before
    assert open(folder).ids() == set(range(COUNT))


def test_what_a_killed_writer_left_half_done_is_rolled_back_by_whoever_opens(tmp_path: Path) -> None:
    folder = plain(tmp_path / "p", "chunks.sqlite")
    dying = (
        "import os, sqlite3, sys\ndatabase = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "database.execute('PRAGMA cache_size = 1')\ndatabase.execute('BEGIN')\n"
        "database.execute('DELETE FROM chunks WHERE id > 20')\nos.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", dying, str(folder / "chunks.sqlite")], check=False)
    assert (folder / "chunks.sqlite-journal").stat().st_size > 0
    assert open(folder).ids() == set(range(COUNT))
    assert not (folder / "chunks.sqlite-journal").exists()


def test_a_parquet_file_is_written_as_it_was(tmp_path: Path) -> None:
    folder = plain(tmp_path / "p", "chunks.parquet")
    with pq.ParquetFile(folder / "chunks.parquet") as file:
        before, was = file.metadata, file.read()
    erase(folder, [*range(70), 75])
    with pq.ParquetFile(folder / "chunks.parquet") as file:
        after, now = file.metadata, file.read()
    assert now.equals(was.filter(pa.array([id not in {*range(70), 75} for id in range(COUNT)])))
    assert now.schema.equals(was.schema, check_metadata=True)
    assert [after.row_group(n).num_rows for n in range(after.num_row_groups)] == [69, 70, 70, 20]
    for name in range(before.num_columns):
        one, other = before.row_group(0).column(name), after.row_group(0).column(name)
        assert (one.compression, one.has_dictionary_page) == (other.compression, other.has_dictionary_page)


@pytest.mark.parametrize("store", STORES)
def test_index_and_store_out_of_step_are_refused_with_counts(tmp_path: Path, store: str) -> None:
    folder = plain(tmp_path / "p", store, ids=[*range(2, COUNT), 1000])
    with pytest.raises(StoreOutOfStep, match="2 vectors have no chunk and 1 chunks have no vector"):
        open(folder)
    with pytest.raises(StoreOutOfStep, match="nothing was changed"):
        erase(folder, [1000])


@pytest.mark.parametrize("store", STORES)
def test_a_row_that_was_changed_beside_the_manifest_is_noticed(tmp_path: Path, store: str) -> None:
    folder = plain(tmp_path / "p", store)
    erase(folder, [5])
    path = folder / store
    if store == "chunks.sqlite":
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("UPDATE chunks SET text = 'other' WHERE id = 6")
    else:
        table = pq.read_table(path)
        at = table.schema.get_field_index("text")
        pq.write_table(table.set_column(at, "text", pa.array(["other"] * len(table))), path)
    for ask in (lambda: open(folder), lambda: erase(folder, [7])):
        with pytest.raises(IndexUnreadable, match="not those that the manifest"):
            ask()


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("content", [b"", b"no such thing", b"PAR1", b"SQLite format 3\x00" + b"\x00" * 90])
def test_a_store_that_is_none_is_refused_with_its_name(tmp_path: Path, store: str, content: bytes) -> None:
    folder = plain(tmp_path / "p", store)
    (folder / store).write_bytes(content)
    with pytest.raises(IndexUnreadable, match=store):
        open(folder)


def test_two_stores_beside_one_index_are_refused(tmp_path: Path) -> None:
    folder = plain(tmp_path / "p", "chunks.sqlite")
    in_parquet(folder / "chunks.parquet", range(COUNT))
    with pytest.raises(StoreOutOfStep, match=r"chunks\.sqlite and chunks\.parquet"):
        erase(folder, SOME)


@pytest.mark.parametrize("store", STORES)
def test_an_id_given_twice_is_refused(tmp_path: Path, store: str) -> None:
    folder = plain(tmp_path / "p", store)
    twice = pa.Table.from_pylist(rows([1, 1]))
    (folder / store).unlink()
    if store == "chunks.parquet":
        pq.write_table(twice, folder / store)
    else:
        with closing(sqlite3.connect(folder / store)) as database, database:
            database.execute(
                "CREATE TABLE texts AS SELECT 1 AS id, 'd' AS document, 't' AS text UNION ALL SELECT 1, 'd', 't'"
            )
    with pytest.raises(StoreOutOfStep, match="second time"):
        open(folder)


@pytest.mark.parametrize("store", STORES)
def test_rows_are_not_made_up_in_somebody_elses_store(tmp_path: Path, store: str) -> None:
    folder = plain(tmp_path / "p", store)
    with pytest.raises(UnsupportedIndex, match=store):
        build(folder, [Chunk(1, "d", "t")], EMBEDDER)
    assert open(folder).ids() == set(range(COUNT))


def test_a_journal_names_no_file_that_holds_no_documents(tmp_path: Path) -> None:
    folder = plain(tmp_path / "p", "chunks.db")
    (folder / "chunks.parquet").symlink_to(tmp_path / "elsewhere.parquet")
    for name in ("index.faiss", "chunks.jsonl", "settings.sqlite", "chunks.parquet"):
        with pytest.raises(IndexUnreadable, match="names a file"):
            documents.carry_out(folder, {"file": name, "ids": [1]})
