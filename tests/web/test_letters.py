"""Letters, recipients, identity and calendar: what the officer sees and does beside the case."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone
from icalendar import Calendar

from compliance.audit.models import Event
from compliance.intake import watching
from compliance.intake.ledgers import Delivery
from compliance.intake.models import ErasureRequest
from compliance.rules.terms import State, Told
from compliance.worker import tasks
from tests.web import seeded

DAY = "2031-01-02"


def page(client: Client, case: ErasureRequest, path: str) -> str:
    """One of the case's pages."""
    shown = client.get(f"/officer/cases/{case.reference}/{path}")
    assert shown.status_code == 200
    return shown.content.decode()


def test_a_decision_is_previewed_with_its_letter_and_nothing_is_decided(aurora: seeded.Company, olga: Client) -> None:
    case = seeded.verified(aurora)
    ErasureRequest.objects.filter(pk=case.pk).update(language="de")
    address = f"/officer/cases/{case.reference}/preview/refuse/"
    data = {"exemption": "17-3-b", "reason": "Rechnungen bleiben zehn Jahre.", "review_on": DAY}
    shown = olga.post(address, data).content.decode()
    assert "Guten Tag" in shown and "<ins>Rechnungen bleiben zehn Jahre.</ins>" in shown.replace("\n", "")
    assert "<del>⟦reasons⟧</del>" in shown and "missing" not in shown
    case.refresh_from_db()
    assert case.state == State.VERIFIED and not case.decisions.exists() and not case.notices.filter(kind="refused")
    assert not Event.objects.filter(kind="decision.refuse").exists()


def test_a_letter_with_a_part_missing_is_shown_as_blocked(aurora: seeded.Company, olga: Client) -> None:
    aurora.entity.authority = ""
    aurora.entity.save()
    case = seeded.verified(aurora)
    address = f"/officer/cases/{case.reference}/preview/refuse/"
    data = {"exemption": "17-3-b", "reason": "Invoices.", "review_on": DAY}
    shown = olga.post(address, data).content.decode()
    assert "not sent while a part is missing" in shown and "missing</span> authority" in shown


def test_what_was_sent_is_read_as_it_was_and_that_is_logged(aurora: seeded.Company, olga: Client) -> None:
    case = seeded.accepted(aurora)
    tasks.post_letters()
    notice = case.notices.get(kind="accepted")
    shown = page(olga, case, f"letters/{notice.pk}/")
    assert "Dear Alice Martin" in shown
    assert Event.objects.get(kind="letter.read").actor == "olga"


def test_a_letter_that_came_back_is_said_on_the_case_and_can_go_by_post(aurora: seeded.Company, olga: Client) -> None:
    case = seeded.accepted(aurora)
    tasks.post_letters()
    notice = case.notices.get(kind="accepted")
    Delivery.objects.filter(notice=notice).update(bounced_at=timezone.now(), bounce="5.1.1", permanent=True)
    assert "1 letter came back" in page(olga, case, "")
    root = f"/officer/cases/{case.reference}/letters/{notice.pk}"
    olga.post(f"{root}/print/")
    tasks.post_letters()
    made = olga.get(f"{root}/pdf/")
    assert made.content.startswith(b"%PDF") and made["Content-Type"] == "application/pdf"
    olga.post(f"{root}/posted/")
    assert "came back" not in page(olga, case, "")
    assert Delivery.objects.get(notice=notice).posted_by == aurora.olga


def test_recipients_are_told_followed_and_verified_with_a_reason(aurora: seeded.Company, olga: Client) -> None:
    case = seeded.accepted(aurora)
    root = f"/officer/cases/{case.reference}/recipients/"
    assert olga.post(f"{root}add/", {"name": ""}).status_code == 422
    olga.post(f"{root}add/", {"name": "Mailer <privacy@mailer.example>", "published": "on"})
    row = case.recipients.get()
    assert row.article == "GDPR Art. 17(2)"
    tasks.post_letters()
    assert any(letter.to == ["privacy@mailer.example"] for letter in mail.outbox)
    for how in ("Their ticket 7", "They wrote that it is done"):
        olga.post(f"{root}{row.pk}/", {"how": how})
    assert "not said how" in olga.post(f"{root}{row.pk}/", {"how": " "}, follow=True).content.decode()
    olga.post(f"{root}{row.pk}/", {"how": "Their search finds nothing"})
    row.refresh_from_db()
    assert row.state == Told.VERIFIED and "by olga" in page(olga, case, "recipients/")


def test_an_officer_notes_a_check_by_hand_and_nothing_shown_is_kept(aurora: seeded.Company, olga: Client) -> None:
    case = seeded.verified(aurora)
    shown = page(olga, case, "identity/")
    assert "not shown" in shown and "+49 30 901820" not in shown
    place = re.search(r'name="place" value="(\d+)"', shown)
    assert place
    address = f"/officer/cases/{case.reference}/identity/check/"
    assert "Choose how you made sure" in olga.post(address, {"place": place[1]}, follow=True).content.decode()
    olga.post(address, {"place": place[1], "checked": "call_back"})
    assert "Checked by an officer" in page(olga, case, "identity/")
    proof = case.proofs.get(proven_by="officer")
    assert (proof.by, proof.checked) == (aurora.olga, "call_back")


def test_the_calendar_has_each_date_and_nobodys_name(aurora: seeded.Company, olga: Client, client: Client) -> None:
    case = seeded.accepted(aurora)
    found = re.search(r"http://testserver(/calendar/[^<]+\.ics)", olga.get("/officer/").content.decode())
    assert found
    feed = client.get(found[1].replace("&amp;", "&"))
    assert feed["Content-Type"].startswith("text/calendar")
    events = {str(event["summary"]): event for event in Calendar.from_ical(feed.content).walk("VEVENT")}
    due = events[f"{case.reference}: answer due"]
    assert due["dtstart"].dt == case.promised_on and f"{case.reference}: extend by" in events
    assert len(due.walk("VALARM")) == 1
    assert b"Alice" not in feed.content and b"@example.org" not in feed.content.replace(b"@testserver", b"")
    alone = Calendar.from_ical(olga.get(f"/officer/cases/{case.reference}/calendar.ics").content)
    assert len(alone.walk("VEVENT")) == 3


def test_a_calendar_key_ends_with_the_password_and_cannot_be_made_up(
    aurora: seeded.Company, olga: Client, client: Client
) -> None:
    found = re.search(r"http://testserver(/calendar/[^<]+\.ics)", olga.get("/officer/").content.decode())
    assert found and client.get(found[1]).status_code == 200
    assert client.get("/calendar/1.abc:def.ics").status_code == 404
    aurora.olga.set_password("another long phrase 8")
    aurora.olga.save()
    assert client.get(found[1]).status_code == 404


def test_monitors_and_officers_learn_that_nobody_watches(aurora: seeded.Company, olga: Client, client: Client) -> None:
    seeded.verified(aurora)
    assert client.get("/healthz/clocks").status_code == 503
    assert "Nobody has watched the clocks" in olga.get("/officer/").content.decode()
    watching.saw(now=timezone.now() - timedelta(minutes=14))
    assert client.get("/healthz/clocks").status_code == 200
    assert "Nobody has watched" not in olga.get("/officer/").content.decode()


@pytest.mark.parametrize(
    "path", ["letters/", "recipients/", "identity/", "calendar.ics", "letters/1/", "letters/1/pdf/"]
)
def test_strangers_and_auditors_see_none_of_it(
    aurora: seeded.Company, amir: Client, stranger: Client, path: str
) -> None:
    case = seeded.verified(aurora)
    for who in (amir, stranger):
        assert who.get(f"/officer/cases/{case.reference}/{path}").status_code == 404
