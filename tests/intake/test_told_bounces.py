"""A mail system says which letters came back: with its token, for its own company, and without learning anything."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from compliance.accounts import tokens
from compliance.audit.models import Event
from compliance.intake.ledgers import Delivery
from compliance.worker import tasks
from tests.web import seeded

PATH = "/api/v1/bounces/"
REPORT = """Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example

Final-Recipient: rfc822; alice.martin@example.org
Action: failed
Status: 5.1.1 (no such mailbox)

--b
Content-Type: text/rfc822-headers

Message-ID: {id}

--b--
"""


@pytest.fixture
def letter(aurora: seeded.Company) -> Delivery:
    """A letter of Alice's case that went by e-mail."""
    case = seeded.accepted(aurora)
    tasks.post_letters()
    return Delivery.objects.get(notice__request=case, notice__kind="accepted")


def sent(firm: seeded.Company, body: dict[str, Any], *, scopes: tuple[str, ...] = ("bounces",)) -> Any:
    """What a mail system with a token of this company is answered."""
    token = tokens.issue(firm.entity, name="mail", scopes=list(scopes), days=9)
    return Client().post(PATH, body, content_type="application/json", headers={"Authorization": f"Bearer {token}"})


def test_a_letter_that_came_back_is_noted_once_on_its_case(letter: Delivery, aurora: seeded.Company) -> None:
    for _ in range(2):
        answer = sent(aurora, {"message_id": letter.message_id, "status": "5.1.1"})
        assert (answer.status_code, answer.json()) == (202, {"received": True})
    letter.refresh_from_db()
    assert letter.bounced_at is not None and (letter.bounce, letter.permanent) == ("5.1.1", True)
    assert Event.objects.get(kind="letter.bounced").words()["code"] == "5.1.1"


def test_a_letter_that_is_late_is_not_lost(letter: Delivery, aurora: seeded.Company) -> None:
    sent(aurora, {"message_id": letter.message_id, "status": "4.4.1"})
    letter.refresh_from_db()
    assert (letter.bounce, letter.permanent) == ("4.4.1", False)


def test_the_whole_delivery_report_is_read_and_nothing_of_it_kept(letter: Delivery, aurora: seeded.Company) -> None:
    assert sent(aurora, {"report": REPORT.format(id=letter.message_id)}).status_code == 202
    letter.refresh_from_db()
    assert letter.bounce == "5.1.1" and "alice" not in str(Event.objects.get(kind="letter.bounced").words())


def test_the_answer_does_not_tell_whether_a_letter_is_known(letter: Delivery, aurora: seeded.Company) -> None:
    known = sent(aurora, {"message_id": letter.message_id, "status": "5.1.1"})
    for body in ({"message_id": "<nobody@example.org>", "status": "5.1.1"}, {"report": "Hello, no report."}):
        other = sent(aurora, body)
        assert (other.status_code, other.content) == (known.status_code, known.content)


def test_another_companys_mail_system_speaks_of_its_own_letters_only(letter: Delivery, lumen: seeded.Company) -> None:
    assert sent(lumen, {"message_id": letter.message_id, "status": "5.1.1"}).status_code == 202
    letter.refresh_from_db()
    assert letter.bounced_at is None


@pytest.mark.parametrize(
    "body", [{}, {"message_id": "<a@b>"}, {"status": "5.1.1"}, {"message_id": "<a@b>", "status": "2.0.0"}]
)
def test_half_a_bounce_is_refused(aurora: seeded.Company, body: dict[str, str]) -> None:
    assert sent(aurora, body).status_code in (400, 422)


def test_without_the_scope_nobody_reports(letter: Delivery, aurora: seeded.Company, amir: Client, olga: Client) -> None:
    body = {"message_id": letter.message_id, "status": "5.1.1"}
    assert sent(aurora, body, scopes=("unlearning",)).status_code == 403
    assert Client().post(PATH, body, content_type="application/json").status_code == 401
    assert amir.post(PATH, body, content_type="application/json").status_code == 403
    letter.refresh_from_db()
    assert letter.bounced_at is None
    assert olga.post(PATH, body, content_type="application/json").status_code == 202
