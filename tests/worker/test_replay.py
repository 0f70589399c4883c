"""What was erased stays gone after a restore: of a source, and of our own database."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from safetensors.numpy import save_file

from compliance.audit import services as audit
from compliance.audit.models import Event
from compliance.intake import vault
from compliance.intake.models import CaseKey, ErasureRequest
from compliance.mitigation.models import Step
from compliance.provenance import exclusion, lifting
from compliance.provenance.models import Artifact, Derivation, Exclusion, Lift
from compliance.provenance.places import connector_of, place_of
from compliance.rules.errors import DamagedArtifact, IllegalMove, InvalidInput, NotAllowed, NotFoundHere
from compliance.rules.terms import State
from compliance.worker import erasure_book, oblivion
from compliance.worker.replaying import own_database
from compliance.worker.sample.people import namesake
from retrieval.__main__ import main
from retrieval.scan import scan_tree
from retrieval.text import byte_patterns
from tests.worker.small_company import House
from tests.worker.test_whole_case import whole_case

RESTORED = ("tickets", "customers", "training-set", "conversations", "answers", "evaluation")


def replay(*words: str) -> str:
    """What the command says when nothing is left to a person; CommandError otherwise."""
    said = StringIO()
    call_command("replay", *words, stdout=said)
    return said.getvalue()


def patterns(house: House) -> list[bytes]:
    values = (("email", house.person.email), ("phone", house.person.phone), ("customer_id", house.person.customer_id))
    return [pattern for kind, value in values for pattern in byte_patterns(kind, value, "DE")]


def stores(house: House) -> list[Path]:
    return [path for path in house.folder.iterdir() if path.name not in ("index", "model", "systems.yaml")]


def left_in(house: House) -> dict[str, int]:
    return {n: c for path in stores(house) if path.is_dir() for n, c in scan_tree(path, patterns(house)).items()}


def restore(house: House, backup: Path) -> None:
    """Every store as it was before the case."""
    for path in stores(house):
        if path.is_dir():
            shutil.rmtree(path)
            shutil.copytree(backup / path.name, path)


_after: dict[str, Any] = {}  # the company, the installation and the database after the case, made once


def dump(target: Path) -> None:
    """The whole database, as its own backup interface copies it."""
    connection.ensure_connection()
    with closing(sqlite3.connect(target)) as copy:
        connection.connection.backup(copy)


def take_back(source: Path) -> None:
    """The whole database as it was dumped."""
    with closing(sqlite3.connect(source)) as copy:
        copy.backup(connection.connection)


def erase_once(house: House, installation: Path, kept: Path) -> None:
    erasure_book.path().unlink(missing_ok=True)
    shutil.copytree(house.folder, kept / "backup")
    whole_case(house)
    shutil.copytree(house.folder, kept / "company")
    shutil.copytree(installation, kept / "var")
    dump(kept / "dump.sqlite3")
    _after.update(kept=kept, folder=str(house.folder), house=house)


@pytest.fixture
def erased(
    records: House, installation: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[House, Path]:
    """A company that has erased its person, and a backup from before."""
    if not _after:
        erase_once(records, installation, tmp_path_factory.mktemp("erased"))
    kept, backup = _after["kept"], tmp_path / "backup"
    for source, target in (("company", records.folder), ("var", installation), ("backup", backup)):
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(kept / source, target)
    take_back(kept / "dump.sqlite3")
    for artifact in Artifact.objects.all():
        artifact.location = artifact.location.replace(_after["folder"], str(records.folder))
        artifact.save(update_fields=["location"])
    return replace(_after["house"], folder=records.folder), backup


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


def test_where_nothing_was_restored_there_is_nothing_to_do_and_nobody_is_called(erased: tuple[House, Path]) -> None:
    said = replay()
    assert len(said.splitlines()) == 1 + len(RESTORED)
    assert said.count(" 0 removed, 0 redacted") == len(RESTORED)
    assert "near" not in said


def test_a_near_copy_that_says_nobodys_name_calls_an_officer_until_somebody_has_looked(
    erased: tuple[House, Path],
) -> None:
    house, backup = erased
    rows = [json.loads(line) for line in (backup / "raw/tickets.jsonl").read_text().splitlines()]
    gate, target = exclusion.gate_of(house.case.entity), house.folder / "raw/tickets.jsonl"
    copies = [row["body"].rsplit(" ", 1)[0] for row in rows if row["customer_id"] == house.person.customer_id]
    copied = next(text for text in copies if (why := gate.reason({"body": text})) and why.kind == "near")
    nameless = {**rows[0], "id": "T-0", "customer_id": "", "sender": "", "sender_email": "", "body": copied}
    named = {**nameless, "id": "T-N", "customer_id": "AU-000007", "sender": "B", "sender_email": "b@post.example"}
    with target.open("a") as out:
        out.write(json.dumps(named) + "\n" + json.dumps(nameless) + "\n")
    said = StringIO()
    with pytest.raises(CommandError, match="1 artifacts need a person"):
        call_command("replay", "tickets", stdout=said)
    assert "1 near copies: an officer has to look (tickets.jsonl, line " in said.getvalue()
    replay("tickets", "--looked")
    assert "near" not in replay("tickets")


def test_weights_from_before_the_erasure_need_a_person_and_those_from_after_it_do_not(
    erased: tuple[House, Path], tmp_path: Path
) -> None:
    house, _ = erased
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    entity = house.case.entity
    model = Artifact.objects.create(
        slug="answering", name="Answering", entity=entity, kind="model", connector="model", location=str(folder),
        purpose="support", lawful_basis="contract", retention="a year",
    )  # fmt: skip
    digests = {}
    for name in ("before", "after"):
        save_file({"weight": np.full(4, len(name), np.float32)}, folder / "model.safetensors")
        digests[name] = connector_of(model).describe(place_of(model)).digest
        shutil.copy(folder / "model.safetensors", tmp_path / f"{name}.safetensors")
    Step.objects.create(
        plan=house.case.plans.latest("number"), artifact=model, action="promote_model", horizon="short_term", order=99,
        reason="test", planned={}, status="done", receipt={"serving": digests["after"]}, finished_at=timezone.now(),
    )  # fmt: skip
    erasure_book.keep()
    assert "answering: 0 cases" in replay("answering")
    shutil.copy(tmp_path / "before.safetensors", folder / "model.safetensors")
    Step.objects.filter(artifact=model).delete()  # our own database was restored as well: only the book knows
    with pytest.raises(CommandError, match="1 artifacts need a person"):
        call_command("replay", "answering", stdout=StringIO())


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


def test_somebody_who_comes_back_may_be_a_customer_again_and_nothing_old_returns(erased: tuple[House, Path]) -> None:
    house, backup = erased
    case, olga = house.case, house.users["olga.demo"]
    fresh = {"id": "T-NEW", "customer_id": "", "sender_email": house.person.email, "body": "I would like to order."}
    gate = exclusion.gate_of(case.entity)
    assert not gate.keeps(fresh)
    with pytest.raises(InvalidInput, match="the reason is missing"):
        lifting.lift(case, by=olga, reason=" ")
    with pytest.raises(NotAllowed):
        lifting.lift(case, by=house.users["amir.demo"], reason="The person has ordered again.")
    call_command(
        "lift", case.reference, "--by", "olga.demo", "--reason", f"Ordered again as {house.person.email}",
        stdout=StringIO(),
    )  # fmt: skip
    assert house.person.email not in Lift.objects.get().reason
    gate = exclusion.gate_of(case.entity)
    assert gate.keeps(fresh)
    old = next(
        row for row in (backup / "raw/tickets.jsonl").read_bytes().splitlines() if house.person.email.encode() in row
    )
    assert not gate.keeps(json.loads(old)) or gate.erased_bytes(old)
    target = house.folder / "raw/tickets.jsonl"
    target.write_bytes(target.read_bytes() + json.dumps(fresh).encode() + b"\n" + old + b"\n")
    assert "1 removed" in replay("tickets")
    assert b"T-NEW" in target.read_bytes()
    assert old not in target.read_bytes()
    Lift.objects.all().delete()  # a database restored from before the decision
    assert "1 lifts added" in replay("tickets").splitlines()[0]
    assert b"T-NEW" in target.read_bytes()
    with pytest.raises(IllegalMove):
        lifting.lift(case, by=olga, reason="The person has ordered again.")
    assert Event.objects.filter(kind="exclusion.lifted", case=case.reference, actor="olga.demo").count() == 1


def test_where_an_erasure_was_undone_a_replay_changes_nothing(erased: tuple[House, Path]) -> None:
    house, backup = erased
    restore(house, backup)
    kept = (house.folder / "raw/tickets.jsonl").read_bytes()
    reason = ("--reason", "The wrong person's tickets were erased.")
    call_command("lift", house.case.reference, "--by", "olga.demo", *reason, "--undone", "tickets", stdout=StringIO())
    assert "tickets: 0 cases" in replay("tickets")
    assert (house.folder / "raw/tickets.jsonl").read_bytes() == kept
    book = erasure_book.read(erasure_book.path())
    assert (house.case.reference, "tickets") in book.undone
    Lift.objects.all().delete()  # a restored database: the book alone knows
    assert "tickets: 0 cases" in replay("tickets")
    assert "0 removed" not in replay("customers").splitlines()[1]


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
