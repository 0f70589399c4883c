"""A case read and decided by machines, with the verbs' own rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from compliance.audit.models import Event
from compliance.evidence.models import Report
from compliance.intake import services
from compliance.intake.models import DecisionKind, ErasureRequest
from compliance.jobs.models import Job
from compliance.mitigation.models import Step
from compliance.rules.terms import JobStatus, Role, State, StepStatus, Work
from tests.api.building import ALICE, DIGEST, Company, World, client, planned, send, stopped, verified, world

REFUSAL = {"exemption": "17-3-b", "reason": "Invoices are kept for ten years.", "review_on": "2030-01-02"}


def state_of(case: ErasureRequest) -> str:
    return ErasureRequest.objects.get(pk=case.pk).state


def olga(at: Company) -> Any:
    return client(at.staff[Role.OFFICER])


def test_the_queue_is_by_deadline_and_can_be_narrowed(aurora: Company) -> None:
    second, first = verified(aurora), verified(aurora, email="bela@example.org")
    ErasureRequest.objects.filter(pk=first.pk).update(promised_on="2020-01-01")
    third = services.submit(services.Submission(entity=aurora.entity, email=ALICE)).request
    listed = olga(aurora).get("/api/v1/cases/").json()
    assert listed["count"] == 3
    assert listed["results"][0]["reference"] == first.reference
    hers = olga(aurora).get("/api/v1/cases/?turn=officer").json()["results"]
    assert {line["reference"] for line in hers} == {first.reference, second.reference}
    new = olga(aurora).get("/api/v1/cases/?state=RECEIVED").json()["results"]
    assert [line["reference"] for line in new] == [third.reference]
    assert olga(aurora).get("/api/v1/cases/?state=GONE").status_code == 400
    assert olga(aurora).get("/api/v1/cases/?page=99").status_code == 404
    assert olga(aurora).get("/api/v1/cases/?page=" + "9" * 5000).status_code == 404


def test_accepting_starts_the_trace(aurora: Company) -> None:
    case = verified(aurora)
    answer = send(olga(aurora), f"cases/{case.reference}/accept/", {"ground": "17-1-b"})
    assert answer.status_code == 200 and answer.json()["state"] == State.ACCEPTED
    assert Job.objects.of(case.pk).get().work == Work.TRACE
    again = send(olga(aurora), f"cases/{case.reference}/accept/", {"ground": "17-1-b"})
    assert again.status_code == 409
    assert case.decisions.count() == 1


def test_accepting_needs_a_ground_and_refusing_an_exemption_with_reasons(aurora: Company) -> None:
    case = verified(aurora)
    assert send(olga(aurora), f"cases/{case.reference}/accept/", {}).status_code == 400
    assert send(olga(aurora), f"cases/{case.reference}/refuse/", {"exemption": "17-3-b"}).status_code == 400
    assert send(olga(aurora), f"cases/{case.reference}/refuse/", {**REFUSAL, "reason": "  "}).status_code == 400
    assert state_of(case) == State.VERIFIED
    assert send(olga(aurora), f"cases/{case.reference}/refuse/", REFUSAL).json()["state"] == State.REFUSED


def test_keeping_names_an_artifact_of_the_company(aurora: Company, boreal: Company, evidence: Path) -> None:
    world(boreal, evidence)
    case = planned(aurora)
    keep = {**REFUSAL, "artifact": "boreal-tickets"}
    assert send(olga(aurora), f"cases/{case.reference}/keep/", keep).status_code == 422
    kept = send(olga(aurora), f"cases/{case.reference}/keep/", {**keep, "artifact": "aurora-tickets"})
    assert kept.status_code == 200
    assert case.decisions.get(kind=DecisionKind.KEEP).artifact == "aurora-tickets"


def test_a_deadline_is_extended_once(aurora: Company) -> None:
    case = verified(aurora)
    first = send(olga(aurora), f"cases/{case.reference}/extend/", {"reason": "Forty systems."})
    assert first.status_code == 200 and first.json()["promised_on"] > case.promised_on.isoformat()
    assert send(olga(aurora), f"cases/{case.reference}/extend/", {"reason": "More."}).status_code == 409


def test_a_plan_takes_two_people_and_its_own_digest(aurora: Company) -> None:
    case = planned(aurora)
    path, body = f"cases/{case.reference}/approve/", {"plan_digest": DIGEST}
    assert send(olga(aurora), path, {"plan_digest": "e" * 64}).json()["type"] == "/api/problems/plan-changed/"
    assert send(olga(aurora), path, body).status_code == 200
    assert send(olga(aurora), path, body).status_code == 403
    assert state_of(case) == State.PLANNED
    approved = send(client(aurora.staff[Role.APPROVER]), path, body)
    assert approved.json()["state"] == State.APPROVED


def test_one_person_with_both_roles_cannot_approve_alone(aurora: Company) -> None:
    from compliance.accounts import services as accounts

    both = aurora.staff[Role.OFFICER]
    accounts.grant(both, aurora.entity, Role.APPROVER)
    case = planned(aurora)
    path, body = f"cases/{case.reference}/approve/", {"plan_digest": DIGEST}
    assert send(client(both), path, body).status_code == 200
    second = send(client(both), path, body)
    assert second.status_code == 403 and second.json()["type"] == "/api/problems/second-person-needed/"
    assert state_of(case) == State.PLANNED


def test_looking_again_opens_a_new_round_without_a_plan(aurora: Company) -> None:
    case = planned(aurora)
    answer = send(olga(aurora), f"cases/{case.reference}/look-again/", {"reason": "A system was missing."})
    assert answer.json()["state"] == State.ACCEPTED and answer.json()["round"] == 2
    assert olga(aurora).get(f"/api/v1/cases/{case.reference}/").json()["plan"] is None


def test_signing_off_waits_for_the_proof(aurora: Company) -> None:
    case = planned(aurora)
    assert send(olga(aurora), f"cases/{case.reference}/sign-off/", {}).status_code == 409
    for state in (State.APPROVED, State.MITIGATED, State.VALIDATED):
        services.move(case, to=state, by="system")
    assert send(olga(aurora), f"cases/{case.reference}/sign-off/", {}).status_code == 409, "no evidence is written yet"
    Report.objects.create(
        request=case, number=1, dossier={}, pack=f"{case.reference}/1.zip", sha256="0" * 64, issued_at=timezone.now()
    )
    assert send(olga(aurora), f"cases/{case.reference}/sign-off/", {}).json()["state"] == State.ANSWERED


def test_a_case_shows_everything_but_the_person(aurora: Company, evidence: Path) -> None:
    here = world(aurora, evidence)
    text = olga(aurora).get(f"/api/v1/cases/{here.case.reference}/").content.decode()
    shown = olga(aurora).get(f"/api/v1/cases/{here.case.reference}/").json()
    assert shown["plan"]["digest"] == DIGEST and shown["plan"]["steps"][0]["count"] == 7
    assert [r["number"] for r in shown["reports"]] == [1]
    assert {j["status"] for j in shown["jobs"]} >= {JobStatus.FAILED}
    assert [e["kind"] for e in shown["events"]][:3] == ["case.RECEIVED", "identity.proven", "case.VERIFIED"]
    for secret in (ALICE, "Alice", "Moreau", here.case.person_key, "/secret/place"):
        assert secret not in text


def test_a_stopped_job_is_tried_again_and_a_running_one_is_not(aurora: Company) -> None:
    case = verified(aurora)
    job = stopped(case)
    path = f"cases/{case.reference}/jobs/{job.pk}/retry/"
    assert send(olga(aurora), path, {}).json()["status"] == JobStatus.QUEUED
    assert send(olga(aurora), path, {}).status_code == 409
    assert Event.objects.of_case(case.reference).filter(kind="job.retried").count() == 1


def test_a_job_of_another_case_is_not_here(aurora: Company) -> None:
    job = stopped(verified(aurora))
    other = verified(aurora, email="bela@example.org")
    assert send(olga(aurora), f"cases/{other.reference}/jobs/{job.pk}/retry/", {}).status_code == 404


def test_a_waiting_step_is_woken_once(aurora: Company) -> None:
    case = planned(aurora)
    step = Step.objects.get(plan__request=case)
    services.move(case, to=State.APPROVED, by="system")
    Job.objects.of(case.pk).update(status=JobStatus.DONE)
    pipeline = client(aurora.staff[Role.ENGINEER])
    assert send(pipeline, f"steps/{step.pk}/wake/", {}).json()["status"] == StepStatus.PENDING
    assert Job.objects.live().filter(case_id=case.pk).get().work == Work.MITIGATE
    assert send(pipeline, f"steps/{step.pk}/wake/", {}).status_code == 409


def test_a_step_of_a_closed_round_stays_asleep(aurora: Company) -> None:
    case = planned(aurora)
    step = Step.objects.get(plan__request=case)
    services.move(case, to=State.ACCEPTED, by="system")
    assert send(olga(aurora), f"steps/{step.pk}/wake/", {}).status_code == 409


def test_a_pack_is_sent_as_issued_and_the_download_is_logged(aurora: Company, evidence: Path) -> None:
    here = world(aurora, evidence)
    path = f"/api/v1/cases/{here.case.reference}/reports/1/pack/"
    amir = client(aurora.staff[Role.AUDITOR])
    answer = amir.get(path)
    assert b"".join(answer.streaming_content) == (evidence / f"{here.case.reference}.zip").read_bytes()
    assert answer["Content-Type"] == "application/zip" and "attachment" in answer["Content-Disposition"]
    assert Event.objects.of_case(here.case.reference).get(kind="report.downloaded").actor == "aurora-auditor"
    assert amir.get(path.replace("/1/", "/2/")).status_code == 404


@pytest.mark.parametrize("pack", ["../keys/oubli_secret_key", "/etc/passwd", "gone.zip"])
def test_a_pack_outside_the_evidence_folder_is_never_sent(aurora: Company, evidence: Path, pack: str) -> None:
    here = world(aurora, evidence)
    here.case.reports.update(pack=pack)
    answer = client(aurora.staff[Role.AUDITOR]).get(f"/api/v1/cases/{here.case.reference}/reports/1/pack/")
    assert answer.status_code == 409


def test_a_changed_pack_is_never_sent(aurora: Company, evidence: Path) -> None:
    here: World = world(aurora, evidence)
    (evidence / f"{here.case.reference}.zip").write_bytes(b"PK\x05\x06" + bytes(17) + b"\x01")
    answer = client(aurora.staff[Role.AUDITOR]).get(f"/api/v1/cases/{here.case.reference}/reports/1/pack/")
    assert answer.status_code == 409
    assert not Event.objects.filter(kind="report.downloaded").exists()
