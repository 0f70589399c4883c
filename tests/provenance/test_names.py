"""A person in names: of fields, of files, of members of archives, of objects and columns."""

from __future__ import annotations

import gzip
import io
import json
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from compliance.provenance.connectors import Place, files
from compliance.provenance.connectors.names import called_after
from compliance.rules.errors import DamagedArtifact
from retrieval.types import Needle

HER, BOB = "alice.moreau@post.example", "bob@post.example"
ALICE = Needle("email", HER, "email:0")


def place(path: Path, connector: str = "files", **options: object) -> Place:
    return Place("seen", "dataset", connector, str(path), {"key_field": "id", **options})


@pytest.mark.parametrize("name", ["seen.jsonl", "seen.json", "seen.jsonl.gz"])
def test_a_field_that_is_called_after_her_is_found_and_loses_its_name(tmp_path: Path, name: str) -> None:
    rows = [
        {"id": "1", "seen": {HER: True, BOB: 3}},
        {"id": "2", "seen": {BOB: True}},
        {"id": "3", "threads": [{HER.upper(): {"n": 1}}, {"mailto:" + HER: 2}], "note": "to " + HER},
    ]
    path = tmp_path / name.removesuffix(".gz")
    body = json.dumps(rows) if name.endswith(".json") else "".join(json.dumps(row) + "\n" for row in rows)
    path.write_text(body)
    if name.endswith(".gz"):
        (tmp_path / name).write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
        path = tmp_path / name
    there = place(path)
    found = list(files.find(there, [ALICE]))
    assert {match.record for match in found} == {"1", "3"} and not any(match.owner for match in found)
    assert len(found) == 4
    receipt = files.erase(there, redactions={match.record: [ALICE] for match in found})
    assert (receipt.redacted, receipt.remaining, receipt.others_untouched) == (2, 0, True)
    after = {row.key: row.value for row in files.records(there, None)}
    assert after["1"] == {"id": "1", "seen": {"[erased]": True, BOB: 3}}
    assert after["2"] == rows[1]
    assert after["3"]["threads"] == [{"[erased]": {"n": 1}}, {"mailto:[erased]": 2}]
    assert not list(files.find(there, [ALICE]))
    assert files.absent(there, [HER.encode(), HER.upper().encode()]) == 0


def test_two_fields_that_lose_their_names_stay_two(tmp_path: Path) -> None:
    path = tmp_path / "seen.jsonl"
    path.write_text(json.dumps({"id": "1", HER: 1, HER.upper(): 2}) + "\n")
    files.erase(place(path), redactions={"1": [ALICE]})
    assert json.loads(path.read_text()) == {"id": "1", "[erased]": 1, "[erased] 2": 2}


def test_names_outside_the_declared_fields_are_not_searched(tmp_path: Path) -> None:
    path = tmp_path / "seen.jsonl"
    path.write_text(json.dumps({"id": "1", "body": {HER: 1}, "other": {HER: 1}}) + "\n")
    found = list(files.find(place(path, text_fields=["body.*"]), [ALICE]))
    assert len(found) == 1


def zipped(path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as made:
        made.writestr(f"letters/{HER}.txt", "nothing")
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("rows.jsonl", '{"id": "1"}\n')
        made.writestr("inner.zip", inner.getvalue())
        made.writestr(f"photos/{HER}/1.png", b"\x00")


def tabled(path: Path) -> None:
    table = pa.table({"id": ["1"], f"asked {HER}": ["x"]}).replace_schema_metadata({"made by": HER})
    pq.write_table(table, path)


def databased(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute(f'CREATE TABLE t (id TEXT PRIMARY KEY, "{HER}" INTEGER)')
    database.close()


NAMES: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "a file": (f"{HER}.jsonl", lambda path: path.write_text('{"id": "1"}\n'), "1 names of files"),
    "a rotated file": (f"{HER}.log.2", lambda path: path.write_text("one\n"), "1 names of files"),
    "an archive's members": ("a.zip", zipped, "2 names in archives"),
    "a column and a note of Parquet": ("a.parquet", tabled, "1 names of tables and columns, 1 notes"),
    "a column of CSV": ("a.csv", lambda path: path.write_text(f"id,{HER}\n1,2\n"), "1 names of tables and columns"),
    "a column of a database": ("a.sqlite", databased, "1 names of tables and columns"),
}


@pytest.mark.parametrize("what", sorted(NAMES))
def test_what_is_called_after_her_is_counted_and_nobody_elses_name_is(tmp_path: Path, what: str) -> None:
    name, make, said = NAMES[what]
    make(tmp_path / name)
    sql = name.endswith(".sqlite")
    there = place(tmp_path, "files")
    if sql:
        there = Place("seen", "database", "sql", f"sqlite:///{tmp_path / name}", {"key_field": "id", "table": "t"})
    (told,) = called_after(there, [ALICE], region="")
    assert said in told.why and HER not in told.why and HER not in told.next_action
    for other in (BOB, f"x{HER}"):
        assert called_after(there, [Needle("email", other, "email:0")], region="") == ()


def test_a_name_is_seen_by_the_search_for_absence(tmp_path: Path) -> None:
    (tmp_path / HER).mkdir()
    (tmp_path / HER / "a.jsonl").write_text('{"id": "1"}\n')
    (tmp_path / f"{HER}.txt").write_text("nothing")
    assert files.absent(place(tmp_path), [HER.encode()]) == 2
    assert files.purge(place(tmp_path), [HER.encode()]).level == "logically_deleted"


def test_an_archive_whose_names_are_no_text_is_named_and_the_others_are_searched(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as made:
        made.writestr("\u00e4.txt", "nothing")
    content = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "a.zip").write_bytes(content.replace("\u00e4".encode(), b"\xff\xfe"))
    (tmp_path / "b.jsonl").write_text(json.dumps({"id": "1", "mail": HER}) + "\n")
    there = place(tmp_path)
    assert called_after(there, [ALICE], region="") == ()
    assert len(list(files.find(there, [ALICE]))) == 1
    (part,) = files.describe(there).unread
    assert part.part == "a.zip" and "damaged" in part.why
    with pytest.raises(DamagedArtifact):
        files.absent(there, [b"nobody@post.example"])


def test_archives_in_an_archive_are_not_unpacked_for_ever(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as made:
        made.writestr(f"{HER}.txt", b" " * 100_000)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as made:
        for number in range(9):
            made.writestr(f"{number}.zip", inner.getvalue())
    (told,) = called_after(place(tmp_path, max_decoded_bytes=1_000_000), [ALICE], region="")
    assert "1 names in archives" in told.why
    assert called_after(place(tmp_path, max_decoded_bytes=99_000), [ALICE], region="") == ()
    (tmp_path / "b.jsonl").write_text('{"id": "1"}\n')
    (part,) = files.describe(place(tmp_path, max_decoded_bytes=99_000)).unread
    assert part.part == "a.zip" and "too much" in part.why
