"""Finding a person: what counts, what only proposes, what an answer changes, and that strangers' rows are watched."""

from __future__ import annotations

import json
import random
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from compliance.accounts.models import LegalEntity, User
from compliance.evidence import gathering
from compliance.evidence.facts import declined
from compliance.intake import proofs, vault
from compliance.intake import services as intake
from compliance.intake.decisions import Reasons, accept
from compliance.intake.form import Clue
from compliance.intake.models import ErasureRequest
from compliance.jobs.progress import Unattended
from compliance.mitigation import services as mitigation
from compliance.provenance import registration
from compliance.provenance import services as provenance
from compliance.provenance.models import Artifact, SearchNote, Trace
from compliance.rules import asking
from compliance.rules.asking import Checked
from compliance.rules.errors import MissingPart, PlanChanged
from compliance.rules.terms import Ground, IdentifierKind, State, Support
from compliance.worker import staff
from tests.services import planted

ANA = "ana.lima@post.example"
STOCK = "Thank you for your patience, we have written to our partner about it."
OWN = "My grandmother's harp arrived without its seventh string, again."

SYSTEMS = """
entities:
  - id: firm
    name: Firm
    law: [gdpr]
    country: DE
    time_zone: Europe/Berlin
    contact: dpo@firm.example
    authority: BfDI
artifacts:
  - id: customers
    name: Customers
    kind: database
    connector: sql
    location: sqlite:///crm.sqlite
    entity: firm
    purpose: contract
    lawful_basis: contract
    retention: 2 years
    key_field: number
    subject_fields: [number, name, email, phone]
    options:
      table: customers
      identity: true
      identity_fields: {number: customer_id, name: name, email: email, phone: phone}
  - id: letters
    name: Letters
    kind: dataset
    connector: files
    location: letters.jsonl
    entity: firm
    purpose: service
    lawful_basis: contract
    retention: 2 years
    key_field: id
    subject_fields: [sender]
    text_fields: [body, reply]
"""

LETTERS = [
    {"id": "1", "sender": ANA, "body": OWN, "reply": STOCK},
    {"id": "2", "sender": "bo@post.example", "body": "Where is my order? It is late.", "reply": STOCK},
    {
        "id": "3",
        "sender": "cy@post.example",
        "body": "Please call 0151 234 5678, that is Ana's number.",
        "reply": STOCK,
    },
    {"id": "4", "sender": "di@post.example", "body": "Ana Lima told me about you, is she well?", "reply": STOCK},
    {"id": "5", "sender": "ed@post.example", "body": f"Somebody wrote: {OWN}", "reply": STOCK},
    {"id": "6", "sender": "fay@post.example", "body": "Nothing of interest stands here.", "reply": STOCK},
    {"id": "7", "sender": "gus@post.example", "body": "The harp is fine, thank you.", "reply": STOCK},
    {"id": "8", "sender": "hal@post.example", "body": "Do you sell strings?", "reply": STOCK},
]


@pytest.fixture
def firm(tmp_path: Path, transactional_db: None, settings: Any) -> dict[str, User]:
    """A company of two places; Ana is a customer with a phone number that the form does not know."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    with sqlite3.connect(tmp_path / "crm.sqlite") as crm:
        crm.execute("CREATE TABLE customers (number TEXT PRIMARY KEY, name TEXT, email TEXT, phone TEXT)")
        crm.execute("INSERT INTO customers VALUES ('C-48213', 'Ana Lima', ?, '+49 151 2345678')", [ANA])
        crm.execute("INSERT INTO customers VALUES ('C-77777', 'Bo Berg', 'bo@post.example', '+49 151 9999999')")
    (tmp_path / "letters.jsonl").write_text("".join(json.dumps(row) + "\n" for row in LETTERS))
    (tmp_path / "systems.yaml").write_text(SYSTEMS)
    registration.register(tmp_path / "systems.yaml", by="test")
    return staff.ensure_demo_staff()


def case_of(
    firm: dict[str, User],
    *,
    name: str = "Ana Lima",
    others: tuple[intake.Identifier, ...] = (),
    clues: tuple[Clue, ...] = (),
) -> ErasureRequest:
    """Ana's case, accepted; her address is proven, what else she typed is not."""
    form = intake.Submission(entity=LegalEntity.objects.get(), email=ANA, name=name, others=others, clues=clues)
    receipt = intake.submit(form)
    notice = receipt.request.notices.get(kind="acknowledged")
    code = vault.decrypt(vault.case_key(receipt.request), bytes(notice.sealed or b""))["code"]
    case = intake.confirm(receipt.reference, code)
    accept(case, by=firm["olga.demo"], reasons=Reasons(ground=Ground.CONSENT_WITHDRAWN))
    return again(case)


def again(case: ErasureRequest) -> ErasureRequest:
    return ErasureRequest.objects.select_related("entity").get(pk=case.pk)


def found(case: ErasureRequest) -> dict[str, tuple[bool, bool]]:
    """Letter -> (is hers, is only a candidate)."""
    provenance.trace(case, Unattended())
    opened = provenance.opened_traces(again(case))
    return {c["record"]: (row.owner, row.candidate) for row, c in opened if row.artifact.slug == "letters"}


def planned(case: ErasureRequest) -> ErasureRequest:
    """The case, traced and planned."""
    provenance.trace(case, Unattended())
    intake.move(case, to=State.TRACED, by="system")
    mitigation.draft(again(case), Unattended())
    intake.move(case, to=State.PLANNED, by="system")
    return again(case)


def waiting(case: ErasureRequest) -> list[Trace]:
    return list(Trace.objects.current(case).waiting().select_related("artifact", "request__entity"))


def test_the_customer_table_teaches_what_the_form_does_not_know(firm: dict[str, User]) -> None:
    assert found(case_of(firm))["3"] == (False, False), (
        "her phone number, in another spelling, in somebody else's letter"
    )


def test_a_stock_answer_says_nothing_about_anybody(firm: dict[str, User]) -> None:
    letters = found(case_of(firm))
    assert "2" not in letters and "6" not in letters


def test_her_own_words_in_somebody_elses_letter_propose_and_never_sweep(firm: dict[str, User]) -> None:
    assert found(case_of(firm))["5"] == (False, True), "who copied from whom is for the officer to see"


def test_a_bare_name_only_proposes(firm: dict[str, User]) -> None:
    assert found(case_of(firm))["4"] == (False, True)


def test_an_unproven_identifier_only_proposes(firm: dict[str, User]) -> None:
    bo = intake.Identifier(IdentifierKind.EMAIL, "bo@post.example")
    letters = found(case_of(firm, others=(bo,)))
    assert letters["2"] == (True, True), "his letter is a candidate, not hers to erase"
    customers = Trace.objects.filter(artifact__slug="customers", candidate=False)
    assert customers.count() == 1, "an unproven address teaches nothing"


def test_an_identifier_proven_after_the_search_counts_when_it_runs_again(firm: dict[str, User]) -> None:
    case = case_of(firm, others=(intake.Identifier(IdentifierKind.EMAIL, "bo@post.example"),))
    assert found(case)["2"] == (True, True)
    proofs.check(again(case), 1, by=firm["olga.demo"], checked=Checked.VIDEO)
    assert found(again(case))["2"] == (True, False)


def test_words_that_were_seen_only_propose(firm: dict[str, User]) -> None:
    letters = found(case_of(firm, clues=(Clue(asking.Clue.WORDS, STOCK),)))
    assert letters["1"] == (True, False), "her own letter counts by her address"
    strangers = {number: letters[number] for number in ("2", "6", "7", "8")}
    assert all(candidate for _, candidate in strangers.values()), "quoting a text sweeps nobody's record"


def test_a_plan_waits_for_the_officers_answers(firm: dict[str, User]) -> None:
    case = planned(case_of(firm))
    plan = mitigation.current_plan(case)
    assert plan and waiting(case)
    with pytest.raises(MissingPart):
        mitigation.approve(case, by=firm["olga.demo"], plan_digest=plan.digest)


def test_another_answer_is_another_plan(firm: dict[str, User]) -> None:
    case = planned(case_of(firm))
    before = mitigation.current_plan(case)
    first, second = waiting(case)
    mitigation.answer_candidates(case, {first.pk: True, second.pk: False}, by=firm["olga.demo"])
    after = mitigation.current_plan(case)
    assert before and after and before.digest != after.digest
    with pytest.raises(PlanChanged):
        mitigation.approve(case, by=firm["olga.demo"], plan_digest=before.digest)


def test_an_answer_is_remembered_when_the_search_runs_again(firm: dict[str, User]) -> None:
    case = planned(case_of(firm))
    mitigation.answer_candidates(case, {row.pk: False for row in waiting(case)}, by=firm["olga.demo"])
    provenance.trace(case, Unattended())
    assert not waiting(case)


def test_one_changed_byte_of_a_stranger_is_noticed(firm: dict[str, User], tmp_path: Path) -> None:
    case = planned(case_of(firm))
    letters = Artifact.objects.get(slug="letters")
    before, after = provenance.others_digest(case, letters)
    assert before == after
    path = tmp_path / "letters.jsonl"
    path.write_text(path.read_text().replace("Nothing of interest", "Nothing of Interest"))
    before, after = provenance.others_digest(case, letters)
    assert before.count == after.count and before.sum != after.sum


def test_a_dry_run_writes_no_row(firm: dict[str, User]) -> None:
    from compliance.mitigation.preview import preview
    from compliance.rules.identifiers import parse

    seen = preview(LegalEntity.objects.get(), [parse(f"email:{ANA}")])
    assert {place.name: place.own for place in seen.places} == {"Customers": 1, "Letters": 1}
    assert {step.action for step in seen.steps} >= {"erase_records", "redact_records"}
    assert not Trace.objects.exists() and not ErasureRequest.objects.exists()


def with_near_copies(folder: Path, strangers: int) -> None:
    """Ana's long letter, and nearly the same letter from some other senders."""
    text, chance = planted.text_of(0), random.Random(2)
    hers = {"id": "20", "sender": ANA, "body": text, "reply": STOCK}
    edited = [planted.edited(text, chance) for _ in range(strangers)]
    theirs = [{"id": f"near {n}", "sender": f"x{n}@post.example", "body": body} for n, body in enumerate(edited)]
    with (folder / "letters.jsonl").open("a") as letters:
        letters.writelines(json.dumps(row) + "\n" for row in [hers, *theirs])


def test_a_near_copy_only_proposes_and_a_declined_one_is_said(firm: dict[str, User], tmp_path: Path) -> None:
    with_near_copies(tmp_path, 2)
    case = planned(case_of(firm))
    near = Trace.objects.filter(request=case, support=Support.NEAR)
    assert [(row.candidate, row.ticked) for row in near] == [(True, None)] * 2
    mitigation.answer_candidates(case, {row.pk: False for row in waiting(case)}, by=firm["olga.demo"])
    said_in = {
        "en": "or nearly (3)",
        "de": "fast demselben",
        "pt-br": "ou quase (3)",
        "fr": "ou presque",
        "es": "o casi (3)",
    }
    for language, words in said_in.items():
        assert any(words in said for said in declined(case, language)), "two near copies, and one that quotes her"
    told = [rest.what for rest in gathering.gather(case, mitigation.current_plan(case)).residuals]
    assert sum("left them as they are" in what for what in told) == 2, "the file says both, with their numbers"
    assert len(declined(case, "en")) == 1, "the letter does not say where somebody of the same name stands"


def test_a_ticked_near_copy_counts_by_a_word_of_its_own(firm: dict[str, User], tmp_path: Path) -> None:
    with_near_copies(tmp_path, 1)
    case = planned(case_of(firm))
    answers = {row.pk: row.support == Support.NEAR for row in waiting(case)}
    mitigation.answer_candidates(case, answers, by=firm["olga.demo"])
    assert provenance.counts(case)["letters"][Support.NEAR] == 1
    steps = mitigation.current_plan(case).steps.filter(artifact__slug="letters")
    assert any("1 by nearly the same text, ticked by an officer" in step.reason for step in steps)


def test_a_form_letter_proposes_nobody_and_that_is_said(firm: dict[str, User], tmp_path: Path) -> None:
    with_near_copies(tmp_path, 21)
    case = planned(case_of(firm))
    assert not Trace.objects.filter(request=case, support=Support.NEAR).exists()
    note = SearchNote.objects.get(request=case, artifact__slug="letters").note
    assert note.startswith("21 records nearly say what a text of the person says")
