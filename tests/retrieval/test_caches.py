"""Answer caches: rows of one person go, in the rows and in the bytes; other rows stay as they are."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from retrieval.caches import CacheUnreadable, purge_cache
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
