"""What a replay leaves to a person, and what officers take back: near copies, weights, lifts, erasures undone."""

from __future__ import annotations

import json
import shutil
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from safetensors.numpy import save_file

from compliance.audit.models import Event
from compliance.mitigation.models import Step
from compliance.provenance import exclusion, lifting
from compliance.provenance.models import Artifact, Lift
from compliance.provenance.places import connector_of, place_of
from compliance.rules.errors import IllegalMove, InvalidInput, NotAllowed
from compliance.worker import erasure_book
from tests.worker.erased import RESTORED, erased, replay, restore
from tests.worker.small_company import House

__all__ = ["erased"]


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
