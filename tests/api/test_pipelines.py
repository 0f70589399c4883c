"""What training pipelines, serving stacks and auditors read."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from compliance.audit import checkpoint, merkle, verifier
from compliance.audit import services as audit
from compliance.mitigation.models import Suppression
from compliance.provenance import lifting
from compliance.provenance import search as searching
from compliance.provenance.models import Exclusion
from compliance.rules.terms import Role
from tests.api.building import Company, World, client, send, verified, world


@pytest.fixture
def here(aurora: Company, evidence: Path) -> World:
    return world(aurora, evidence)


def test_a_check_answers_in_the_order_of_the_question(here: World) -> None:
    record = hashlib.sha256(b"a row of the training set").hexdigest()
    Exclusion.objects.create(
        key=searching.keyed("content", record), kind="content", case=here.case.reference, artifact="aurora-training"
    )
    ezra = client(here.company.staff[Role.ENGINEER])
    listed = [line["key"] for line in ezra.get("/api/v1/exclusions/").json()["results"]]
    asked = {
        "identifiers": ["email:somebody.else@example.org", "email: AURORA@Example.ORG "],
        "keys": [*listed, "0" * 64],
        "contents": [record, "1" * 64],
    }
    answer = send(ezra, "exclusions/check/", asked).json()
    assert answer == {"identifiers": [False, True], "keys": [True, True, False], "contents": [True, False]}


def test_a_check_knows_nothing_of_another_company(here: World, boreal: Company) -> None:
    asked = {"identifiers": ["email:aurora@example.org"]}
    answer = send(client(boreal.staff[Role.ENGINEER]), "exclusions/check/", asked)
    assert answer.json()["identifiers"] == [False]


def test_a_lifted_identifier_is_neither_listed_nor_held_any_more(here: World) -> None:
    ezra = client(here.company.staff[Role.ENGINEER])
    asked = {"identifiers": ["email:aurora@example.org"]}
    assert send(ezra, "exclusions/check/", asked).json()["identifiers"] == [True]
    for held in list(Exclusion.objects.filter(case=here.case.reference, kind="identifier")):
        Exclusion.objects.create(key=held.key, kind=held.kind, case="OUB-BOREAL-1", own_key=held.own_key)
    done = lifting.lift(here.case, by=here.company.staff[Role.OFFICER], reason="The person has ordered again.")
    assert done.identifiers and done.held_by == (), "another company's case is not named"
    assert send(ezra, "exclusions/check/", asked).json()["identifiers"] == [False]
    assert "identifier" not in {line["kind"] for line in ezra.get("/api/v1/exclusions/").json()["results"]}


def test_an_exclusion_does_not_say_whose_case_it_stems_from(here: World) -> None:
    text = client(here.company.staff[Role.ENGINEER]).get("/api/v1/exclusions/").content.decode()
    assert here.case.reference not in text


def test_suppressions_are_sent_again_only_when_they_change(here: World) -> None:
    ezra = client(here.company.staff[Role.ENGINEER])
    first = ezra.get("/api/v1/suppressions/")
    assert first.json()["suppressions"][0]["artifact"] == "aurora-tickets"
    same = ezra.get("/api/v1/suppressions/", headers={"If-None-Match": first["ETag"]})
    assert same.status_code == 304 and same.content == b""
    Suppression.objects.update(entries=["0" * 64])
    changed = ezra.get("/api/v1/suppressions/", headers={"If-None-Match": first["ETag"]})
    assert changed.status_code == 200 and changed["ETag"] != first["ETag"]


def test_a_proof_convinces_somebody_who_has_the_head_alone(here: World) -> None:
    amir = client(here.company.staff[Role.AUDITOR])
    head = amir.get("/api/v1/log/head/").json()
    proof = amir.get(f"/api/v1/log/events/{here.event}/proof/").json()
    leaf = merkle.leaf_hash(verifier.leaf_data(proof["event"]))
    path = [bytes.fromhex(node) for node in proof["path"]]
    root = merkle.root_from_inclusion(leaf, index=proof["index"], size=proof["size"], path=path)
    assert root.hex() == head["root_hash"]
    assert checkpoint.read(head["note"], key=audit.public_key()).root == root


def test_an_event_without_its_place_in_the_log_is_worth_another_try(here: World) -> None:
    from compliance.audit.models import Event

    case = verified(here.company, email="bela@example.org")
    waiting = Event.objects.of_case(case.reference).first()
    assert waiting is not None
    answer = client(here.company.staff[Role.AUDITOR]).get(f"/api/v1/log/events/{waiting.uid}/proof/")
    assert answer.status_code == 503 and int(answer["Retry-After"]) > 0


def test_an_artifacts_address_stays_inside(here: World) -> None:
    text = client(here.company.staff[Role.ENGINEER]).get("/api/v1/artifacts/").content.decode()
    assert "aurora-training" in text and "/secret/place" not in text


def test_the_door_loads_no_model_library() -> None:
    """A request must answer at once: what takes seconds to import stays with the worker."""
    code = (
        "import sys, django; django.setup(); import compliance.api.urls; "
        "print([m for m in ('torch', 'transformers', 'faiss', 'weasyprint') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
