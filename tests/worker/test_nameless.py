"""Records without a key, files named by a pattern, and a place whose only file is the person's: a case takes them."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from compliance.provenance import services as provenance
from compliance.provenance.connectors import Place, files, matching
from compliance.rules.terms import ClaimLevel, Verdict
from compliance.validation import plainsight
from compliance.validation.models import Measurement
from tests.worker.small_company import House
from tests.worker.test_seams import add, claim_of
from tests.worker.test_truthful import finish, verifies

STRANGER = "bo@post.example"


def fill(house: House) -> None:
    """The person twice the same, mentioned twice the same, beside an older mark, in a page, in packed files."""
    her, folder = house.person.email, house.folder
    rows = [{"who": STRANGER, "what": f"login {n}"} for n in range(20)]
    rows += [{"who": her, "what": "login"}] * 3
    rows += [{"who": STRANGER, "what": f"wrote to {her}"}] * 2 + [{"who": STRANGER, "what": "wrote to [erased]"}]
    (folder / "events.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    for name in ("mails", "letter", "notes"):
        (folder / name).mkdir()
    (folder / "mails" / "a.html").write_text(f"<p>From: {her}</p><p>To: {STRANGER}</p>", "utf-8")
    (folder / "mails" / "b.txt.gz").write_bytes(gzip.compress(f"For {her}\n\nFor {STRANGER}\n".encode()))
    with zipfile.ZipFile(folder / "mails" / "old.zip", "w") as archive:
        archive.writestr("c.txt", f"Call {her} back\n")
        archive.writestr("d.txt", "nothing\n")
    (folder / "letter" / "hers.html").write_text(f"<p>A letter by {her}</p>", "utf-8")
    for number in range(3):
        (folder / "notes" / f"n{number}.txt").write_text(f"Note {number}\n{her} rang.\n\n{STRANGER} too.\n", "utf-8")
    add(house, id="events", name="Events", kind="dataset", connector="files", location="events.jsonl",
        subject_fields=["who"])  # fmt: skip
    add(house, id="mails", name="Mails", kind="dataset", connector="files", location="mails")
    add(house, id="letter", name="Letter", kind="dataset", connector="files", location="letter",
        options={"on_mention": "erase"})  # fmt: skip
    add(house, id="notes", name="Notes", kind="dataset", connector="files", location="notes/*.txt")


def test_records_without_a_key_are_erased_and_proved_and_nobody_else_is_called_changed(records: House) -> None:
    fill(records)
    records.planned()
    finish(records)
    mine = Measurement.objects.filter(artifact__slug__in=["events", "mails", "letter", "notes"])
    assert not mine.filter(verdict=Verdict.FAILED)
    assert mine.filter(name="others_changed", verdict=Verdict.PASSED).count() == 4
    for slug in ("events", "mails", "letter", "notes"):
        assert claim_of(records, slug).level is ClaimLevel.ERASED
    lines = (records.folder / "events.jsonl").read_text("utf-8").splitlines()
    assert len(lines) == 23 and sum("[erased]" in line for line in lines) == 3
    assert (records.folder / "letter" / "hers.html").read_bytes() == b"", "the last file of a place stays, empty"
    assert verifies(records)


def test_a_strangers_row_that_changes_beside_a_renamed_one_is_still_noticed(
    records: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(records)
    path, compare = records.folder / "events.jsonl", provenance.others_digest

    def somebody_writes_first(*of: Any, **more: Any) -> Any:
        path.write_text(path.read_text("utf-8").replace("login 7", "login 8"), "utf-8")
        return compare(*of, **more)

    monkeypatch.setattr(provenance, "others_digest", somebody_writes_first)
    records.planned()
    records.approve()
    records.work()
    judged = Measurement.objects.get(artifact__slug="events", name="others_changed")
    assert (judged.verdict, judged.value) == (Verdict.FAILED, 1.0)
    assert not Measurement.objects.filter(verdict=Verdict.FAILED).exclude(pk=judged.pk)


def test_the_second_pair_of_eyes_looks_into_packed_files_and_patterns(tmp_path: Path) -> None:
    wanted = plainsight.forms("email", "ana@post.example")
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"one\nAna <ANA@post.example>\n"))
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("inner.jsonl.gz", gzip.compress(b'{"x": "ana\\u0040post.example"}\n'))
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"ana@post.example\n" * 1000)[:40])
    (tmp_path / "plain.log").write_bytes(b"nobody\n")
    for location, rows in ((str(tmp_path), 2), (f"{tmp_path}/*.gz", 1), (f"{tmp_path}/*.log", 0)):
        assert plainsight.rows_with(Place("Packed", "dataset", "files", location), wanted) == rows


def test_a_record_that_names_its_source_twice_is_one_record(tmp_path: Path) -> None:
    (tmp_path / "chunks.jsonl").write_text('{"from": ["7", "7", "8"]}\n{"from": ["9"]}\n', "utf-8")
    place = Place("Chunks", "dataset", "files", str(tmp_path / "chunks.jsonl"), {"lineage_field": "from"})
    rows = files.records(place, None)
    assert len(list(matching.derived(rows, place, ["7"]))) == 1
