"""What partners' machines are told: status of a request in their own words, and what a recipient has to erase.

Sources: OpenDSR 2.0, sections 8.1 to 8.7; Data Rights Protocol 0.9.4 (the latest published text before 1.0), sections
3.02, 3.03 and 2.03; for recipients the header of "Standard Webhooks" 1.0.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from django.conf import settings

from compliance.evidence import seal, signing
from compliance.evidence.models import Report
from compliance.intake import clocks, vault
from compliance.intake.ledgers import Outgoing, Partner, PartnerRequest
from compliance.intake.models import DecisionKind, ErasureRequest
from compliance.rules.errors import ConfigurationError, NotFoundHere
from compliance.rules.terms import ClaimLevel, State

API_VERSION = "2.0"
_PENDING = (State.RECEIVED, State.VERIFIED)
_COMPLETED = (State.ANSWERED, State.CLOSED)
_DENIED = (State.REFUSED, State.FORWARDED)
# Nobody's machine is told "completed" while a letter says that something is still stored, due, or cannot be shown.
_OPEN = (ClaimLevel.SUPPRESSED, ClaimLevel.SCHEDULED, ClaimLevel.NOT_SHOWN)


@dataclass(frozen=True)
class Message:
    """A body, and the headers that sign it."""

    body: bytes
    headers: Callable[[str], dict[str, str]]


def opendsr_status(request: ErasureRequest) -> str:
    """The request's status in OpenDSR's four words; what was refused is never called completed."""
    state = State(request.state)
    if state in _PENDING:
        return "pending"
    if state in _DENIED or state in (State.WITHDRAWN, State.LAPSED) or (state is State.CLOSED and _refusal(request)):
        return "cancelled"
    return "completed" if state in _COMPLETED and not _less(request) else "in_progress"


def drp_status(request: ErasureRequest) -> tuple[str, str]:
    """The request's status and reason in the words of the Data Rights Protocol."""
    state = State(request.state)
    ended = {State.WITHDRAWN: ("revoked", ""), State.LAPSED: ("expired", "")}
    if state in ended:
        return ended[state]
    if refusal := _refusal(request):
        return "denied", refusal
    return ("fulfilled", "") if state in _COMPLETED and not _less(request) else ("in_progress", "")


def _less(request: ErasureRequest) -> bool:
    """Whether the newest evidence claims less of a place than its erasure, or the reason why it is kept."""
    report = Report.objects.filter(request=request, round=request.round).order_by("-number").first()
    return any(claim["level"] in _OPEN for claim in (report.claims if report else []))


_REASONS = {
    DecisionKind.EXCESSIVE: "too_many_requests",
    DecisionKind.UNIDENTIFIED: "no_match",
    DecisionKind.REFUSE: "claim_not_covered",
    DecisionKind.FORWARD: "other",
}


def _refusal(request: ErasureRequest) -> str:
    """Why the request was not carried out, if the last decision that ends it was such a one."""
    if State(request.state) not in (*_DENIED, State.CLOSED):
        return ""
    kinds = [*_REASONS, DecisionKind.ACCEPT, DecisionKind.INSTRUCT, DecisionKind.SIGN_OFF]
    last = request.decisions.filter(kind__in=kinds).order_by("-id").first()
    return _REASONS.get(DecisionKind(last.kind), "") if last else ""


def expected(request: ErasureRequest) -> str:
    """The end of the promised day at the controller's, RFC 3339."""
    zone = ZoneInfo(request.entity.time_zone)
    return rfc3339(datetime.combine(request.promised_on, time(23, 59, 59), zone))


def rfc3339(moment: datetime) -> str:
    """A moment in UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def opendsr_state(row: PartnerRequest) -> dict[str, Any]:
    """The body of a status (section 8.3)."""
    return {
        "controller_id": row.partner.external_id,
        "expected_completion_time": expected(row.request),
        "subject_request_id": row.external_id,
        "request_status": opendsr_status(row.request),
        "api_version": API_VERSION,
    }


def drp_state(row: PartnerRequest) -> dict[str, Any]:
    """The body of a status (section 3.03)."""
    status, reason = drp_status(row.request)
    body = {
        "request_id": row.external_id,
        "received_at": rfc3339(row.received_at),
        "expected_by": expected(row.request),
        "status": status,
    }
    body |= {"reason": reason} if reason else {}
    body |= {"agent_request_id": row.own_number} if row.own_number else {}
    if row.request.extended:
        body["processing_details"] = "The answer needs more time; the person was told why."
    return body


def message(row: Outgoing) -> Message:
    """What goes out now for an owed message."""
    if row.kind == Outgoing.Kind.RECIPIENT:
        body = encoded(_to_recipient(row))
        return Message(body, lambda uid: signing.webhook_headers(uid, body))
    partner_request = PartnerRequest.objects.select_related("partner", "request__entity").get(request=row.request)
    if row.kind == Outgoing.Kind.OPENDSR:
        told = {**opendsr_state(partner_request), "status_callback_url": row.url}
        told.pop("api_version")
        body = encoded(told)
        return Message(body, lambda uid: opendsr_headers(body))
    body = encoded(drp_state(partner_request))
    return Message(body, lambda uid: signing.webhook_headers(uid, body))


def _to_recipient(row: Outgoing) -> dict[str, Any]:
    recipient, request = row.recipient, row.request
    if recipient is None:
        raise NotFoundHere("Telling a recipient: its row is gone.")
    body: dict[str, Any] = {
        "type": "erasure.requested",
        "case": request.reference,
        "from": request.entity.name,
        "article": recipient.article,
        "artifact": recipient.artifact,
        "recipient": str(recipient.uid),
        "answer_to": f"{settings.OUBLI_SITE}/webhooks/recipients/{recipient.uid}",
    }
    partner = Partner.objects.filter(kind=Partner.Kind.RECIPIENT, entity=request.entity, url=row.url, active=True)
    if partner.filter(gets_identifiers=True).exists():
        found = vault.opened(request)["identifiers"]
        body["identifiers"] = [{"kind": i["kind"], "value": i["value"]} for i in found if i["proven"]]
    return body


def mail(row: Outgoing) -> tuple[str, str]:
    """Subject and words of a message by e-mail: the case and the artifact, never the person."""
    recipient, request = row.recipient, row.request
    artifact = f" from {recipient.artifact}" if recipient and recipient.artifact else ""
    words = [
        f"{request.entity.name} passes on a request of a data subject ({recipient.article if recipient else ''}).",
        f"You received or control data{artifact}. Please act on it, and confirm to {request.entity.contact},",
        f"naming the case {request.reference}; the identifiers follow over the agreed channel.",
    ]
    return f"Case {request.reference}: action needed", "\n".join(words) + "\n"


def encoded(body: dict[str, Any]) -> bytes:
    """JSON as it is signed and sent."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def opendsr_headers(body: bytes) -> dict[str, str]:
    """Domain and signature (sections 4.2, 8.3), under both names that the specification uses."""
    domain = urlsplit(settings.OUBLI_SITE).hostname or "localhost"
    signed = base64.b64encode(_rsa().sign(body, padding.PKCS1v15(), hashes.SHA256())).decode()
    return {
        "X-OpenDSR-Processor-Domain": domain,
        "X-OpenDSR-Signature": signed,
        "X-OpenGDPR-Processor-Domain": domain,
        "X-OpenGDPR-Signature": signed,
    }


def _keys() -> Path:
    return Path(settings.OUBLI_KEYS)


def certificate() -> bytes:
    """The certificate (PEM) that signs: the operator's ``opendsr-certificate.pem``, else the seal's own."""
    own = _keys() / "opendsr-certificate.pem"
    if own.is_file():
        return own.read_bytes()
    seal.ensure(_keys(), organisation="Oubli")
    return seal.certificate_pem(_keys())


def _rsa() -> rsa.RSAPrivateKey:
    own = _keys() / "opendsr-key.pem"
    seal.ensure(_keys(), organisation="Oubli")
    path = own if own.is_file() else _keys() / seal.KEY_FILE
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ConfigurationError("The key that signs for partners is no RSA key.", file=path.name)
    return key


def due(row: PartnerRequest) -> str:
    """The status that the partner should know by now, in its own words."""
    if row.partner.kind == Partner.Kind.AGENT:
        return ":".join(part for part in drp_status(row.request) if part)
    return opendsr_status(row.request)


def open_pauses(request: ErasureRequest) -> bool:
    """Whether the person still has to show who they are."""
    found = clocks.pauses_of(request)
    return bool(found) and found[-1].answered_on is None
