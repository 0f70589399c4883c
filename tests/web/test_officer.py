"""The officer's queue and case page: what each state offers, to whom, and what is never shown."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from compliance.audit.models import Event
from compliance.intake.models import ErasureRequest
from compliance.jobs.models import Job
from compliance.provenance.models import Trace
from compliance.rules.terms import Ground, JobStatus, State, Verdict
from compliance.validation.models import Measurement
from tests.web import seeded


def case_page(client: Client, case: ErasureRequest) -> str:
    """The case's page."""
    page = client.get(f"/officer/cases/{case.reference}/")
    assert page.status_code == 200
    return page.content.decode()


def decide(client: Client, case: ErasureRequest, verb: str, **data: str) -> str:
    """Send a decision and follow to the page."""
    address = f"/officer/cases/{case.reference}/decide/{verb}/"
    return client.post(address, data, follow=True).content.decode()


def digest_on(page: str) -> str:
    """The plan's digest in the form."""
    found = re.search(r'name="plan_digest" value="(\w{64})"', page)
    assert found
    return found[1]


def test_the_queue_counts_what_is_open_due_and_overdue(aurora: seeded.Company, olga: Client) -> None:
    today = timezone.now().date()
    soon, late = seeded.accepted(aurora), seeded.accepted(aurora, email="second@example.org")
    for case, days in ((soon, 4), (late, -3)):
        ErasureRequest.objects.filter(pk=case.pk).update(promised_on=today + timedelta(days=days))
    page = olga.get("/officer/").content.decode()
    figures = re.findall(r"<strong>(\S+)</strong>", page)
    assert figures == ["2", "1", "1", "–"]
    assert page.index(late.reference) < page.index("overdue") < page.index(soon.reference)


def test_the_queue_is_filtered_by_state_turn_and_reference(aurora: seeded.Company, olga: Client) -> None:
    waiting = seeded.verified(aurora)
    searching = seeded.accepted(aurora, email="second@example.org")

    def listed(query: str) -> set[str]:
        return set(re.findall(r"OUB-\w{4}-\w{4}(?=</a>)", olga.get(f"/officer/?{query}").content.decode()))

    assert listed("") == {waiting.reference, searching.reference}
    assert listed("state=VERIFIED") == listed("turn=officer") == {waiting.reference}
    assert listed(f"q={searching.reference[4:8].lower()}") == {searching.reference}
    assert listed("state=nonsense") == listed("")


def test_the_cases_of_another_company_are_not_here(aurora: seeded.Company, stranger: Client) -> None:
    case = seeded.stopped(aurora, seeded.register(aurora.entity))
    job = Job.objects.of(case.pk)[0]
    assert case.reference not in stranger.get("/officer/").content.decode()
    root = f"/officer/cases/{case.reference}"
    for address in ("/", "/progress/?state=APPROVED", "/traces/", "/reports/1/pack/"):
        assert stranger.get(root + address).status_code == 404, address
    for address in ("/identifiers/", "/traces/", "/decide/accept/", f"/jobs/{job.pk}/retry/"):
        assert stranger.post(root + address).status_code == 404, address
    event = Event.objects.of_case(case.reference)[0]
    assert stranger.get(f"/auditor/log/{event.uid}/").status_code == 404
    assert case.reference not in stranger.get("/auditor/log/").content.decode()


def test_nobody_sees_a_case_without_signing_in(aurora: seeded.Company, client: Client) -> None:
    case = seeded.verified(aurora)
    for address in ("/officer/", f"/officer/cases/{case.reference}/", "/auditor/", "/auditor/log/"):
        assert client.get(address).headers["Location"] == f"/sign-in/?next={address}"


def test_an_auditor_sees_evidence_but_no_case(aurora: seeded.Company, amir: Client) -> None:
    case = seeded.verified(aurora)
    assert amir.get(f"/officer/cases/{case.reference}/").status_code == 404
    assert amir.get("/officer/").headers["Location"] == "/auditor/"


def test_identifiers_are_redacted_until_somebody_asks_and_that_is_logged(aurora: seeded.Company, olga: Client) -> None:
    case = seeded.verified(aurora)
    page = case_page(olga, case)
    assert seeded.ALICE not in page and "Alice" not in page and "a…@e…" in page
    shown = olga.post(f"/officer/cases/{case.reference}/identifiers/").content.decode()
    assert seeded.ALICE in shown and "Alice Martin" in shown
    event = Event.objects.get(kind="identifiers.shown")
    assert (event.case, event.actor) == (case.reference, "olga")
    assert seeded.ALICE not in case_page(olga, case)


def test_a_request_is_accepted_on_a_ground_of_its_own_law(aurora: seeded.Company, olga: Client) -> None:
    case = seeded.verified(aurora)
    page = case_page(olga, case)
    assert "GDPR Art. 17(1)(b)" in page and "LGPD" not in page
    assert "Choose the article it rests on" in decide(olga, case, "accept")
    assert "The search has started" in decide(olga, case, "accept", ground=str(Ground.CONSENT_WITHDRAWN))
    case.refresh_from_db()
    assert case.state == State.ACCEPTED


def test_a_refusal_needs_an_exemption_and_reasons(aurora: seeded.Company, olga: Client) -> None:
    case = seeded.verified(aurora)
    page = decide(olga, case, "refuse", exemption="17-3-b")
    assert "Write the reasons" in page and '<details class="other" open>' in page
    assert "Choose the day" in decide(olga, case, "refuse", exemption="17-3-b", reason="Invoices are kept.")
    decide(olga, case, "refuse", exemption="17-3-b", reason="Invoices are kept for ten years.", review_on="2030-01-02")
    case.refresh_from_db()
    assert case.state == State.REFUSED


def test_a_plan_is_endorsed_and_then_approved_by_a_second_person(
    aurora: seeded.Company, olga: Client, bruno: Client
) -> None:
    case = seeded.planned(aurora, seeded.register(aurora.entity))
    assert "Approve this plan" not in case_page(bruno, case)
    digest = digest_on(case_page(olga, case))
    decide(olga, case, "approve", plan_digest=digest)
    assert "A second person approves" in case_page(olga, case) and "Endorse this plan" not in case_page(olga, case)
    assert "This needs the role" in decide(olga, case, "approve", plan_digest=digest)
    decide(bruno, case, "approve", plan_digest=digest_on(case_page(bruno, case)))
    case.refresh_from_db()
    assert case.state == State.APPROVED


def test_another_plan_than_the_one_read_cannot_be_approved(aurora: seeded.Company, olga: Client) -> None:
    case = seeded.planned(aurora, seeded.register(aurora.entity))
    assert "The plan changed since it was shown" in decide(olga, case, "approve", plan_digest="0" * 64)
    assert not case.decisions.filter(kind="endorse").exists()


def test_candidates_wait_for_the_officer_and_then_the_plan_follows(aurora: seeded.Company, olga: Client) -> None:
    case = seeded.planned(aurora, seeded.register(aurora.entity), candidates=2)
    page = case_page(olga, case)
    assert "Decide on 2 candidates" in page and "Endorse this plan" not in page
    traces = f"/officer/cases/{case.reference}/traces/"
    assert "ticket-881" in olga.get(traces).content.decode()
    yes, no = Trace.objects.filter(request=case, candidate=True)
    olga.post(traces, {f"trace-{yes.pk}": "yes", f"trace-{no.pk}": "no"})
    assert [t.ticked for t in Trace.objects.filter(pk__in=[yes.pk, no.pk])] == [True, False]
    assert seeded.plan_of(case).number == 2 and "Plan 2" in case_page(olga, case)
    assert "Endorse this plan" in case_page(olga, case)
    assert Event.objects.filter(kind="traces.shown", actor="olga").count() == 1


def test_one_answer_for_all_of_a_kind_is_for_those_that_were_shown(aurora: seeded.Company, olga: Client) -> None:
    case = seeded.planned(aurora, seeded.register(aurora.entity), candidates=3)
    first, second, third = Trace.objects.filter(request=case, candidate=True).order_by("pk")
    Trace.objects.filter(pk=third.pk).update(support="near")
    traces = f"/officer/cases/{case.reference}/traces/"
    assert "1 of them nearly say what a text of the person says" in case_page(olga, case)
    page = olga.get(traces).content.decode()
    assert f'name="shown" value="{third.pk}"' in page
    assert "Nearly the same text: needs the officer&#x27;s tick: 1 without an answer" in page
    olga.post(traces, {"rest-name": "no", "rest-near": "yes", "shown": first.pk})
    olga.post(traces, {"rest-near": "yes", "shown": third.pk, f"trace-{second.pk}": "yes"})
    olga.post(traces, {"rest-name": "yes", "shown": "x"})
    assert list(Trace.objects.filter(candidate=True).order_by("pk").values_list("ticked", flat=True)) == [
        False,
        True,
        True,
    ]


def test_more_candidates_than_a_form_may_have_fields_are_answered_page_by_page(
    aurora: seeded.Company, olga: Client, settings: Any
) -> None:
    case = seeded.planned(aurora, seeded.register(aurora.entity), candidates=52)
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 54
    address, answered = f"/officer/cases/{case.reference}/traces/", 0
    for page, after in ((1, f"{address}?page=2"), (2, f"/officer/cases/{case.reference}/")):
        text = olga.get(f"{address}?page={page}").content.decode()
        ticks = sorted(set(re.findall(r'name="(trace-\d+)"', text)))
        following = {"next": "2"} if 'name="next"' in text else {}
        answered += len(ticks)
        reply = olga.post(address, {**dict.fromkeys(ticks, "no"), "rest-name": "", "shown": "0", **following})
        assert (reply.status_code, reply.headers["Location"]) == (302, after)
    assert answered == 52 and not Trace.objects.current(case).waiting().exists()


def test_a_proof_that_fell_short_is_said_and_the_same_plan_is_not_offered_again(
    aurora: seeded.Company, olga: Client
) -> None:
    made = seeded.register(aurora.entity)
    case = seeded.planned(aurora, made)
    assert "Endorse this plan" in case_page(olga, case)
    plan = seeded.plan_of(case)
    row = {"request": case, "plan": plan, "artifact": made["tickets"], "check_name": "absence", "name": "rows_found"}
    row |= {"value": 1.0, "threshold": "≤ 0 rows", "verdict": Verdict.FAILED, "at": timezone.now()}
    Measurement.objects.create(**row)
    page = case_page(olga, case)
    assert "The proof fell short" in page and f"not shown of: {made['tickets'].name}." in page
    assert "Endorse this plan" not in page and "Search again" in page


def test_stopped_work_says_why_and_can_be_tried_again(aurora: seeded.Company, olga: Client, bruno: Client) -> None:
    case = seeded.stopped(aurora, seeded.register(aurora.entity))
    job = Job.objects.of(case.pk)[0]
    page = case_page(olga, case)
    assert "the Parquet file ends before its footer" in page and "Restore the artifact" in page
    assert "Work stopped" in olga.get("/officer/").content.decode()
    retry = f"/officer/cases/{case.reference}/jobs/{job.pk}/retry/"
    assert "Try again" not in case_page(bruno, case)
    assert "This needs the role" in bruno.post(retry, follow=True).content.decode()
    job.refresh_from_db()
    assert job.status == JobStatus.FAILED
    olga.post(retry)
    job.refresh_from_db()
    assert job.status == JobStatus.QUEUED and Event.objects.filter(kind="job.retried").count() == 1


def test_progress_is_asked_for_only_while_work_is_due(aurora: seeded.Company, olga: Client) -> None:
    case = seeded.working(aurora, seeded.register(aurora.entity))
    address = f"/officer/cases/{case.reference}/progress/?state=APPROVED"
    assert "hx-get" in case_page(olga, case)
    fragment = olga.get(address)
    assert "Rebuilding kb.faiss" in fragment.content.decode() and "HX-Refresh" not in fragment
    Job.objects.of(case.pk).live().update(status=JobStatus.QUEUED, due_at=timezone.now() + timedelta(days=7))
    assert "hx-get" not in case_page(olga, case)
    seeded.finish_jobs(case)
    assert "hx-get" not in case_page(olga, case)
    assert olga.get(address)["HX-Refresh"] == "true"


def test_evidence_is_signed_off_with_its_report(aurora: seeded.Company, olga: Client) -> None:
    case = seeded.validated(aurora, seeded.register(aurora.entity))
    page = case_page(olga, case)
    assert "Erased, and checked absent" in page and "Not enough power" in page and "≤ 0.001" in page
    assert "Signed off" in decide(olga, case, "sign-off")
    case.refresh_from_db()
    assert case.state == State.ANSWERED and case.reports.get().signed_off_by == aurora.olga


def test_nothing_can_be_signed_off_before_the_report_is_there(aurora: seeded.Company, olga: Client) -> None:
    case = seeded.validated(aurora, seeded.register(aurora.entity))
    case.reports.all().delete()
    assert "Sign off and send" not in case_page(olga, case)
    assert "still being written" in decide(olga, case, "sign-off")
    case.refresh_from_db()
    assert case.state == State.VALIDATED and not case.decisions.filter(kind="sign_off").exists()


def test_a_deadline_is_extended_once(aurora: seeded.Company, olga: Client) -> None:
    case = seeded.verified(aurora)
    before = case.nominal_on
    decide(olga, case, "extend", reason="Many systems are concerned.")
    case.refresh_from_db()
    assert case.extended and case.nominal_on > before
    assert "Extend the deadline" not in case_page(olga, case)


def test_a_law_from_secondary_sources_asks_for_counsel(lumen: seeded.Company, stranger: Client) -> None:
    lumen.entity.laws = ["swiss_fadp"]
    lumen.entity.save()
    case = seeded.verified(lumen)
    assert "Have counsel confirm this rule" in case_page(stranger, case)


@pytest.mark.parametrize("state", ["received", "verified", "accepted", "planned", "working", "validated", "refused"])
def test_every_state_has_one_next_step_and_no_identifier(aurora: seeded.Company, olga: Client, state: str) -> None:
    case = seeded.desk_of_cases(aurora)[state]
    page = case_page(olga, case)
    assert page.count('id="h-todo"') == 1 and "style=" not in page
    assert "@example.org" not in page


def test_a_wrong_password_is_counted_and_locks(aurora: seeded.Company, client: Client) -> None:
    for _ in range(10):
        page = client.post("/sign-in/", {"username": "olga", "password": "wrong"})
    locked = client.post("/sign-in/", {"username": "olga", "password": seeded.PASSWORD})
    assert page.status_code == 429 and locked.status_code == 429


def test_behind_our_proxy_a_stranger_locks_nobody_out_but_their_own_network(
    aurora: seeded.Company, client: Client, settings: Any
) -> None:
    settings.OUBLI_PROXIES = 1
    stranger, hers = "203.0.113.9", "2001:db8:7::5"
    for _ in range(10):
        wrong = client.post(
            "/sign-in/", {"username": "olga", "password": "wrong"}, headers={"x-forwarded-for": stranger}
        )
    right = {"username": "olga", "password": seeded.PASSWORD}
    assert (
        wrong.status_code == client.post("/sign-in/", right, headers={"x-forwarded-for": stranger}).status_code == 429
    )
    assert client.post("/sign-in/", right, headers={"x-forwarded-for": f"{stranger}, {hers}"}).status_code == 302
