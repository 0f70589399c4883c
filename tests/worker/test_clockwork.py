"""What the calendar does by itself: holds end, digests go once a day, a silent watcher is found, letters come back."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pikepdf
import pytest
from django.core import mail
from django.core.management import call_command
from django.utils import timezone

from compliance.accounts import services as accounts
from compliance.accounts.models import User
from compliance.audit.models import Event
from compliance.intake import bounces, decisions, deliveries, vault, watching
from compliance.intake.ledgers import Delivery
from compliance.intake.models import Decision, ErasureRequest
from compliance.intake.reasons import Reasons
from compliance.mitigation import assessing
from compliance.mitigation import services as mitigation
from compliance.rules.errors import IllegalMove
from compliance.rules.terms import Channel, Exemption, Role, State
from compliance.worker import clockwork, delivering, digest, tasks
from tests.web import seeded
from tests.web.conftest import own_keys

__all__ = ["own_keys"]
pytestmark = pytest.mark.django_db
MORNING = datetime(2026, 5, 4, 6, 30, tzinfo=UTC)


@pytest.fixture
def firm(own_keys: None, settings: Any, tmp_path: Path) -> seeded.Company:
    """A company whose letters stay in memory."""
    return seeded.company()


def on_hold(firm: seeded.Company, case: ErasureRequest, artifact: str = "") -> Decision:
    """A hold for thirty days."""
    day = timezone.now().date() + timedelta(days=30)
    reasons = Reasons(exemption=Exemption.LEGAL_CLAIMS, reason="A suit.", artifact=artifact, review_on=day)
    return assessing.hold(case, by=firm.olga, reasons=reasons)


def test_a_hold_ends_the_day_after_its_day_and_the_plan_follows(firm: seeded.Company) -> None:
    case = seeded.planned(firm, seeded.register(firm.entity))
    hold = on_hold(firm, case)
    plan = mitigation.current_plan(case)
    assert plan is not None and set(plan.steps.values_list("action", flat=True)) == {"keep"}
    today = timezone.now().astimezone(ZoneInfo(firm.entity.time_zone)).date()  # near midnight not the day in UTC
    Decision.objects.filter(pk=hold.pk).update(review_on=today)
    assert clockwork.end_holds() == 0, "the day itself still counts"
    Decision.objects.filter(pk=hold.pk).update(review_on=timezone.now().date() - timedelta(days=2))
    assert clockwork.end_holds() == 1 and clockwork.end_holds() == 0
    plan = mitigation.current_plan(case)
    assert plan is not None and "erase_records" in plan.steps.values_list("action", flat=True)
    assert case.notices.order_by("-id")[0].kind == "resumed"
    assert Event.objects.get(kind="decision.release").actor == "system"


def test_a_hold_that_ends_on_an_answered_case_opens_it_again(firm: seeded.Company) -> None:
    case = seeded.planned(firm, seeded.register(firm.entity))
    hold = on_hold(firm, case)
    Decision.objects.filter(pk=hold.pk).update(review_on=timezone.now().date() - timedelta(days=2))
    ErasureRequest.objects.filter(pk=case.pk).update(state="MITIGATED")
    assert clockwork.end_holds() == 0, "while it is worked on, the hold waits"
    ErasureRequest.objects.filter(pk=case.pk).update(state="CLOSED")
    assert clockwork.end_holds() == 1
    case.refresh_from_db()
    assert (case.state, case.round) == (State.ACCEPTED, 2)


def test_a_hold_that_ends_on_a_refused_case_opens_nothing_and_promises_nothing(firm: seeded.Company) -> None:
    case = seeded.verified(firm)
    hold = on_hold(firm, case)
    day = timezone.now().date() + timedelta(days=30)
    reasons = Reasons(exemption=Exemption.LEGAL_CLAIMS, reason="A suit.", review_on=day)
    decisions.refuse(case, by=firm.olga, reasons=reasons)
    Decision.objects.filter(pk=hold.pk).update(review_on=timezone.now().date() - timedelta(days=2))
    ErasureRequest.objects.filter(pk=case.pk).update(state="CLOSED")
    assert clockwork.end_holds() == 1
    case.refresh_from_db()
    assert (case.state, case.round) == (State.CLOSED, 1)
    assert "resumed" not in case.notices.values_list("kind", flat=True)


@pytest.mark.parametrize("state", ["APPROVED", "MITIGATED", "VALIDATED"])
def test_nobody_ends_a_hold_while_the_plan_that_keeps_it_is_carried_out(firm: seeded.Company, state: str) -> None:
    case = seeded.planned(firm, seeded.register(firm.entity))
    on_hold(firm, case)
    ErasureRequest.objects.filter(pk=case.pk).update(state=state)
    case.refresh_from_db()
    with pytest.raises(IllegalMove, match="carried out"):
        assessing.release(case, artifact="", by=firm.olga, reason="Settled.")


def test_a_digest_goes_once_a_day_in_the_morning_and_names_nobody(firm: seeded.Company) -> None:
    User.objects.filter(pk=firm.olga.pk).update(email="olga@aurora.example")
    case = seeded.accepted(firm, days_ago=1)
    ErasureRequest.objects.filter(pk=case.pk).update(promised_on=MORNING.date() - timedelta(days=2))
    watching.saw(now=MORNING)
    assert digest.send_due(now=MORNING - timedelta(hours=3)) == 0, "before six in Berlin"
    assert digest.send_due(now=MORNING) == 1 and digest.send_due(now=MORNING) == 0
    assert digest.send_due(now=MORNING + timedelta(days=1)) == 1
    [first, _] = [letter for letter in mail.outbox if letter.to == ["olga@aurora.example"]]
    text = str(first.body)
    assert f"{case.reference}  2026-05-02  2 days overdue" in text
    assert seeded.ALICE not in text and "Alice" not in text


def test_a_digest_with_nothing_to_say_is_not_sent_and_only_officers_get_one(firm: seeded.Company) -> None:
    User.objects.filter(pk=firm.olga.pk).update(email="olga@aurora.example")
    User.objects.filter(pk=firm.amir.pk).update(email="amir@aurora.example")
    before = len(mail.outbox)
    assert digest.send_due(now=MORNING) == 0 and len(mail.outbox) == before
    accounts.grant(firm.amir, firm.entity, Role.AUDITOR)
    seeded.accepted(firm, days_ago=40)
    assert digest.send_due(now=MORNING + timedelta(days=1)) == 1
    assert [letter.to for letter in mail.outbox[before:]] == [["olga@aurora.example"]]


def test_a_watcher_that_fell_silent_is_found(firm: seeded.Company) -> None:
    assert not watching.silent(), "nothing to watch"
    seeded.verified(firm)
    assert watching.silent()
    with pytest.raises(SystemExit):
        call_command("watch_clocks", stderr=io.StringIO())
    clockwork.look()
    assert not watching.silent()
    call_command("watch_clocks", stdout=io.StringIO())
    assert watching.silent(now=timezone.now() + timedelta(minutes=16))


REPORT = """From: MAILER-DAEMON@mx.example
To: privacy@localhost
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="B"

--B
Content-Type: text/plain

Your mail to {to} could not be delivered.

--B
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; {to}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 5.1.1 <{to}>: no such user

--B
Content-Type: {kind}

Message-ID: {uid}
From: privacy@localhost
To: {to}
Subject: Message about your reference

--B--
"""


def report(uid: str, *, action: str = "failed", status: str = "5.1.1", kind: str = "text/rfc822-headers") -> bytes:
    """A delivery report (RFC 3464)."""
    return REPORT.format(uid=uid, action=action, status=status, kind=kind, to=seeded.ALICE).encode()


@pytest.mark.parametrize("kind", ["text/rfc822-headers", "message/rfc822"])
def test_a_bounce_is_written_on_the_case_whose_letter_came_back(
    firm: seeded.Company, tmp_path: Path, kind: str
) -> None:
    case = seeded.accepted(firm)
    tasks.post_letters()
    uid = Delivery.objects.get(notice__kind="accepted").message_id
    assert any(letter.extra_headers.get("Message-ID") == uid for letter in mail.outbox)
    (tmp_path / "new").mkdir(), (tmp_path / "cur").mkdir()
    (tmp_path / "new" / "1.eml").write_bytes(report(uid, kind=kind))
    (tmp_path / "cur" / "2.eml").write_bytes(b"Subject: hello\n\nno report")
    call_command("read_bounces", str(tmp_path), stdout=io.StringIO())
    row = Delivery.objects.get(message_id=uid)
    assert (row.bounce, row.permanent) == ("5.1.1", True) and row.bounced_at is not None
    event = Event.objects.get(kind="letter.bounced")
    assert event.case == case.reference and seeded.ALICE not in str(event.words())
    assert (tmp_path / "read" / "1.eml").exists() and (tmp_path / "cur" / "2.eml").exists()


def test_what_is_no_report_or_about_nobody_is_left_alone(firm: seeded.Company) -> None:
    assert bounces.read_report(b"") is None
    assert bounces.read_report(report("<x@y>", action="delivered", status="2.0.0")) is None
    assert bounces.read_report(report("")) is None
    delayed = bounces.read_report(report("<x@y.example>", action="delayed", status="4.4.1"))
    assert delayed is not None and not delayed.permanent and bounces.note(delayed) is None


def test_a_letter_for_the_post_is_a_tagged_pdf_that_only_the_case_can_open(firm: seeded.Company) -> None:
    case = seeded.accepted(firm)
    tasks.post_letters()
    row = Delivery.objects.get(notice__kind="accepted")
    Delivery.objects.filter(pk=row.pk).update(channel=Channel.PAPER)
    assert delivering.print_due() == 1 and delivering.print_due() == 0
    row.refresh_from_db()
    assert row.pdf is not None and b"%PDF" not in bytes(row.pdf)
    made = deliveries.opened_pdf(row)
    with pikepdf.open(io.BytesIO(made)) as pdf:
        assert pdf.Root.MarkInfo.Marked and str(pdf.Root.Lang) == "en"
        assert "/StructTreeRoot" in pdf.Root
    vault.destroy(case)
    with pytest.raises(Exception, match="destroyed"):
        deliveries.opened_pdf(row)
