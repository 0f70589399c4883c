"""Answer caches: rows of one person go, in the rows and in the bytes; other rows stay as they are."""

import gzip
import json
import pickle
import sqlite3
import zlib
from contextlib import closing
from pathlib import Path

import pytest

from retrieval import caches
from retrieval.caches import CacheUnreadable, purge_cache
from retrieval.caches_files import purge_files
from retrieval.scan import scan_tree
from retrieval.types import Needle

EMAIL = Needle("email", "ana.silva@x.com", "e")
NAME = Needle("name", "Ana Silva", "n")
ROWS = [
    ("q1", "write to Ana.Silva@x.com", "[3, 4]"),
    ("q2", "we are open on Monday", "[14]"),
    ("q3", "the invoice was refunded", "[5, 14, 9]"),
    ("q4", "Ana Silva wrote a novel", "[]"),
    ("q5", "ask ana (at) x.com", '["5x"]'),
]


def filled(folder: Path, journal: str = "DELETE") -> Path:
    path = folder / "cache.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA journal_mode = {journal}")
        database.execute("CREATE TABLE answers (question TEXT PRIMARY KEY, answer TEXT, chunk_ids TEXT)")
        database.executemany("INSERT INTO answers VALUES (?, ?, ?)", ROWS)
        database.commit()
    return path


@pytest.mark.parametrize("journal", ["DELETE", "WAL"])
def test_rows_of_a_person_or_a_document_go_and_others_stay(tmp_path: Path, journal: str) -> None:
    path = filled(tmp_path, journal)
    receipt = purge_cache(path, document_ids=["5"], needles=[EMAIL, NAME])
    assert (receipt.removed, receipt.remaining, receipt.name_only) == ({"answers": 2}, 3, 1)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT * FROM answers ORDER BY 1").fetchall() == [ROWS[1], ROWS[3], ROWS[4]]
    assert scan_tree(tmp_path, [b"ana.silva@x.com", b"the invoice was refunded"], ignore_case=True) == {}


def test_purging_twice_removes_nothing_more(tmp_path: Path) -> None:
    path = filled(tmp_path)
    purge_cache(path, document_ids=["5"])
    assert purge_cache(path, document_ids=["5"]).removed == {"answers": 0}


def test_what_is_no_cache_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c.db").write_bytes(b"not a database, but long enough to look at" * 30)
    for path in (tmp_path / "c.db", tmp_path / "missing.db"):
        with pytest.raises(CacheUnreadable):
            purge_cache(path, needles=[EMAIL])
    assert not (tmp_path / "missing.db").exists()


SHAPES = {
    "bytes": b"write to Ana.Silva@x.com",
    "UTF-16": "write to Ana.Silva@x.com".encode("utf-16"),
    "UTF-16 without a mark": "write to Ana.Silva@x.com".encode("utf-16-le"),
    "pickle": pickle.dumps({"answer": "write to Ana.Silva@x.com"}),
    "gzip": gzip.compress(b"write to Ana.Silva@x.com"),
    "zlib": zlib.compress(b"write to Ana.Silva@x.com"),
    "JSON in gzip": gzip.compress(json.dumps({"answer": "Ana.Silva@x.com"}).encode()),
    "escaped JSON": json.dumps(json.dumps({"\u0041na.Silva@x.com": 1})),
    "document": json.dumps({"answer": "refunded", "documents": ["5"]}),
    "documents with fields": json.dumps({"answer": "refunded", "source_documents": [{"metadata": {"source": "5"}}]}),
    "a number": json.dumps([{"sources": [{"id": 5, "score": 0.3}]}]),
}


def one_table(path: Path, columns: str, *rows: tuple[object, ...]) -> Path:
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"CREATE TABLE cache ({columns}")
        database.executemany("INSERT INTO cache VALUES (?, ?)", rows)
        database.commit()
    return path


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("columns", ["id PRIMARY KEY, answer)", "id TEXT PRIMARY KEY, answer) WITHOUT ROWID"])
def test_an_answer_goes_however_it_was_put_away(tmp_path: Path, shape: str, columns: str) -> None:
    rows = (("a", SHAPES[shape]), ("b", "we are open, 5 days"), ("c", b"\x00\x01"), ("d", None))
    path = one_table(tmp_path / "c.db", columns, *rows)
    receipt = purge_cache(path, document_ids=["5"], needles=[EMAIL])
    assert (receipt.removed, receipt.remaining, receipt.found_after) == ({"cache": 1}, 3, 0)
    (tmp_path / "f").mkdir()
    content = SHAPES[shape]
    (tmp_path / "f" / "a").write_bytes(content if isinstance(content, bytes) else content.encode())
    (tmp_path / "f" / "b").write_text("we are open, 5 days")
    assert purge_files(tmp_path / "f", document_ids=["5"], needles=[EMAIL]).removed == {"a": 1}


def test_rows_go_from_a_database_among_cached_files_and_not_the_database(tmp_path: Path) -> None:
    path = filled(tmp_path, "WAL")
    receipt = purge_files(tmp_path, document_ids=["5"], needles=[EMAIL])
    assert (receipt.removed, receipt.remaining) == ({"cache.db": 2}, 3)
    assert path.exists()


@pytest.mark.parametrize("content", [b"PK\x03\x04...", b"\x28\xb5\x2f\xfd...", gzip.compress(b"x" * 999)[:-9]])
def test_what_is_packed_and_cannot_be_opened_is_refused_with_nothing_removed(tmp_path: Path, content: bytes) -> None:
    rows = (("a", "Ana.Silva@x.com"), ("b", content))
    path = one_table(tmp_path / "c.db", "id PRIMARY KEY, answer)", *rows)
    with pytest.raises(CacheUnreadable, match="nothing was removed"):
        purge_cache(path, needles=[EMAIL])
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "a").write_text("Ana.Silva@x.com")
    (tmp_path / "f" / "b").write_bytes(content)
    with pytest.raises(CacheUnreadable, match="Nothing was removed"):
        purge_files(tmp_path / "f", needles=[EMAIL])
    assert (tmp_path / "f" / "a").exists()
    with closing(sqlite3.connect(path)) as database:
        assert len(database.execute("SELECT * FROM cache").fetchall()) == 2


def test_a_log_that_another_program_reads_is_no_empty_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caches, "_PATIENCE", 0.05)
    path = filled(tmp_path, "WAL")
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM answers").fetchall()
        with pytest.raises(CacheUnreadable, match="2 rows are removed, but their bytes still stand"):
            purge_cache(path, document_ids=["5"], needles=[EMAIL])
    assert purge_cache(path, document_ids=["5"], needles=[EMAIL]).removed == {"answers": 0}
    assert scan_tree(tmp_path, [b"ana.silva@x.com", b"the invoice was refunded"], ignore_case=True) == {}


def test_a_full_text_table_that_holds_the_person_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE VIRTUAL TABLE answers USING fts5(answer)")
        database.execute("INSERT INTO answers VALUES ('we are open')")
        database.commit()
        assert purge_cache(path, needles=[EMAIL]).remaining == 1
        database.execute("INSERT INTO answers VALUES ('write to Ana.Silva@x.com')")
        database.commit()
    with pytest.raises(CacheUnreadable, match="virtual one"):
        purge_cache(path, needles=[EMAIL])
