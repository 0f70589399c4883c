"""OpenDSR 2.0: the specification's own examples, and what a hostile controller may not do."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from django.test import Client
from django.utils import timezone

from compliance.evidence import partner_messages
from compliance.evidence.models import Report
from compliance.intake import partners, vault
from compliance.intake.ledgers import Outgoing, Partner
from compliance.intake.models import ErasureRequest
from compliance.rules.terms import Requester, State
from compliance.worker import outgoing
from tests.api.building import Company

ID = "a7551968-d5d6-44b2-9831-815ac9017798"
# Sections 7.2, 5.3 and 7.1.1 of the specification; the field "regulation" is new in 2.0 and not in its example.
EXAMPLE: dict[str, Any] = {
    "regulation": "gdpr",
    "subject_request_id": ID,
    "subject_request_type": "erasure",
    "submitted_time": "2018-10-02T15:00:00Z",
    "subject_identities": [
        {"identity_type": "email", "identity_value": "johndoe@example.com", "identity_format": "raw"}
    ],
    "api_version": "2.0",
    "status_callback_urls": ["https://examplecontroller.com/opendsr/callbacks"],
    "extensions": {"example-processor.com": {"foo-processor-custom-id": 123456, "property_id": "123456"}},
}


@pytest.fixture
def controller(aurora: Company, tmp_path: Path, settings: Any) -> Partner:
    """A controller for whom Aurora processes."""
    settings.OUBLI_KEYS = tmp_path / "keys"
    return partners.register(
        aurora.entity,
        kind=Partner.Kind.CONTROLLER,
        name="Example Controller",
        external_id="example_controller_id",
        hosts=["examplecontroller.com"],
        attests=True,
    )


@pytest.fixture
def caller(controller: Partner) -> Client:
    """Its machine."""
    return Client(headers={"Authorization": f"Bearer {partners.new_token(controller)}"})


def post(caller: Client, body: Any, path: str = "opendsr_requests") -> Any:
    """Send a request."""
    raw = body if isinstance(body, str) else json.dumps(body)
    return caller.post(f"/opendsr/v2/{path}", raw, content_type="application/json")


def verified(answer: Any) -> dict[str, Any]:
    """The body, when its signature is that of the published certificate."""
    pem = Client().get("/opendsr/v2/certificate.pem").content
    key = x509.load_pem_x509_certificate(pem).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    signature = base64.b64decode(answer.headers["X-OpenDSR-Signature"])
    key.verify(signature, answer.content, padding.PKCS1v15(), hashes.SHA256())
    assert answer.headers["X-OpenDSR-Processor-Domain"] == "localhost"
    assert answer.headers["X-OpenGDPR-Signature"] == answer.headers["X-OpenDSR-Signature"], "section 10.1"
    return dict(json.loads(answer.content))


def test_discovery_says_what_is_supported_and_where_the_certificate_is(caller: Client) -> None:
    body = verified(Client().get("/opendsr/v2/discovery"))
    assert body["api_version"] == "2.0"
    assert {"identity_type": "email", "identity_format": "raw"} in body["supported_identities"]
    assert body["supported_subject_request_types"] == ["erasure"]
    assert body["processor_certificate"].endswith("/opendsr/v2/certificate.pem")


def test_the_specifications_request_is_received_with_a_signed_receipt(caller: Client) -> None:
    raw = json.dumps(EXAMPLE)
    answer = post(caller, raw)
    assert answer.status_code == 201
    body = verified(answer)
    assert set(body) == {
        "controller_id",
        "expected_completion_time",
        "received_time",
        "encoded_request",
        "subject_request_id",
    }
    assert body["controller_id"] == "example_controller_id" and body["subject_request_id"] == ID
    assert base64.b64decode(body["encoded_request"]).decode() == raw
    case = ErasureRequest.objects.get()
    assert (case.requester, case.state) == (Requester.CONTROLLER, State.VERIFIED)
    assert not case.notices.exists(), "the controller writes to its person, not we"
    assert vault.opened(case)["identifiers"] == [{"kind": "email", "value": "johndoe@example.com", "proven": True}]
    assert b"johndoe" not in bytes(case.sealed)


def test_the_same_number_is_the_same_request(caller: Client) -> None:
    assert post(caller, EXAMPLE).status_code == post(caller, EXAMPLE, "opengdpr_requests").status_code == 201
    assert ErasureRequest.objects.count() == 1


def test_the_status_is_signed_and_follows_the_case(caller: Client, aurora: Company) -> None:
    post(caller, EXAMPLE)
    for path in (f"opendsr_requests/{ID}", f"opengdpr_requests/{ID}", f"status/{ID}"):
        body = verified(caller.get(f"/opendsr/v2/{path}"))
        assert (body["request_status"], body["subject_request_id"]) == ("pending", ID)
    case = ErasureRequest.objects.get()
    for state, status in (("TRACED", "in_progress"), ("ANSWERED", "completed"), ("REFUSED", "cancelled")):
        ErasureRequest.objects.filter(pk=case.pk).update(state=state)
        assert verified(caller.get(f"/opendsr/v2/opendsr_requests/{ID}"))["request_status"] == status


@pytest.mark.parametrize(
    ("level", "opendsr", "drp"),
    [
        ("erased", "completed", "fulfilled"),
        ("kept", "completed", "fulfilled"),
        ("suppressed", "in_progress", "in_progress"),
        ("scheduled", "in_progress", "in_progress"),
        ("not_shown", "in_progress", "in_progress"),
    ],
)
def test_no_machine_is_told_completed_while_the_evidence_claims_less(
    caller: Client, aurora: Company, level: str, opendsr: str, drp: str
) -> None:
    post(caller, EXAMPLE)
    case = ErasureRequest.objects.get()
    claims = [{"artifact": "a", "level": "erased"}, {"artifact": "b", "level": level}]
    Report.objects.create(request=case, number=1, dossier={}, claims=claims, issued_at=timezone.now())
    for state in ("ANSWERED", "CLOSED"):
        ErasureRequest.objects.filter(pk=case.pk).update(state=state)
        assert verified(caller.get(f"/opendsr/v2/opendsr_requests/{ID}"))["request_status"] == opendsr
        case.refresh_from_db()
        assert partner_messages.drp_status(case) == (drp, "")


def test_a_request_is_cancelled_while_it_is_pending_and_only_then(caller: Client) -> None:
    post(caller, EXAMPLE)
    answer = caller.delete(f"/opendsr/v2/opendsr_requests/{ID}")
    assert answer.status_code == 202
    assert set(verified(answer)) == {"controller_id", "subject_request_id", "received_time", "api_version"}
    assert caller.delete(f"/opendsr/v2/opendsr_requests/{ID}").status_code == 202, "twice is once"
    other = {**EXAMPLE, "subject_request_id": "b7551968-d5d6-44b2-9831-815ac9017798"}
    post(caller, other)
    case = ErasureRequest.objects.get(state=State.VERIFIED)
    ErasureRequest.objects.filter(pk=case.pk).update(state="TRACED")
    late = caller.delete(f"/opendsr/v2/opendsr_requests/{other['subject_request_id']}")
    assert late.status_code == 409 and verified(late)["error"]["code"] == 409


def test_every_change_of_status_owes_a_signed_callback(caller: Client) -> None:
    post(caller, EXAMPLE)
    assert outgoing.owe_callbacks() == 1 and outgoing.owe_callbacks() == 0
    row = Outgoing.objects.get()
    sent = partner_messages.message(row)
    assert json.loads(sent.body) == {
        "controller_id": "example_controller_id",
        "expected_completion_time": partner_messages.expected(row.request),
        "subject_request_id": ID,
        "request_status": "pending",
        "status_callback_url": "https://examplecontroller.com/opendsr/callbacks",
    }
    assert set(sent.headers("x")) >= {"X-OpenDSR-Processor-Domain", "X-OpenDSR-Signature"}
    ErasureRequest.objects.update(state="TRACED")
    assert outgoing.owe_callbacks() == 1
    assert list(Outgoing.objects.values_list("status", flat=True)) == ["pending", "in_progress"]


MISSING = [{k: v for k, v in EXAMPLE.items() if k != name} for name in list(EXAMPLE)[:5]]
HOSTILE: list[Any] = [
    *MISSING,
    {**EXAMPLE, "regulation": "lgpd"},
    {**EXAMPLE, "regulation": "ccpa"},
    {**EXAMPLE, "subject_request_type": "portability"},
    {**EXAMPLE, "subject_request_id": ID.upper()},
    {**EXAMPLE, "subject_request_id": "a7551968-d5d6-14b2-9831-815ac9017798"},
    {**EXAMPLE, "submitted_time": "2018-10-02T15:00:00"},
    {**EXAMPLE, "subject_identities": []},
    {**EXAMPLE, "subject_identities": ["x"]},
    {
        **EXAMPLE,
        "subject_identities": [{"identity_type": "email", "identity_value": "ab" * 32, "identity_format": "md5"}],
    },
    {
        **EXAMPLE,
        "subject_identities": [{"identity_type": "roku_publisher_id", "identity_value": "1", "identity_format": "raw"}],
    },
    {
        **EXAMPLE,
        "subject_identities": [
            {"identity_type": "email", "identity_value": "\x00a@b.example", "identity_format": "raw"}
        ],
    },
    {**EXAMPLE, "status_callback_urls": ["https://internal.example/hook"]},
    {**EXAMPLE, "status_callback_urls": "https://examplecontroller.com/"},
    "[]",
    "{",
    '{"a": NaN}',
    "[" * 60 + "]" * 60,
]


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
def test_a_request_that_is_not_right_is_refused_in_the_specifications_shape(caller: Client, body: Any) -> None:
    answer = post(caller, body)
    assert answer.status_code in (400, 413)
    problem = verified(answer)["error"]
    assert problem["code"] == answer.status_code and problem["message"]
    assert "johndoe" not in answer.content.decode() and not ErasureRequest.objects.exists()


def test_nobody_else_sees_or_cancels_a_controllers_request(caller: Client, controller: Partner) -> None:
    post(caller, EXAMPLE)
    other = partners.register(
        controller.entity, kind=Partner.Kind.CONTROLLER, name="Other", external_id="other", hosts=[]
    )
    stranger = Client(headers={"Authorization": f"Bearer {partners.new_token(other)}"})
    assert stranger.get(f"/opendsr/v2/opendsr_requests/{ID}").status_code == 404
    assert stranger.delete(f"/opendsr/v2/opendsr_requests/{ID}").status_code == 404
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic x"}):
        assert post(Client(headers=headers), EXAMPLE).status_code == 403
    controller.active = False
    controller.save()
    assert caller.get(f"/opendsr/v2/opendsr_requests/{ID}").status_code == 403


def test_what_a_controller_that_does_not_attest_says_only_proposes(caller: Client, controller: Partner) -> None:
    controller.attests = False
    controller.save()
    post(caller, EXAMPLE)
    assert vault.opened(ErasureRequest.objects.get())["identifiers"][0]["proven"] is False
