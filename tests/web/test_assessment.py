"""The assessment page: role, hold, restriction, identity, excessive, forward, and what each of them leads to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from compliance.evidence import facts
from compliance.evidence.letters import render_letter
from compliance.intake import assessing, clocks, decisions, recipients, services
from compliance.intake.models import Decision, ErasureRequest, Outgoing
from compliance.intake.reasons import Reasons
from compliance.intake.standing import standing
from compliance.jobs.models import Job
from compliance.mitigation import services as mitigation
from compliance.rules.terms import EntityRole, Exemption, Ground, Letter, State, Told, Work
from tests.web import seeded


def page(client: Client, case: ErasureRequest) -> str:
    """The assessment page."""
    shown = client.get(f"/officer/cases/{case.reference}/assess/")
    assert shown.status_code == 200
    return shown.content.decode()


def decide(client: Client, case: ErasureRequest, verb: str, **data: str) -> str:
    """Send a decision from the assessment page."""
    address = f"/officer/cases/{case.reference}/decide/{verb}/?from=assess"
    return client.post(address, data, follow=True).content.decode()


def letters(case: ErasureRequest) -> list[str]:
    """The kinds of letters that are owed."""
    return list(case.notices.order_by("id").values_list("kind", flat=True))


def later(days: int = 60) -> str:
    """A day to come, as a form sends it."""
    return (timezone.now().date() + timedelta(days=days)).isoformat()


def actions(case: ErasureRequest, slug: str) -> list[str]:
    """The actions that the present plan has for an artifact."""
    plan = mitigation.current_plan(case)
    assert plan is not None
    return list(plan.steps.filter(artifact__slug=slug).order_by("order").values_list("action", flat=True))


def test_a_role_decided_for_an_artifact_makes_its_plan_a_forward(aurora: seeded.Company, olga: Client) -> None:
    made = seeded.register(aurora.entity)
    case = seeded.planned(aurora, made)
    slug = made["tickets"].slug
    assert "erase_records" in actions(case, slug)
    assert "Choose the artifact" in decide(olga, case, "role", role="processor", reason="x")
    decide(olga, case, "role", artifact=slug, role="processor", reason="Held under contract 7 for Lumen.")
    assert standing(case).role_of(slug, EntityRole.CONTROLLER) is EntityRole.PROCESSOR
    assert actions(case, slug) == ["forward_to_controller"]
    assert "as decided for this case" in page(olga, case)


def test_a_hold_keeps_an_artifact_writes_a_letter_and_ends_on_its_day(aurora: seeded.Company, olga: Client) -> None:
    made = seeded.register(aurora.entity)
    case = seeded.planned(aurora, made)
    slug = made["tickets"].slug
    refused = decide(olga, case, "hold", artifact=slug, exemption="17-3-e", reason="A suit is pending.")
    assert "Choose the day" in refused and "held" not in letters(case)
    decide(olga, case, "hold", artifact=slug, exemption="17-3-e", reason="A suit is pending.", review_on=later())
    assert letters(case)[-1] == "held"
    assert actions(case, slug) == ["keep"]
    shown = page(olga, case)
    assert "Hold: Legal claims" in shown and "End this hold now" in shown
    decide(olga, case, "release", artifact=slug, reason="Settled.")
    assert letters(case)[-1] == "resumed"
    assert "erase_records" in actions(case, slug)


def test_a_restriction_stops_the_use_and_erases_nothing(aurora: seeded.Company, olga: Client) -> None:
    made = seeded.register(aurora.entity)
    case = seeded.planned(aurora, made)
    slug = made["support_lm"].slug
    decide(olga, case, "restrict", artifact=slug, reason="The person asked for it by telephone on 3 May.")
    assert actions(case, slug) == ["suppress_output", "keep"]
    assert standing(case).exemption_of(slug) is Exemption.RESTRICTION
    assert letters(case)[-1] == "restricted"


def test_identity_is_asked_for_once_and_moves_the_nominal_date(aurora: seeded.Company, olga: Client) -> None:
    case = seeded.verified(aurora)
    before = clocks.clock_of(case, extended=False)
    assert "Write the reasons" in decide(olga, case, "ask-identity", reason="Two people have this address.")
    decide(olga, case, "ask-identity", reason="Two people have this address.", detail="Your customer number.")
    assert letters(case)[-1] == "identity"
    asked = case.decisions.get(kind="pause")
    case.decisions.filter(pk=asked.pk).update(at=asked.at - timedelta(days=7))
    case.refresh_from_db()
    type(case).objects.filter(pk=case.pk).update(received_at=case.received_at - timedelta(days=9))
    case.refresh_from_db()
    before = clocks.clock_of(case, extended=False)
    decide(olga, case, "identity-shown", reason="The customer number fits.")
    case.refresh_from_db()
    after = clocks.clock_of(case, extended=False)
    assert after.conservative == before.conservative and after.nominal >= before.nominal
    assert (case.nominal_on, case.promised_on) == (after.nominal, after.promised)
    assert "ask-identity" not in page(olga, case), "a second question stops no clock"


def test_excessive_needs_what_shows_it_and_a_day(aurora: seeded.Company, olga: Client) -> None:
    earlier = seeded.verified(aurora)
    case = seeded.verified(aurora)
    assert earlier.reference in page(olga, case), "what shows it: requests from the same address"
    decide(olga, case, "excessive", reason="Twelve requests in a month.", review_on=later())
    case.refresh_from_db()
    assert case.state == State.VERIFIED
    decide(olga, case, "excessive", reason="Twelve.", detail="The list of the twelve dates.", review_on=later())
    case.refresh_from_db()
    assert case.state == State.REFUSED and letters(case)[-1] == "refused"


def test_who_cannot_be_identified_is_told_what_would_help(aurora: seeded.Company, olga: Client) -> None:
    case = seeded.verified(aurora)
    decide(olga, case, "cannot-identify", reason="The log holds no names.", detail="The hour of your visit.")
    case.refresh_from_db()
    assert case.state == State.REFUSED
    assert letters(case)[-1] == "unidentified" and "refused" not in letters(case)


def test_a_processors_case_is_forwarded_with_receipt_and_letter(aurora: seeded.Company, olga: Client) -> None:
    case = seeded.verified(aurora)
    decide(olga, case, "forward", detail="Lumen Saúde S.A. privacy@lumen.example")
    case.refresh_from_db()
    assert case.state == State.FORWARDED and letters(case)[-1] == "forwarded"
    row = case.recipients.get()
    assert (row.state, row.article, row.channel) == (Told.TO_TELL, "GDPR Art. 28(3)(e)", "email")
    assert Outgoing.objects.get(recipient=row).url == "mailto:privacy@lumen.example"


@pytest.mark.parametrize(("language", "said"), [("en", "we decided to pass"), ("de", "entschieden, Ihre Anfrage")])
def test_a_controller_that_somebody_still_has_to_call_is_not_called_told(
    aurora: seeded.Company, olga: Client, language: str, said: str
) -> None:
    case = seeded.verified(aurora)
    decide(olga, case, "forward", detail="Lumen Saúde S.A., Avenida Paulista")
    ErasureRequest.objects.filter(pk=case.pk).update(language=language)
    case.refresh_from_db()

    def text() -> str:
        found = facts.letter_facts(case, Letter.FORWARDED, links={"status": "http://localhost/"}, only_here={})
        return render_letter(Letter.FORWARDED, language, found).text

    assert said in text()
    recipients.by_hand(case.recipients.get(), by=aurora.olga, how="by telephone")
    assert said not in text()


@pytest.mark.parametrize("verb", [assessing.excessive, assessing.cannot_identify, assessing.forward])
def test_a_challenge_of_what_was_turned_away_is_the_officers_to_decide(
    aurora: seeded.Company, verb: Callable[..., Decision]
) -> None:
    case = seeded.verified(aurora)
    day = timezone.now().date() + timedelta(days=60)
    verb(case, by=aurora.olga, reasons=Reasons(reason="Nobody fits.", detail="A number", review_on=day))
    services.move(case, to=State.CLOSED, by=services.SYSTEM)
    decisions.challenge(case, reason="Here is the number.")
    assert (case.state, case.round) == (State.VERIFIED, 1)
    assert not Job.objects.of(case.pk).filter(work=Work.TRACE).exists(), "nothing is searched on the person's word"
    assert letters(case)[-1] != "accepted"
    decisions.accept(case, by=aurora.olga, reasons=Reasons(ground=Ground.CONSENT_WITHDRAWN))
    services.move(case, to=State.TRACED, by=services.SYSTEM)


def test_several_laws_run_and_the_earliest_promise_leads(aurora: seeded.Company, olga: Client) -> None:
    aurora.entity.laws = ["gdpr", "swiss_fadp", "lgpd"]
    aurora.entity.save()
    case = seeded.verified(aurora)
    assert "LGPD" in page(olga, case) and "have counsel confirm" in page(olga, case)
    running = clocks.clocks_of(case)
    assert case.promised_on == min(clock.promised for clock in running) and len(running) == 3
    olga.post(
        f"/officer/cases/{case.reference}/decide/laws/?from=assess", {"laws": ["gdpr"], "reason": "Lives in Berlin."}
    )
    case.refresh_from_db()
    assert clocks.laws_of(case) == ["gdpr"] and case.promised_on == clocks.clocks_of(case)[0].promised


def test_another_laws_exemption_is_no_reason(aurora: seeded.Company, olga: Client) -> None:
    case = seeded.verified(aurora)
    words = decide(olga, case, "refuse", exemption="16-i", reason="x", review_on=later())
    case.refresh_from_db()
    assert case.state == State.VERIFIED and "Choose the article" in words


def test_stopped_work_goes_back_to_the_plan_and_wants_two_people_again(
    aurora: seeded.Company, olga: Client, bruno: Client
) -> None:
    made = seeded.register(aurora.entity)
    case = seeded.stopped(aurora, made)
    shown = olga.get(f"/officer/cases/{case.reference}/").content.decode()
    assert "Back to the plan" in shown
    decide(olga, case, "back-to-plan", reason="The new model may not be promoted.")
    case.refresh_from_db()
    assert case.state == State.PLANNED
    plan = mitigation.current_plan(case)
    assert plan is not None
    slug = made["support_lm"].slug
    decide(olga, case, "restrict", artifact=slug, reason="Suppressed until a better way is found.")
    assert "promote_model" not in actions(case, slug)
    assert "Endorse this plan" in olga.get(f"/officer/cases/{case.reference}/").content.decode()


def test_an_auditor_and_a_stranger_see_no_assessment(
    aurora: seeded.Company, amir: Client, stranger: Client, bruno: Client
) -> None:
    case = seeded.verified(aurora)
    for client in (amir, stranger):
        assert client.get(f"/officer/cases/{case.reference}/assess/").status_code == 404
    assert "Decide</h2>" not in page(bruno, case)


@pytest.mark.parametrize("verb", ["role", "hold", "restrict", "forward", "excessive", "laws", "cannot-identify"])
def test_only_an_officer_assesses(aurora: seeded.Company, bruno: Client, verb: str) -> None:
    case = seeded.verified(aurora)
    data = {"reason": "x", "detail": "y", "review_on": later(), "exemption": "17-3-e", "laws": "gdpr", "role": "joint"}
    decide(bruno, case, verb, **data)
    case.refresh_from_db()
    assert case.state == State.VERIFIED and not case.decisions.exists()


def test_the_persons_page_says_that_it_is_their_turn_while_identity_is_asked_for(
    aurora: seeded.Company, client: Client
) -> None:
    receipt = services.prove(*_confirmable(aurora))
    asked = Reasons(reason="Two people wrote from this mailbox.", detail="The last invoice number.")
    assessing.pause(receipt.request, by=aurora.olga, reasons=asked)
    client.post("/status/", {"reference": receipt.reference, "secret": receipt.secret})
    page = client.get("/status/case/").content.decode()
    assert "<h1>Waiting for you</h1>" in page and "what is enough" in page and "You need to do nothing" not in page
    assessing.resume(receipt.request, by=aurora.olga, reason="The number fits.")
    assert "<h1>We are reading your request</h1>" in client.get("/status/case/").content.decode()


def _confirmable(firm: seeded.Company) -> tuple[str, str]:
    receipt = seeded.submitted(firm)
    return receipt.reference, seeded.code_of(receipt.request)
