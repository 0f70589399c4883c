"""What was erased stays gone after a restore: of a source, and of our own database."""

from __future__ import annotations

import json
import shutil
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from compliance.audit import services as audit
from compliance.intake import vault
from compliance.intake.models import CaseKey, ErasureRequest
from compliance.mitigation.models import Step
from compliance.provenance import exclusion
from compliance.provenance.models import Artifact, Derivation, Exclusion
from compliance.rules.errors import DamagedArtifact, NotFoundHere
from compliance.rules.terms import State
from compliance.worker import erasure_book, oblivion
from compliance.worker.replaying import own_database
from compliance.worker.sample.people import namesake
from retrieval.__main__ import main
from retrieval.scan import scan_tree
from tests.worker.erased import RESTORED, dump, erased, left_in, patterns, replay, restore, take_back
from tests.worker.small_company import House
from tests.worker.test_whole_case import whole_case

__all__ = ["erased"]


def test_restored_sources_are_erased_again_and_nobody_else_is_touched(erased: tuple[House, Path]) -> None:
    house, backup = erased
    assert left_in(house) == {}
    rows = (house.folder / "raw/tickets.jsonl").read_bytes().splitlines()
    restore(house, backup)
    assert left_in(house) != {}
    before = {path: path.read_bytes() for path in house.folder.rglob("*.jsonl")}
    assert "would be removed" in replay("--dry-run")
    assert {path: path.read_bytes() for path in before} == before
    said = replay("tickets", "customers", "training-set")
    assert "0 removed, 0 redacted" not in said.splitlines()[1]
    assert house.person.email not in said
    again = (house.folder / "raw/tickets.jsonl").read_bytes().splitlines()
    assert len(again) == len(rows)
    unsaid = [row for row in rows if b"[erased]" not in row]
    assert [row for row in again if b"[erased]" not in row] == unsaid
    assert namesake(small=True).customer_id in {json.loads(row)["customer_id"] for row in again}
    assert "NOT DONE" not in replay(*RESTORED)
    assert left_in(house) == {}


def test_what_was_kept_by_an_exemption_is_not_touched(erased: tuple[House, Path]) -> None:
    house, backup = erased
    erasure_book.path().unlink()
    Step.objects.filter(artifact__slug="tickets").exclude(action="exclude_from_training").delete()
    restore(house, backup)
    kept = (house.folder / "raw/tickets.jsonl").read_bytes()
    assert "tickets: 0 cases" in replay("tickets")
    assert (house.folder / "raw/tickets.jsonl").read_bytes() == kept


def test_a_restored_database_learns_again_what_it_had_erased_and_forgotten(erased: tuple[House, Path]) -> None:
    house, _ = erased
    case = house.case
    wrapped = bytes(CaseKey.objects.get(request=case).wrapped or b"")
    assert wrapped
    oblivion.forget_again(case, by="test")
    known = Exclusion.objects.count()
    assert known
    # The restored copy is older than the exclusions and than the case's end.
    Exclusion.objects.all().delete()
    Step.objects.filter(plan__request=case).update(status="pending", receipt=None, finished_at=None)
    CaseKey.objects.filter(request=case).update(wrapped=wrapped, destroyed_at=None)
    assert vault.case_key(case)
    book = erasure_book.read(erasure_book.path())
    done = own_database(book)
    assert (done.exclusions, done.forgotten) == (known, 1)
    assert Exclusion.objects.count() == known
    with pytest.raises(NotFoundHere):
        vault.case_key(house.case)
    assert (case.reference, "tickets") in book.treated
    again = own_database(book)
    assert (again.exclusions, again.forgotten) == (0, 0)


def test_the_book_survives_a_kill_and_says_nothing_of_anybody(erased: tuple[House, Path]) -> None:
    house, _ = erased
    file = erasure_book.path()
    whole = file.read_bytes()
    assert not any(pattern in whole for pattern in patterns(house))
    assert erasure_book.keep() == 0
    file.write_bytes(whole[:-20])  # killed while it wrote the last line
    assert erasure_book.read(file).exclusions
    assert erasure_book.keep() == 1
    assert sorted(file.read_bytes().splitlines()) == sorted(whole.splitlines())
    file.write_bytes(b"{}\n" + whole)
    with pytest.raises(DamagedArtifact, match="line 1"):
        erasure_book.read(file)


def test_a_database_restored_from_before_the_case_learns_the_erasure_from_the_book(
    records: House, tmp_path: Path
) -> None:
    erasure_book.path().unlink(missing_ok=True)
    backup = tmp_path / "backup"
    shutil.copytree(records.folder, backup)
    records.register()
    old = tmp_path / "old.sqlite3"
    dump(old)
    whole_case(records)
    reference = records.case.reference
    take_back(old)
    restore(records, backup)
    assert not ErasureRequest.objects.exists()
    assert not Exclusion.objects.exists()
    assert left_in(records) != {}
    said = replay()
    assert "0 removed, 0 redacted" not in said.splitlines()[1]
    assert left_in(records) == {}
    assert Exclusion.objects.filter(case=reference).exists()
    tickets = (records.folder / "raw/tickets.jsonl").read_bytes().splitlines()
    assert namesake(small=True).customer_id in {json.loads(row)["customer_id"] for row in tickets}
    assert replay().count(" 0 removed, 0 redacted") == len(RESTORED)
    found = audit.verify_all()
    gap = [problem for problem in found.problems if "log-head.txt" in problem]
    assert list(found.problems) == gap, "lines, heads and signatures of the restored log itself hold"
    assert gap, "that events since the dump are gone is said"


def test_a_model_made_from_what_was_erased_is_refused_with_the_reason(
    erased: tuple[House, Path], tmp_path: Path
) -> None:
    house, backup = erased
    training, entity = Artifact.objects.get(slug="training-set"), Artifact.objects.get(slug="training-set").entity
    model = Artifact.objects.create(
        slug="new-model", name="New model", entity=entity, kind="model", connector="model", location=str(tmp_path),
        purpose="support", lawful_basis="contract", retention="a year",
    )  # fmt: skip
    Derivation.objects.create(parent=training, child=model)
    exclusion.require_clean(model)
    call_command("exclusions", entity.slug, "--check", "new-model", stdout=StringIO())
    restore(house, backup)
    with pytest.raises(exclusion.InputsRefused, match=r"training-set: \d+ of \d+ rows hold") as refused:
        exclusion.require_clean(model)
    assert house.person.email not in str(refused.value)
    with pytest.raises(CommandError, match="new-model"):
        call_command("exclusions", entity.slug, "--check", "new-model", stdout=StringIO())


def test_the_exported_list_cleans_a_training_file_elsewhere(erased: tuple[House, Path], tmp_path: Path) -> None:
    house, backup = erased
    call_command("exclusions", "aurora-gmbh", str(tmp_path / "out"), stdout=StringIO())
    assert (tmp_path / "out/exclusions.key").stat().st_mode & 0o077 == 0
    words = ["--list", str(tmp_path / "out/exclusions.json"), "--key-file", str(tmp_path / "out/exclusions.key")]
    assert main(["exclude", str(backup / "raw/tickets.jsonl"), *words, "--out", str(tmp_path / "clean.jsonl")]) == 0
    assert scan_tree(tmp_path, patterns(house)).get("clean.jsonl") is None
    assert main(["exclude", str(backup / "raw/tickets.jsonl"), *words]) == 1


def test_a_withdrawn_case_excludes_nothing(erased: tuple[House, Path]) -> None:
    house, _ = erased
    entity = house.case.entity
    assert exclusion.gate_of(entity).size
    type(house.case).objects.filter(pk=house.case.pk).update(state=State.WITHDRAWN)
    assert not exclusion.gate_of(entity).size
