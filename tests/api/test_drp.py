"""Data Rights Protocol: the specification's messages and checks; signatures checked against RFC 8032 too."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.test import Client
from django.utils import timezone

from compliance.evidence import partner_messages, signing
from compliance.intake import decisions, partners, vault
from compliance.intake.decisions import Reasons
from compliance.intake.ledgers import Outgoing, Partner
from compliance.intake.models import ErasureRequest
from compliance.rules.terms import Exemption, Role, State
from compliance.worker import outgoing
from tests.api.building import Company

# RFC 8032, section 7.1, test 3: key, message and signature.
RFC_PUBLIC = bytes.fromhex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025")
RFC_SIGNATURE = bytes.fromhex(
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
    "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
)
KEY, STRANGER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()


def public(key: Ed25519PrivateKey) -> str:
    """The public key as a service directory has it."""
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def signed(body: Any, key: Ed25519PrivateKey = KEY) -> bytes:
    """Signature in front of the JSON, base64 around both (section 3.07.1)."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return base64.b64encode(key.sign(raw) + raw)


def at(**delta: int) -> str:
    """A time, ISO 8601."""
    return (timezone.now() + timedelta(**delta)).isoformat()


def who(**more: Any) -> dict[str, Any]:
    """The first four fields of each message."""
    keys = {"agent-id": "aa-id", "business-id": "aurora", "issued-at": at(seconds=-5), "expires-at": at(minutes=10)}
    return {**keys, **more}


def deletion(**more: Any) -> dict[str, Any]:
    """The specification's example, with the right that is taken here and a person."""
    body = {
        "agent-request-id": "foo",
        "drp.version": "0.9.4",
        "exercise": "deletion",
        "regime": "ccpa",
        "relationships": ["customer", "marketing"],
        "status_callback": "https://dsr-agent.example.com/update_status",
        "name": "Jane Doe",
        "email": "jane@example.org",
        "email_verified": True,
        "phone_number": "+14155550123",
        "phone_number_verified": False,
    }
    return {**who(), **body, **more}


@pytest.fixture
def agent(aurora: Company, tmp_path: Path, settings: Any) -> Partner:
    """An agent that is registered, and attests."""
    settings.OUBLI_KEYS = tmp_path / "keys"
    aurora.entity.laws = ["ccpa"]
    aurora.entity.country, aurora.entity.subdivision, aurora.entity.time_zone = "US", "CA", "America/Los_Angeles"
    aurora.entity.save()
    return partners.register(
        aurora.entity,
        kind=Partner.Kind.AGENT,
        name="Agent",
        external_id="aa-id",
        public_key=public(KEY),
        hosts=["dsr-agent.example.com"],
        attests=True,
    )


def post(client: Client, path: str, raw: bytes) -> Any:
    """A signed message, as text."""
    return client.post(f"/drp/v1/{path}", raw, content_type="text/plain")


@pytest.fixture
def caller(agent: Partner) -> Client:
    """The agent's machine, after the key setup."""
    answer = post(Client(), "agent/aa-id", signed(who(**{"drp.version": "0.9.4"})))
    assert answer.status_code == 200 and answer.json()["agent-id"] == "aa-id"
    return Client(headers={"Authorization": f"Bearer {answer.json()['token']}"})


def test_signatures_are_those_of_rfc_8032() -> None:
    key, signature = base64.b64encode(RFC_PUBLIC).decode(), base64.b64encode(RFC_SIGNATURE).decode()
    assert signing.verifies(key, signature, bytes.fromhex("af82"))
    assert not signing.verifies(key, signature, bytes.fromhex("af83"))
    assert not signing.verifies("no key", signature, b"") and not signing.verifies(key, "no base64", b"")


def test_the_token_is_good_until_a_new_one_is_made(caller: Client, agent: Partner) -> None:
    assert caller.get("/drp/v1/agent/aa-id").json() == {}
    assert caller.get("/drp/v1/agent/another").status_code == 403
    post(Client(), "agent/aa-id", signed(who()))
    assert caller.get("/drp/v1/agent/aa-id").status_code == 403


def test_a_deletion_is_received_with_the_status_schema(caller: Client) -> None:
    answer = post(caller, "data-rights-request", signed(deletion()))
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert (body["status"], body["agent_request_id"]) == ("in_progress", "foo")
    assert {"request_id", "received_at", "expected_by"} <= set(body)
    case = ErasureRequest.objects.get()
    due = (datetime.fromisoformat(body["expected_by"]) - datetime.fromisoformat(body["received_at"])).days
    assert case.law == "ccpa" and 40 <= due <= 45
    found = vault.opened(case)["identifiers"]
    assert [(i["kind"], i["proven"]) for i in found] == [("email", True), ("phone", False)]
    assert caller.get(f"/drp/v1/data-rights-request/{body['request_id']}").json() == body


def test_the_same_message_twice_is_one_request(caller: Client) -> None:
    raw = signed(deletion())
    first, second = (post(caller, path, raw).json() for path in ("data-rights-request", "data-rights-request/"))
    assert first == second and ErasureRequest.objects.count() == 1


def test_revoking_is_signed_too_and_answers_with_the_new_state(caller: Client) -> None:
    number = post(caller, "data-rights-request", signed(deletion())).json()["request_id"]
    path = f"/drp/v1/data-rights-request/{number}"
    forged = caller.delete(path, signed({"reason": "x"}, STRANGER), content_type="text/plain")
    assert forged.status_code == 403
    raw = signed({"reason": "I don't want my account deleted"})
    assert caller.delete(path, raw, content_type="text/plain").json()["status"] == "revoked"
    assert ErasureRequest.objects.get().state == State.WITHDRAWN
    assert caller.get(path).json()["status"] == "revoked"


def test_a_refusal_is_a_denial_with_its_reason(caller: Client, aurora: Company) -> None:
    number = post(caller, "data-rights-request", signed(deletion())).json()["request_id"]
    case = ErasureRequest.objects.get()
    day = timezone.now().date() + timedelta(days=90)
    reasons = Reasons(exemption=Exemption.CCPA_EXCEPTION, reason="Security incidents.", review_on=day)
    decisions.refuse(case, by=aurora.staff[Role.OFFICER], reasons=reasons)
    body = caller.get(f"/drp/v1/data-rights-request/{number}").json()
    assert (body["status"], body["reason"]) == ("denied", "claim_not_covered")


def test_callbacks_carry_the_status_schema(caller: Client) -> None:
    body = post(caller, "data-rights-request", signed(deletion())).json()
    assert outgoing.owe_callbacks() == 1
    row = Outgoing.objects.get()
    assert (row.kind, row.url) == ("drp", "https://dsr-agent.example.com/update_status")
    assert json.loads(partner_messages.message(row).body) == body


WRONG: list[tuple[str, bytes, int]] = [
    ("not base64", b"%%%", 400),
    ("signed by another", signed(deletion(), STRANGER), 403),
    ("another agent", signed(deletion(**{"agent-id": "bb-id"})), 403),
    ("another business", signed(deletion(**{"business-id": "boreal"})), 403),
    ("issued in the future", signed(deletion(**{"issued-at": at(minutes=5)})), 400),
    ("expired", signed(deletion(**{"expires-at": at(seconds=-1)})), 400),
    ("valid for a day", signed(deletion(**{"expires-at": at(days=1)})), 400),
    ("no zone", signed(deletion(**{"issued-at": "2026-01-01T00:00:00"})), 400),
    ("opt-out", signed(deletion(exercise="sale:opt_out")), 400),
    ("unknown version", signed(deletion(**{"drp.version": "2.0"})), 400),
    ("another regime", signed(deletion(regime="gdpr")), 400),
    ("callback elsewhere", signed(deletion(status_callback="https://internal.example/")), 400),
    ("nobody", signed({k: v for k, v in deletion().items() if not k.startswith(("email", "phone"))}), 400),
    ("no JSON", signed(b"{"), 400),
    ("no object", signed(b"[]"), 400),
    ("no text", signed(deletion(email=["x"])), 400),
]


@pytest.mark.parametrize(("name", "raw", "code"), WRONG, ids=[name for name, _, _ in WRONG])
def test_a_message_that_is_not_right_is_refused(caller: Client, name: str, raw: bytes, code: int) -> None:
    answer = post(caller, "data-rights-request", raw)
    assert answer.status_code == code, name
    assert answer.json()["code"] == str(code) and answer.json()["fatal"] is True
    assert not ErasureRequest.objects.exists()


def test_a_message_changed_on_its_way_is_refused(caller: Client) -> None:
    whole = bytearray(base64.b64decode(signed(deletion())))
    whole[-3] ^= 1
    assert post(caller, "data-rights-request", base64.b64encode(bytes(whole))).status_code == 403


def test_key_setup_refuses_without_a_word(agent: Partner) -> None:
    for raw, path in (
        (signed(who(), STRANGER), "agent/aa-id"),
        (signed(who()), "agent/unknown"),
        (signed(who(**{"agent-id": "bb-id"})), "agent/aa-id"),
    ):
        answer = post(Client(), path, raw)
        assert (answer.status_code, answer.content) == (403, b"")


def test_a_key_setup_that_somebody_repeats_gives_them_no_token(agent: Partner) -> None:
    raw = signed(who())
    token = post(Client(), "agent/aa-id", raw).json()["token"]
    again = post(Client(), "agent/aa-id", raw)
    assert (again.status_code, again.content) == (403, b"")
    assert Client(headers={"Authorization": f"Bearer {token}"}).get("/drp/v1/agent/aa-id").status_code == 200


def test_a_copied_exercise_neither_makes_a_token_nor_revokes(caller: Client) -> None:
    raw = signed(deletion())
    number = post(caller, "data-rights-request", raw).json()["request_id"]
    assert post(Client(), "agent/aa-id", raw).status_code == 403
    path = f"/drp/v1/data-rights-request/{number}"
    assert caller.delete(path, raw, content_type="text/plain").status_code == 403
    assert caller.get(path).json()["status"] == "in_progress"


def test_another_agent_is_told_nothing_about_a_request(caller: Client, agent: Partner) -> None:
    number = post(caller, "data-rights-request", signed(deletion())).json()["request_id"]
    other = partners.register(
        agent.entity, kind=Partner.Kind.AGENT, name="B", external_id="bb-id", public_key=public(STRANGER)
    )
    stranger = Client(headers={"Authorization": f"Bearer {partners.new_token(other)}"})
    assert stranger.get(f"/drp/v1/data-rights-request/{number}").status_code == 403
    assert Client().get(f"/drp/v1/data-rights-request/{number}").status_code == 403
