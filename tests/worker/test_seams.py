"""Where the floors meet: what a search, a store or a decision could not give is said, and nothing is made of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import yaml
from django.utils import timezone

from compliance.accounts.models import LegalEntity
from compliance.intake import services
from compliance.intake.models import Decision
from compliance.intake.reasons import Reasons
from compliance.jobs import processes
from compliance.jobs.failures import in_words
from compliance.jobs.progress import Later, Unattended
from compliance.mitigation import assessing
from compliance.mitigation import services as mitigation
from compliance.mitigation.models import Plan
from compliance.provenance import services as provenance
from compliance.provenance.models import Trace
from compliance.rules.asking import Wish
from compliance.rules.errors import DamagedArtifact, InvalidInput, ModelUnreadable, NoSpace, ProofFailed
from compliance.rules.terms import ClaimLevel, EntityRole, Exemption, State
from compliance.validation import claiming
from compliance.worker import schedule, tasks
from tests.worker.small_company import House, code_of
from tests.worker.test_truthful import finish, letter, report, verifies
from unlearning import errors

REASON = "The person asked for it by telephone."


def add(house: House, **artifact: Any) -> None:
    """One more artifact in ``systems.yaml``."""
    content = yaml.safe_load(house.systems.read_text("utf-8"))
    usual = {"entity": "aurora-gmbh", "purpose": "Test", "lawful_basis": "contract", "retention": "1 year"}
    content["artifacts"].append({**usual, **artifact})
    for each in content["artifacts"]:
        each.pop("recipients", None)  # nobody left to tell keeps no case open
    house.systems.write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")


def claim_of(house: House, slug: str) -> Any:
    plan = Plan.objects.filter(request=house.case).order_by("-number")[0]
    return next(claim for artifact, claim in claiming.claims_of(house.case, plan) if artifact.slug == slug)


def swept(house: House, days: int) -> Any:
    """What the follow-up says so many days later."""
    later = timezone.now().date() + timedelta(days=days)
    return schedule.follow_up(house.case, Unattended(), today=later)


def hold(house: House, **_: Any) -> Decision:
    day = timezone.now().date() + timedelta(days=300)
    reasons = Reasons(
        exemption=Exemption.LEGAL_CLAIMS, reason="A suit is pending.", artifact="customers", review_on=day
    )
    return assessing.hold(house.case, by=house.users["olga.demo"], reasons=reasons)


def restrict(house: House) -> Decision:
    reasons = Reasons(reason=REASON, artifact="customers")
    return assessing.restrict(house.case, by=house.users["olga.demo"], reasons=reasons)


def another_decides(house: House) -> Decision:
    reasons = Reasons(reason="Held under contract 7.", artifact="customers", role=EntityRole.PROCESSOR)
    return assessing.set_role(house.case, by=house.users["olga.demo"], reasons=reasons)


@pytest.mark.parametrize("decide", [hold, restrict, another_decides])
def test_what_a_decision_leaves_in_place_is_not_found_again_by_the_sweep(
    records: House, decide: Callable[[House], Decision]
) -> None:
    records.planned()
    decide(records)
    finish(records)
    assert swept(records, 8) is not State.ACCEPTED


def test_a_part_that_could_not_be_read_is_said_and_keeps_the_case_open(records: House) -> None:
    folder = records.folder / "archive"
    folder.mkdir()
    (folder / "good.jsonl").write_text('{"id": "1", "text": "nobody"}\n', "utf-8")
    (folder / "bad.jsonl.gz").write_bytes(b"\x1f\x8b\x08\x00cut short")
    add(records, id="archive", name="Archive", kind="log", connector="files", location="archive")
    records.planned()
    assert len(provenance.not_read(records.case)) == 1
    finish(records)
    claim = claim_of(records, "archive")
    assert (claim.level, claim.sentence_key) == (ClaimLevel.NOT_SHOWN, "unread")
    assert "We could not read everything in Archive" in letter(records.case)
    assert "Cannot be shown" in report(records) and "Of 1 registered place not everything could be read" in report(
        records
    )
    assert verifies(records)
    assert isinstance(swept(records, 91), Later), "a case with an unread part is not closed"
    (folder / "bad.jsonl.gz").unlink()
    assert swept(records, 121) is State.CLOSED
    assert "We could not read" not in letter(records.case)


@pytest.mark.parametrize("wish", [Wish.NO_TRAINING, Wish.NOT_SAID])
def test_who_did_not_ask_for_erasure_loses_nothing(records: House, wish: Wish) -> None:
    records.register()
    form = services.Submission(
        entity=LegalEntity.objects.get(slug="aurora-gmbh"), email=records.person.email, wishes=[wish]
    )
    receipt = services.submit(form)
    tasks.post_letters()
    records._case = services.confirm(receipt.reference, code_of(receipt.reference))
    with pytest.raises(InvalidInput, match="did not ask for erasure"):
        records.accept()
    everywhere = Reasons(reason="The person wants it kept and not used.")
    assessing.restrict(records.case, by=records.users["olga.demo"], reasons=everywhere)
    records.accept()
    records.work()
    planned = {step.action for step in records.steps()}
    assert planned == {"exclude_from_training", "keep"}
    before = (records.folder / "raw/tickets.jsonl").read_bytes()
    for row in list(Trace.objects.current(records.case).waiting()):
        mitigation.answer_candidate(row, by=records.users["olga.demo"], accept=False)
    finish(records)
    assert (records.folder / "raw/tickets.jsonl").read_bytes() == before
    assert "We erased" not in letter(records.case)


def test_an_index_in_another_store_is_erased_and_read_whole_afterwards(records: House) -> None:
    from qdrant_client import QdrantClient, models

    path = records.folder / "qdrant"
    client = QdrantClient(path=str(path))
    shape = models.VectorParams(size=2, distance=models.Distance.DOT)
    client.create_collection("help", vectors_config=shape)
    texts = [f"Write to {records.person.email} about it.", "Opening hours are nine to five."]
    payloads = [
        {"id": str(n), "sender": records.person.email if n == 0 else "desk", "text": t} for n, t in enumerate(texts)
    ]
    client.upsert("help", [models.PointStruct(id=n, payload=p, vector=[1.0, n]) for n, p in enumerate(payloads)])
    client.close()
    add(
        records, id="help", name="Help index", kind="index", connector="qdrant", location="qdrant",
        key_field="id", subject_fields=["sender"], text_fields=["text"], options={"collection": "help"},
    )  # fmt: skip
    records.planned()
    assert [step.action for step in records.steps(artifact__slug="help")] == ["rebuild_index", "destroy_undo"]
    finish(records)
    assert claim_of(records, "help").level is ClaimLevel.ERASED
    hits = Plan.objects.filter(request=records.case)[0].measurements.get(artifact__slug="help", name="retrieval_hits")
    assert (hits.value, hits.verdict) == (0.0, "passed") and "by its" not in hits.detail["how"]
    again = QdrantClient(path=str(path))
    assert [point.payload["id"] for point in again.scroll("help")[0] if point.payload] == ["1"]
    again.close()


def test_every_error_of_the_model_library_is_said_as_what_it_is() -> None:
    said = {name: type(processes._error("unlearning", 1, {"error": name, "message": "x"})) for name in _names()}
    unreadable = {kind.__name__ for kind in _tree(errors.ModelError)}
    assert {name for name, kind in said.items() if issubclass(kind, ModelUnreadable)} == unreadable
    assert issubclass(said["Refused"], ProofFailed) and issubclass(said["Diverged"], ProofFailed)
    assert said["NotWritten"] is NoSpace and said["Waiting"].retryable
    refused = processes._error("unlearning", 1, {"error": "Refused", "message": "unlearning m: 3 of 9 answers left"})
    assert "3 of 9" in refused.cause and "back to its plan" in refused.next_action and not refused.retryable
    assert set(processes._BY_NAME) - said.keys() == {"DimensionMismatch", "IndexUnreadable"}, "names nobody raises"


def test_a_damaged_ledger_is_named_and_not_called_unexpected() -> None:
    known = in_words(errors.LedgerError("reading ledger: the key is cut short; restore it or retrain"))
    assert isinstance(known, DamagedArtifact) and "cut short" in known.cause


def _names() -> list[str]:
    return [kind.__name__ for kind in _tree(errors.UnlearningError)]


def _tree(kind: type[Exception]) -> list[type[Exception]]:
    return [kind, *(leaf for child in kind.__subclasses__() for leaf in _tree(child))]
