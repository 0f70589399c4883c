"""Recipients: told over a signed webhook, and their signed answers; confirmed is not verified."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core import mail
from django.test import Client
from django.utils import timezone

from compliance.audit import services as audit
from compliance.evidence import signing
from compliance.intake import partners, recipients
from compliance.intake.ledgers import Outgoing, Partner, Recipient
from compliance.rules.errors import IllegalMove, InvalidInput, NotAllowed
from compliance.rules.terms import Role, Told
from compliance.worker import outgoing
from tests.api.building import ALICE, Company, verified

KEY = Ed25519PrivateKey.generate()


@pytest.fixture
def listening() -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """A recipient's server on this machine, and what it got."""
    got: list[tuple[dict[str, str], bytes]] = []

    class Listens(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append(({k.lower(): v for k, v in self.headers.items()}, body))
            away = self.path == "/away"
            self.send_response(302 if away else 200)
            self.send_header("Location", "http://127.0.0.1:1/") if away else None
            self.end_headers()
            self.wfile.write(b'{"state": "acknowledged"}')

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Listens)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook", got
    server.shutdown()
    server.server_close()


@pytest.fixture
def keys(tmp_path: Path, settings: Any) -> None:
    """Keys of the test's own."""
    settings.OUBLI_KEYS = tmp_path / "keys"


def told(at: Company, name: str) -> Recipient:
    """A recipient on the ledger of a case."""
    return recipients.note(verified(at), name=name, artifact="tickets")


def say(row: Recipient, body: Any, *, key: Ed25519PrivateKey = KEY, at: int | None = None, uid: str = "msg_1") -> Any:
    """The recipient's signed answer."""
    raw = json.dumps({"recipient": str(row.uid), **body}).encode()
    when = str(at or int(timezone.now().timestamp()))
    signature = base64.b64encode(key.sign(f"{uid}.{when}.".encode() + raw)).decode()
    headers = {"webhook-id": uid, "webhook-timestamp": when, "webhook-signature": f"v1,abc v1a,{signature}"}
    address = f"/webhooks/recipients/{row.uid}"
    return Client().post(address, raw, content_type="application/json", headers=headers)


def partner(at: Company, url: str, **more: Any) -> Partner:
    """The recipient as it was registered."""
    public = base64.b64encode(KEY.public_key().public_bytes_raw()).decode()
    kind = Partner.Kind.RECIPIENT
    return partners.register(
        at.entity, kind=kind, name="Mailer", external_id="mailer", public_key=public, url=url, **more
    )


def test_a_webhook_goes_out_signed_once_and_says_no_identifier(aurora: Company, listening: Any, keys: None) -> None:
    url, got = listening
    row = told(aurora, f"Mailer Ltd {url}")
    assert outgoing.send_due() == 1 and outgoing.send_due() == 0
    headers, body = got[0]
    public = base64.b64encode(audit.public_key().public_bytes_raw()).decode()
    signing.check_webhook(
        public_key=public,
        uid=headers["webhook-id"],
        at=headers["webhook-timestamp"],
        signature=headers["webhook-signature"],
        body=body,
    )
    said = json.loads(body)
    assert (said["type"], said["article"], said["artifact"]) == ("erasure.requested", "GDPR Art. 19", "tickets")
    assert "identifiers" not in said and ALICE not in body.decode()
    row.refresh_from_db()
    assert row.state == Told.ACKNOWLEDGED and row.requested_at is not None, "what the recipient answered counts"


def test_identifiers_go_only_to_a_recipient_that_was_registered_for_them(
    aurora: Company, listening: Any, keys: None
) -> None:
    url, got = listening
    partner(aurora, url, gets_identifiers=True)
    told(aurora, f"Mailer Ltd {url}")
    outgoing.send_due()
    assert json.loads(got[0][1])["identifiers"] == [{"kind": "email", "value": ALICE}]


def test_a_redirection_is_not_followed_and_the_message_is_tried_again(
    aurora: Company, listening: Any, keys: None
) -> None:
    url, _ = listening
    row = told(aurora, f"Mailer Ltd {url.replace('/hook', '/away')}")
    assert outgoing.send_due() == 0
    owed = Outgoing.objects.get(recipient=row)
    assert owed.tries == 1 and owed.sent_at is None and "302" in owed.error and owed.due_at > timezone.now()
    row.refresh_from_db()
    assert row.state == Told.TO_TELL


def test_plain_http_is_spoken_with_this_machine_only(aurora: Company, keys: None) -> None:
    with pytest.raises(InvalidInput, match="HTTPS"):
        outgoing.check_address("http://partner.example/hook")
    assert outgoing.check_address("https://partner.example/hook")


def test_an_e_mail_names_the_case_and_never_the_person(aurora: Company, keys: None) -> None:
    row = told(aurora, "Mailer Ltd <privacy@mailer.example>")
    outgoing.send_due()
    message = next(one for one in mail.outbox if one.to == ["privacy@mailer.example"])
    assert row.request.reference in str(message.body) and ALICE not in str(message.body)
    row.refresh_from_db()
    assert (row.state, row.how) == (Told.REQUESTED, "E-mail")


def test_signed_answers_move_a_recipient_on_and_only_we_verify(aurora: Company, keys: None) -> None:
    url = "https://mailer.example/hook"
    partner(aurora, url)
    row = told(aurora, f"Mailer Ltd {url}")
    assert say(row, {"state": "confirmed"}).status_code == 409, "who was never told has nothing to confirm"
    recipients.advance(row, to=Told.REQUESTED, by="system")
    assert say(row, {"state": "verified"}).status_code == 400
    assert say(row, {"state": "acknowledged"}).json()["state"] == "acknowledged"
    assert say(row, {"state": "confirmed"}).json()["state"] == "confirmed"
    assert say(row, {"state": "acknowledged"}).json()["state"] == "confirmed", "nothing goes backwards"
    olga, amir = aurora.staff[Role.OFFICER], aurora.staff[Role.AUDITOR]
    with pytest.raises(NotAllowed):
        recipients.verify(row, by=amir, how="Looked.")
    with pytest.raises(InvalidInput, match="not said how"):
        recipients.verify(row, by=olga, how=" ")
    done = recipients.verify(row, by=olga, how="Their search finds nothing.")
    assert (done.state, done.verified_by) == (Told.VERIFIED, olga)


def test_nothing_is_verified_that_was_not_confirmed(aurora: Company, keys: None) -> None:
    row = told(aurora, "A paper archive")
    olga = aurora.staff[Role.OFFICER]
    recipients.by_hand(row, by=olga, how="Letter of 3 May")
    with pytest.raises(IllegalMove, match="what was confirmed"):
        recipients.verify(row, by=olga, how="Looked.")


def test_an_answer_signed_by_another_or_long_ago_or_about_anothers_row_is_refused(
    aurora: Company, boreal: Company, keys: None
) -> None:
    url = "https://mailer.example/hook"
    partner(aurora, url)
    row = told(aurora, f"Mailer Ltd {url}")
    recipients.advance(row, to=Told.REQUESTED, by="system")
    now = int(timezone.now().timestamp())
    assert say(row, {"state": "confirmed"}, key=Ed25519PrivateKey.generate()).status_code == 403
    other = {"state": "confirmed", "recipient": "6b3d9f1e-0000-4000-8000-000000000000"}
    assert say(row, other).status_code == 400, "a message that was signed for another recipient"
    assert say(row, {"state": "confirmed"}, at=now - 600).status_code == 403
    assert say(row, {"state": "confirmed"}, at=now + 600).status_code == 403
    theirs = told(boreal, f"Mailer Ltd {url}")
    assert say(theirs, {"state": "confirmed"}).status_code == 403
    unsigned = Client().post(f"/webhooks/recipients/{row.uid}", b"{}", content_type="application/json")
    assert unsigned.status_code == 403
    row.refresh_from_db()
    assert row.state == Told.REQUESTED
