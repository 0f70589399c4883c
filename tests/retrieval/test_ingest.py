"""The ingest index finds what a scan finds, and trusts nothing that changed."""

import json
import os
import random
import stat
from pathlib import Path

import pytest

from benchmarks.people import People
from retrieval.__main__ import main
from retrieval.errors import IndexBusy, IngestUnreadable
from retrieval.ingest import Ingested, ingest, look_alike, look_up
from retrieval.ingest.book import writing
from retrieval.ingest.keyfile import key_of
from retrieval.sweep import sweep
from retrieval.types import Needle
from tests.retrieval.ingested import KEY, NEEDLES, STRANGERS, looked, planted_folder, scanned
from tests.services import planted


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The planted folder."""
    return planted_folder(tmp_path / "data")


@pytest.mark.parametrize("needle", NEEDLES, ids=lambda needle: needle.key)
def test_the_index_finds_what_the_scan_finds(folder: Path, tmp_path: Path, needle: Needle) -> None:
    ingest(folder, tmp_path / "index", KEY, near=False)
    found = looked(folder, tmp_path / "index", [needle])
    assert set(found.found) == scanned(folder, [needle])
    assert len(found.found) >= 3
    assert found.scanned == ()


def test_random_people_are_found_by_index_and_scan_alike(tmp_path: Path) -> None:
    people = People(random.Random(8))
    everybody = people.needles(400)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "rows.jsonl").write_text("".join(people.row(everybody) for _ in range(3_000)))
    ingest(tmp_path / "data", tmp_path / "index", KEY, near=False)
    found = look_up(Ingested(tmp_path / "index", KEY), tmp_path / "data", everybody, region="DE")
    assert found.found
    assert set(found.found) == set(sweep([tmp_path / "data" / "rows.jsonl"], everybody, region="DE"))


def test_a_long_row_is_indexed_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    row = {"text": "word1 " * 60_000 + "nora.lindqvist@post.example " + "é2 " * 60_000 + " K+46701740605"}
    (tmp_path / "data" / "rows.jsonl").write_text(json.dumps(row, ensure_ascii=False))
    ingest(tmp_path / "data", tmp_path / "index", KEY, near=False)
    found = looked(tmp_path / "data", tmp_path / "index").found
    assert {each.needle for each in found} == {"email", "name", "phone"}


def test_only_changed_files_are_read_again(folder: Path, tmp_path: Path) -> None:
    first = ingest(folder, tmp_path / "index", KEY)
    assert (first.read, first.unchanged) == (6, 0)
    again = ingest(folder, tmp_path / "index", KEY)
    assert (again.read, again.unchanged, again.records) == (0, 6, 0)
    os.utime(folder / "rows.jsonl")  # touched, not changed
    assert ingest(folder, tmp_path / "index", KEY).read == 0
    with (folder / "notes.txt").open("a", encoding="utf-16-le") as notes:
        notes.write("\nagain nora.lindqvist@post.example")
    assert ingest(folder, tmp_path / "index", KEY).read == 1
    (folder / "page.html").unlink()
    assert ingest(folder, tmp_path / "index", KEY).removed == 1
    found = looked(folder, tmp_path / "index")
    assert (set(found.found), found.scanned) == (scanned(folder), ())


def test_a_file_that_changed_is_scanned(folder: Path, tmp_path: Path) -> None:
    ingest(folder, tmp_path / "index", KEY)
    raw = (folder / "rows.jsonl").read_bytes()
    before = (folder / "rows.jsonl").stat()
    (folder / "rows.jsonl").write_bytes(raw.replace(b"nora.lindqvist@other", b"nora.lindqvist@post.", 1))
    os.utime(folder / "rows.jsonl", ns=(before.st_atime_ns, before.st_mtime_ns))  # same size, same time
    (folder / "new.txt").write_text("nora.lindqvist@post.example")
    found = looked(folder, tmp_path / "index")
    assert set(found.scanned) == {"rows.jsonl", "new.txt"}
    assert set(found.found) == scanned(folder)


def test_a_block_that_is_not_what_it_was_is_not_trusted(folder: Path, tmp_path: Path) -> None:
    ingest(folder, tmp_path / "index", KEY)
    manifest = json.loads((tmp_path / "index" / "manifest.json").read_text())
    path = folder / "rows.jsonl"
    path.write_bytes(path.read_bytes().replace(b"KD-4821-77", b"KD-4821-7x"))
    status = path.stat()
    stamp = {"size": status.st_size, "modified": status.st_mtime_ns, "changed": status.st_ctime_ns}
    manifest["files"]["rows.jsonl"]["stamp"] = {**stamp, "inode": status.st_ino}  # a clock that went wrong
    (tmp_path / "index" / "manifest.json").write_text(json.dumps(manifest))
    found = looked(folder, tmp_path / "index")
    assert found.scanned == ("rows.jsonl",)
    assert set(found.found) == scanned(folder)


def test_a_file_that_cannot_be_parsed_is_said_and_left_to_the_scan(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "good.jsonl").write_text('{"a": "nora.lindqvist@post.example"}\n')
    (tmp_path / "data" / "bad.parquet").write_bytes(b"PAR1 but not really")
    done = ingest(tmp_path / "data", tmp_path / "index", KEY)
    assert [name for name, _ in done.unread] == ["bad.parquet"]
    assert not Ingested(tmp_path / "index", KEY).knows("bad.parquet", tmp_path / "data" / "bad.parquet")


def edited(text: str, words: int) -> str:
    """Exchange some words at the end of a text."""
    split = text.split(" ")
    return " ".join([*split[: len(split) - words], *("other",) * words])


def test_near_copies_are_found_and_strangers_are_not(tmp_path: Path) -> None:
    people, chance = People(random.Random(6)), random.Random(6)
    texts = [people.sentence(chance.randrange(60, 90)) for _ in range(120)]
    (tmp_path / "data").mkdir()
    with (tmp_path / "data" / "rows.jsonl").open("w") as rows:
        for at, text in enumerate(texts):
            rows.write(json.dumps({"id": at, "text": edited(text, 4)}) + "\n")
            rows.write(json.dumps({"id": f"half {at}", "text": edited(text, 40)}) + "\n")
    ingest(tmp_path / "data", tmp_path / "index", KEY)
    found, whole = look_alike(Ingested(tmp_path / "index", KEY), tmp_path / "data", texts)
    assert whole == ()
    pairs = {(each.query, int(each.record)) for each in found}
    wanted = {(at, 2 * at + 1) for at in range(len(texts))}
    assert len(pairs & wanted) / len(wanted) >= 0.99
    assert pairs <= wanted


def test_an_index_is_for_its_owner_and_its_key_alone(folder: Path, tmp_path: Path) -> None:
    key = key_of(tmp_path / "index.key", make=True)
    assert stat.S_IMODE((tmp_path / "index.key").stat().st_mode) == 0o600
    assert key_of(tmp_path / "index.key", make=True) == key
    ingest(folder, tmp_path / "index", key)
    assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in (tmp_path / "index").glob("*.words")} == {0}
    assert stat.S_IMODE((tmp_path / "index").stat().st_mode) == 0o700
    with pytest.raises(IngestUnreadable, match="another key"):
        Ingested(tmp_path / "index", b"another key of sixteen")
    (tmp_path / "index.key").chmod(0o640)
    with pytest.raises(ValueError, match="chmod 600"):
        key_of(tmp_path / "index.key")
    raw = b"".join(path.read_bytes() for path in (tmp_path / "index").glob("*"))
    assert not any(pattern in raw for pattern in planted.patterns() if len(pattern) > 7)


def test_one_process_writes_at_a_time(folder: Path, tmp_path: Path) -> None:
    with writing(tmp_path / "index"), pytest.raises(IndexBusy):
        ingest(folder, tmp_path / "index", KEY)


def test_a_cut_run_is_refused(folder: Path, tmp_path: Path) -> None:
    ingest(folder, tmp_path / "index", KEY)
    run = next((tmp_path / "index").glob("*.words"))
    run.write_bytes(run.read_bytes()[:-3])
    with pytest.raises(IngestUnreadable, match="cut short"):
        Ingested(tmp_path / "index", KEY)


def test_the_shell_makes_an_index_and_asks_it(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keyed = ["--index", str(tmp_path / "index"), "--key-file", str(tmp_path / "key")]
    assert main(["ingest", str(folder), *keyed, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["files"] == 6
    wanted = ["--identifier", "email:nora.lindqvist@post.example", "--region", "SE"]
    assert main(["locate", str(folder), *keyed, *wanted, "--json"]) == 0
    told = capsys.readouterr()
    assert "6 files by the index" in told.err
    assert "0 searched as a whole" in told.err
    assert main(["locate", str(folder), "--index", str(tmp_path / "index"), *wanted]) == 2
    assert "--key-file" in capsys.readouterr().err


def test_a_look_up_costs_what_it_finds(tmp_path: Path) -> None:
    people = People(random.Random(9))
    (tmp_path / "data").mkdir()
    rows = [people.row(STRANGERS) for _ in range(4_000)]
    rows[2_000] = json.dumps({"text": "nora.lindqvist@post.example"}) + "\n"
    (tmp_path / "data" / "rows.jsonl").write_text("".join(rows))
    ingest(tmp_path / "data", tmp_path / "index", KEY, near=False)
    found = looked(tmp_path / "data", tmp_path / "index", list(planted.NEEDLES))
    assert (len(found.found), found.indexed) == (1, 1)
    assert 1 <= found.blocks <= 3
