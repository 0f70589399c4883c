"""The product says what it did and no more: kept, forwarded, found nowhere, refused, found again, looked at again."""

from __future__ import annotations

import json
import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core import mail
from django.db import transaction
from django.utils import timezone

from compliance.accounts.models import LegalEntity
from compliance.evidence import facts, gathering
from compliance.evidence import services as evidence
from compliance.evidence.letters import render_letter
from compliance.evidence.report import render_report
from compliance.intake import decisions, services
from compliance.intake.models import ErasureRequest
from compliance.jobs.progress import Unattended
from compliance.mitigation import actions, carried, weights
from compliance.mitigation import services as mitigation
from compliance.mitigation.gate import require_useful
from compliance.mitigation.models import Leftover
from compliance.mitigation.tasks import Task
from compliance.provenance import services as provenance
from compliance.provenance.models import Artifact
from compliance.rules.errors import ProofFailed
from compliance.rules.terms import Exemption, Ground, Letter, State, StepStatus
from compliance.worker import schedule, tasks
from compliance.worker.demo import verify
from tests.worker.small_company import RECORDS_ONLY, House, code_of
from tests.worker.test_whole_case import whole_case

LINKS = {"status": "http://localhost/status/"}


def letter(case: ErasureRequest, kind: Letter = Letter.OUTCOME) -> str:
    """The text of a letter as the case stands now."""
    said = facts.letter_facts(case, kind, links=LINKS, only_here={})
    return render_letter(kind, case.language, said).text


def keep(house: House, artifact: str, *, review_on: date | None = None) -> None:
    reasons = decisions.Reasons(
        exemption=Exemption.LEGAL_CLAIMS, reason="A dispute is open.", artifact=artifact, review_on=review_on
    )
    mitigation.keep(house.case, by=house.users["olga.demo"], reasons=reasons)


def finish(house: House) -> None:
    """From the plan to the signed answer."""
    house.approve()
    house.work()
    assert house.state() is State.VALIDATED, house.stopped()
    house.sign_off()
    house.work()


def report(house: House) -> str:
    return render_report(gathering.gather(house.case, mitigation.current_plan(house.case)))


def verifies(house: House) -> bool:
    row = evidence.latest(house.case)
    assert row is not None
    return verify(row)[0]


def test_a_kept_place_is_explained_in_the_letter_and_does_not_reopen_the_case(records: House) -> None:
    records.planned()
    keep(records, "customers", review_on=date(2027, 5, 1))
    finish(records)
    text = letter(records.case)
    assert "A dispute is open. We look at this again on 1 May 2027." in text
    assert "We keep your data in Customer table" in text
    assert "Kept because of an exemption" in report(records)
    later = timezone.now().date() + timedelta(days=8)
    assert schedule.follow_up(records.case, Unattended(), today=later) is not State.ACCEPTED
    assert verifies(records)


def test_a_row_that_comes_back_reopens_the_case(records: House) -> None:
    whole_case(records)
    path = records.folder / "raw/tickets.jsonl"
    lines = path.read_text("utf-8").splitlines()
    row = {**json.loads(lines[0]), "id": "T-planted", "body": f"Write to {records.person.email}, please."}
    path.write_text("\n".join([*lines, json.dumps(row, ensure_ascii=False)]) + "\n", "utf-8")
    later = timezone.now().date() + timedelta(days=8)
    assert schedule.follow_up(records.case, Unattended(), today=later) is State.ACCEPTED


def test_a_case_with_nobody_left_to_tell_closes_after_the_last_sweep(records: House) -> None:
    _change(records, lambda artifact: artifact.pop("recipients", None))
    whole_case(records)
    far = timezone.now().date() + timedelta(days=91)
    assert schedule.follow_up(records.case, Unattended(), today=far) is State.CLOSED
    assert "until" not in letter(records.case).lower().split("what remains")[-1][:20]


def test_a_processor_passes_the_request_on_and_says_who_decides(records: House) -> None:
    def forward(artifact: dict[str, Any]) -> None:
        if artifact["id"] == "conversations":
            artifact.update(role="processor", recipients=["Controller <privacy@controller.example>"])

    _change(records, forward)
    whole_case(records)
    told = [m for m in mail.outbox if "privacy@controller.example" in m.to]
    assert len(told) == 1 and "you decide" in str(told[0].body) and "erase it too" not in str(told[0].body)
    assert "We passed your request on" in letter(records.case)
    later = timezone.now().date() + timedelta(days=8)
    assert schedule.follow_up(records.case, Unattended(), today=later) is not State.ACCEPTED
    assert verifies(records)


def test_recipients_nobody_has_told_are_not_called_none(records: House) -> None:
    whole_case(records)
    text = letter(records.case)
    assert "no record that we passed" not in text
    assert "We have not told them yet" in text
    states = {r.state for r in gathering.gather(records.case, mitigation.current_plan(records.case)).recipients}
    assert states == {"to be told by hand"}


def _change(house: House, edit: Any) -> None:
    content = yaml.safe_load(house.systems.read_text("utf-8"))
    for artifact in content["artifacts"]:
        edit(artifact)
    house.systems.write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")


def stranger(house: House, *, entity: str = "aurora-gmbh", language: str = "en") -> None:
    """A confirmed request of somebody whom no place holds."""
    house.register()
    form = services.Submission(
        entity=LegalEntity.objects.get(slug=entity), email="nobody@elsewhere.example", language=language
    )
    receipt = services.submit(form)
    tasks.post_letters()
    house._case = services.confirm(receipt.reference, code_of(receipt.reference))


def test_who_is_found_nowhere_is_told_so_and_nothing_else(records: House) -> None:
    stranger(records)
    records.accept()
    records.work()
    finish(records)
    text, page = letter(records.case), report(records)
    assert "found nothing to erase" in text
    assert "fingerprints" not in text and "We erased" not in text
    assert "Nothing was found" in page and "Cannot be shown" not in page.split("1. Request")[0].replace("\n", " ")
    assert verifies(records)


def test_a_refusal_says_that_nothing_was_searched_and_why(records: House) -> None:
    stranger(records, language="en")
    reasons = decisions.Reasons(
        exemption=Exemption.LEGAL_CLAIMS, reason="A dispute is open.", review_on=date(2030, 1, 2)
    )
    decisions.refuse(records.case, by=records.users["olga.demo"], reasons=reasons)
    records.work()
    assert records.state() is State.CLOSED
    text = letter(records.case, Letter.REFUSED)
    assert "A dispute is open." in text and "Art. 17(3)(e)" in text
    sealed = evidence.latest(records.case)
    assert sealed is not None
    first = " ".join(str(sealed.dossier["summary"]).split())
    assert "refused" in first
    assert verifies(records)


def test_portuguese_letters_name_their_articles_in_portuguese(records: House) -> None:
    stranger(records, entity="aurora-ltda", language="pt-br")
    olga = records.users["olga.demo"]
    decisions.accept(records.case, by=olga, reasons=decisions.Reasons(ground=Ground.LGPD_CONSENT, reason="teste"))
    text = letter(records.case, Letter.ACCEPTED)
    assert "dados tratados com consentimento, LGPD art. 18, VI" in text
    for english in ("Processed with", "consent:", "The legal"):
        assert english not in text


def test_a_step_that_found_less_than_planned_says_what_it_did(records: House) -> None:
    whole_case(records)
    step = next(s for s in records.steps(status=StepStatus.DONE) if s.action == "purge_log")
    step.receipt = {**(step.receipt or {}), "removed": 0, "redacted": 0}
    step.save(update_fields=["receipt"])
    line = next(line for line in letter(records.case).splitlines() if "removed or blanked" in line)
    assert line.endswith(": 0.")


def test_copies_of_an_earlier_round_still_go_on_their_day_and_are_named_until_then(records: House) -> None:
    whole_case(records)
    decisions.challenge(records.case, reason="I still see it.")
    records.work()
    finish(records)
    plan = mitigation.current_plan(records.case)
    assert plan is not None and plan.round == 2
    assert carried.plans_since_answer(plan) == [plan] and carried.treated_before(plan) == {}  # the first was answered
    assert "safety copy of what was removed from Support tickets" in letter(records.case)
    copies = list(Leftover.objects.filter(step__plan__round=1))
    assert copies and all(Path(copy.path).exists() for copy in copies)
    late = timezone.now().date() + timedelta(days=31)
    assert mitigation.open_due(records.case, late)
    schedule.follow_up(records.case, Unattended(), today=late)
    assert not any(Path(copy.path).exists() for copy in copies)
    assert not mitigation.open_due(records.case, late)
    assert "safety copy" not in letter(records.case)


def test_a_day_brought_forward_is_the_day_that_the_letter_names(records: House) -> None:
    whole_case(records)
    today = timezone.now().date()
    with transaction.atomic():
        assert mitigation.bring_forward(records.case, by="test", on=today)
    assert set(Leftover.objects.values_list("goes_on", flat=True)) == {today}


def test_a_model_that_learned_from_erased_rows_is_not_forgotten_when_looking_again(house: House) -> None:
    """Without a ledger nothing shows that the model never saw the person: erasing the rows does not change that."""
    house.keep_only([*RECORDS_ONLY, "tokenizer-text", "held-out", "assistant"])
    shutil.rmtree(house.folder / "model" / "ledger")
    house.planned()
    assert house.steps(action="unlearn_model")
    for step in house.steps(action__in=["erase_records", "redact_records", "purge_log", "purge_cache"]):
        actions.load(step.action).carry_out(Task(house.case, step, Unattended()))
    decisions.look_again(house.case, by=house.users["olga.demo"], reason="A proof failed.")
    house.work()
    assert house.state() is State.PLANNED, house.stopped()
    assert {step.artifact.slug for step in house.steps() if step.artifact} == {"assistant"}
    assert provenance.forget_set(house.case, Artifact.objects.get(slug="training-set"))


@pytest.mark.slow
def test_a_model_that_lost_other_peoples_answers_is_not_promoted(house: House) -> None:
    house.keep_only([*RECORDS_ONLY, "tokenizer-text", "held-out", "assistant"])
    house.planned()
    step = house.steps(action="promote_model")[0]
    task = Task(house.case, step, Unattended())
    serving, made = house.folder / "model", weights.fresh_folder(task)
    shutil.copytree(serving, made)
    assert require_useful(task, made)["answered"] == require_useful(task, made)["answered_before"]
    limits = step.plan.thresholds["assistant"]["utility_drop"]
    limits["limit"] = -0.01  # an approved plan may ask for a model that answers better: this copy does not
    with pytest.raises(ProofFailed, match="not promoted"):
        actions.load("promote_model").carry_out(made_by(task, made))
    assert serving.is_dir() and made.is_dir() and not weights.superseded_folder(task).exists()


def made_by(task: Task, folder: Path) -> Task:
    """The task, after the step before it has finished this folder."""
    now, receipt = timezone.now(), {"weights": weights.digest_of(task, folder)}
    task.step.plan.steps.filter(action="replay_model").update(status=StepStatus.DONE, receipt=receipt, finished_at=now)
    return task


@pytest.mark.parametrize("name", ["张伟 " * 60, "محمد " * 60])
def test_an_organisation_in_any_script_gets_its_report(records: House, name: str) -> None:
    stranger(records)
    LegalEntity.objects.filter(slug="aurora-gmbh").update(name=name[:200].strip())
    records.accept()
    records.work()
    finish(records)
    assert verifies(records)
