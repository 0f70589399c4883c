"""OpenDSR 2.0: a controller for whom we process sends, follows and cancels requests; every answer is signed.

Source: OpenDSR specification 2.0 (github.com/opengdpr/OpenDSR), sections named below. The signature is RSA with SHA-256
(PKCS #1 v1.5) over the raw body, as section 4.2 and its users read it, and stands in the header alone, as in the
specification's examples. Section 10.1 wants the earlier names
honoured too: routes and headers of OpenGDPR work beside those of OpenDSR.
"""

from __future__ import annotations

import base64
import re
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from compliance.api import machine_door as door
from compliance.evidence import partner_messages as messages
from compliance.intake import partners
from compliance.intake.form import Identifier
from compliance.intake.ledgers import Partner, PartnerRequest
from compliance.rules.errors import InvalidInput
from compliance.rules.terms import IdentifierKind, Law

GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
# Identity types of section 5.1 that something of ours is found by; hashed forms find nothing here.
IDENTITIES = {"email": IdentifierKind.EMAIL, "controller_customer_id": IdentifierKind.CUSTOMER_ID}
REGULATIONS = {"gdpr": Law.GDPR, "ccpa": Law.CCPA}


def error(code: int, message: str) -> HttpResponse:
    """The error object of section 7.6; it never repeats what was sent."""
    detail = {"domain": "Validation", "reason": "Refused", "message": message}
    body = {"error": {"code": code, "message": message, "errors": [detail]}}
    return _signed(body, code)


def _signed(body: dict[str, Any], code: int = 200) -> HttpResponse:
    raw = messages.encoded(body)
    headers = messages.opendsr_headers(raw)
    return HttpResponse(raw, status=code, content_type="application/json", headers=headers)


@door.machine(error, "GET")
def discovery(request: HttpRequest) -> HttpResponse:
    """Section 6: what is supported, and where the certificate is."""
    return _signed(
        {
            "api_version": messages.API_VERSION,
            "supported_identities": [{"identity_type": name, "identity_format": "raw"} for name in IDENTITIES],
            "supported_subject_request_types": ["erasure"],
            "processor_certificate": f"{settings.OUBLI_SITE}/opendsr/v2/certificate.pem",
        }
    )


@door.machine(error, "GET")
def certificate(request: HttpRequest) -> HttpResponse:
    """The certificate that signs."""
    return HttpResponse(messages.certificate(), content_type="application/x-pem-file")


@door.machine(error, "POST")
def requests(request: HttpRequest) -> HttpResponse:
    """Section 7: take a request in; 201 with a signed receipt that holds the whole request."""
    partner = door.partner_of(request, Partner.Kind.CONTROLLER)
    raw = door.body_of(request)
    row = partners.receive(partner, _read(door.object_in(raw)))
    return _signed(
        {
            "controller_id": partner.external_id,
            "expected_completion_time": messages.expected(row.request),
            "received_time": messages.rfc3339(row.received_at),
            "encoded_request": base64.b64encode(raw).decode(),
            "subject_request_id": row.external_id,
        },
        201,
    )


def _read(body: dict[str, Any]) -> partners.Sent:
    number = door.text(body, "subject_request_id", longest=36)
    if not GUID.fullmatch(number):
        raise InvalidInput("subject_request_id is no lower-case UUID of version 4.")
    if door.text(body, "subject_request_type") != "erasure":
        raise InvalidInput("subject_request_type is not supported: only erasure is.")
    law = REGULATIONS.get(door.text(body, "regulation"))
    if law is None:
        raise InvalidInput("regulation is not supported: gdpr and ccpa are.")
    when = parse_datetime(door.text(body, "submitted_time", longest=40))
    if when is None or when.tzinfo is None:
        raise InvalidInput("submitted_time is no RFC 3339 time with its zone.")
    return partners.Sent(number, law, _identities(body), callbacks=_callbacks(body))


def _identities(body: dict[str, Any]) -> list[Identifier]:
    given = body.get("subject_identities")
    if not isinstance(given, list) or not given or len(given) > 50:
        raise InvalidInput("subject_identities field is required.")
    found = []
    for item in given:
        if not isinstance(item, dict):
            raise InvalidInput("subject_identities: an identity is no object.")
        kind = IDENTITIES.get(door.text(item, "identity_type"))
        if kind is None or door.text(item, "identity_format") != "raw":
            raise InvalidInput("subject_identities: this type or format is not supported; see /discovery.")
        found.append(Identifier(kind, door.text(item, "identity_value", longest=254), proven=True))
    return found


def _callbacks(body: dict[str, Any]) -> list[str]:
    given = body.get("status_callback_urls") or []
    if not isinstance(given, list) or len(given) > 5 or not all(isinstance(u, str) and len(u) <= 500 for u in given):
        raise InvalidInput("status_callback_urls is no short list of addresses.")
    return list(given)


@door.machine(error, "GET", "DELETE")
def one_request(request: HttpRequest, number: str) -> HttpResponse:
    """Sections 8 and 9: the status of a request, or its cancellation while it is pending."""
    partner = door.partner_of(request, Partner.Kind.CONTROLLER)
    row = partners.find(partner, number)
    return _cancelled(row) if request.method == "DELETE" else _signed(messages.opendsr_state(row))


def _cancelled(row: PartnerRequest) -> HttpResponse:
    done = partners.cancel(row)
    body = {
        "controller_id": row.partner.external_id,
        "subject_request_id": row.external_id,
        "received_time": messages.rfc3339(done.cancelled_at or timezone.now()),
        "api_version": messages.API_VERSION,
    }
    return _signed(body, 202)


_NAMES = ("opendsr_requests", "opengdpr_requests")
urlpatterns: list[Any] = [
    path("v2/discovery", discovery, name="opendsr_discovery"),
    path("v2/certificate.pem", certificate, name="opendsr_certificate"),
    *[path(f"v2/{name}", requests, name=name) for name in _NAMES],
    *[path(f"v2/{name}/<str:number>", one_request, name=f"{name}_one") for name in _NAMES],
    path("v2/status/<str:number>", one_request, name="opendsr_status"),
]
