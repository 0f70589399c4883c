"""The independent path: bytes in files, raw and decoded, with nothing shared with locate."""

import ast
import gzip
import inspect
import sqlite3
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retrieval.scan
from retrieval.errors import ScanIncomplete
from retrieval.scan import scan_bytes, scan_tree

WANTED = b"ana.silva@x.com"


@given(st.binary(max_size=300), st.lists(st.binary(min_size=1, max_size=4), min_size=1, max_size=4, unique=True))
def test_pieces_find_what_the_whole_file_has(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, patterns: list[bytes]
) -> None:
    path = tmp_path_factory.mktemp("scan") / "file"
    path.write_bytes(content)
    expected = sorted(
        (at, index)
        for index, pattern in enumerate(patterns)
        for at in range(len(content))
        if content.startswith(pattern, at)
    )
    assert scan_bytes(path, patterns, chunk=7) == expected


def test_case_is_kept_unless_told(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x ANA.SILVA@X.com")
    assert scan_tree(tmp_path, [WANTED]) == {}
    assert scan_tree(tmp_path, [WANTED], ignore_case=True) == {"f": 1}


def test_compressed_and_packed_text_is_decoded(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(gzip.compress(b"noise " * 99 + WANTED))
    with zipfile.ZipFile(tmp_path / "b.bin", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.txt", b"noise " * 99 + WANTED)
    rows = {
        "text": ["noise"] * 500 + [WANTED.decode()],
        "deep": [[{"mail": "none"}]] * 500 + [[{"mail": "Ana.Silva@x.com"}]],
    }
    pq.write_table(pa.table(rows), tmp_path / "c.parquet", compression="zstd", write_statistics=False)
    (tmp_path / "clean.txt").write_bytes(b"nothing here")
    assert scan_tree(tmp_path, [WANTED, b"Ana.Silva@x.com"]) == {"a.log": 1, "b.bin": 1, "c.parquet": 2}


def test_a_text_torn_over_database_pages_is_found(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "t.db") as database:
        database.execute("PRAGMA page_size = 512")
        database.execute("CREATE TABLE t (body TEXT)")
        database.executemany(
            "INSERT INTO t VALUES (?)",
            [("x" * size + WANTED.decode() + "y" * 500,) for size in range(600, 640)],
        )
    database.close()
    assert len(scan_bytes(tmp_path / "t.db", [WANTED])) < 40, "at least one must be torn, or this shows nothing"
    assert scan_tree(tmp_path, [WANTED]) == {"t.db": 40}


def test_the_write_ahead_log_is_searched_too(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "t.db")
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("CREATE TABLE t (body TEXT)")
    database.execute("INSERT INTO t VALUES (?)", (WANTED.decode(),))
    database.commit()
    assert scan_tree(tmp_path, [WANTED]) == {"t.db": 1, "t.db-wal": 1}
    database.close()


def test_a_file_that_cannot_be_decoded_is_never_called_clean(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["x" * 1000] * 1000}), tmp_path / "c.parquet")
    whole = (tmp_path / "c.parquet").read_bytes()
    (tmp_path / "c.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ScanIncomplete, match=r"c\.parquet"):
        scan_tree(tmp_path, [WANTED])
    told: list[str] = []
    assert scan_tree(tmp_path, [WANTED], unreadable=lambda path, why: told.append(path.name)) == {}
    assert told == ["c.parquet"]


def test_a_folder_that_is_not_there_is_never_called_clean(tmp_path: Path) -> None:
    with pytest.raises(ScanIncomplete):
        scan_tree(tmp_path / "nowhere", [WANTED])


def test_an_empty_pattern_is_refused(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    with pytest.raises(ValueError, match="empty"):
        scan_bytes(tmp_path / "f", [b""])


def test_the_scan_shares_no_matching_code_with_locate() -> None:
    tree = ast.parse(inspect.getsource(retrieval.scan))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    assert not imported & {"ahocorasick_rs", "re"}
    assert {name for name in imported if name and name.startswith("retrieval")} == {
        "retrieval.errors",
        "retrieval.types",
        "retrieval.walking",
        "retrieval.weight",
    }


def test_one_occurrence_counts_once_however_many_spellings_match_it(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"call +49 151 2345678 today")
    assert scan_tree(tmp_path, [b"151 2345678", b"+49 151 2345678", b"49 151 2345678", b"2345678"]) == {"f": 1}


def test_an_empty_pattern_does_not_make_a_folder_clean(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    with pytest.raises(ValueError, match="empty"):
        scan_tree(tmp_path, [b"", b"abc"])


def test_a_computed_column_is_searched_and_a_bomb_of_one_is_no_absence(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "t.db") as database:
        database.execute("CREATE TABLE t (a TEXT, b TEXT, c AS (a || '@' || b))")
        database.execute("INSERT INTO t VALUES ('ana.silva', 'x.com')")
    database.close()
    assert scan_tree(tmp_path / "t.db", [WANTED]) == {"t.db": 1}
    for computed in ("zeroblob(500000000)", "zeroblob(9000000)"):  # too long a value, and too many
        path = tmp_path / f"{len(computed)}.db"
        with sqlite3.connect(path) as database:
            database.execute(f"CREATE TABLE t (a INTEGER, b AS ({computed}))")
            database.executemany("INSERT INTO t VALUES (?)", [(number,) for number in range(10)])
        database.close()
        with pytest.raises(ScanIncomplete):
            scan_tree(path, [WANTED])


def test_a_log_longer_than_its_database_is_searched_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrieval.scan, "_BOMB_BYTES", 1)
    monkeypatch.setattr(retrieval.scan, "_BOMB_RATIO", 1)
    database = sqlite3.connect(tmp_path / "t.db")
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("CREATE TABLE t (body BLOB)")
    database.execute("INSERT INTO t VALUES (?)", (b" " * 50_000 + WANTED,))
    database.commit()
    assert scan_tree(tmp_path / "t.db", [WANTED]) == {"t.db": 1}
    database.close()


def test_many_tables_in_an_archive_may_not_decode_to_more_than_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrieval.scan, "_BOMB_BYTES", 1)
    monkeypatch.setattr(retrieval.scan, "_BOMB_RATIO", 1)
    monkeypatch.setattr(retrieval.scan, "_PLENTY", 60_000)
    pq.write_table(pa.table({"text": ["x" * 1_000] * 50}), tmp_path / "t.parquet")
    for count in (1, 2):
        with zipfile.ZipFile(tmp_path / f"{count}.zip", "w") as archive:
            for number in range(count):
                archive.write(tmp_path / "t.parquet", f"{number}.parquet")
    assert scan_tree(tmp_path / "1.zip", [WANTED]) == {}
    with pytest.raises(ScanIncomplete):
        scan_tree(tmp_path / "2.zip", [WANTED])


def test_an_archive_whose_names_are_no_text_is_no_absence(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("\u00e4.txt", "nothing")
    content = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "a.zip").write_bytes(content.replace("\u00e4".encode(), b"\xff\xfe"))
    with pytest.raises(ScanIncomplete):
        scan_tree(tmp_path, [WANTED])
