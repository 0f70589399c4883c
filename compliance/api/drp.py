"""Data Rights Protocol: an authorised agent exercises, follows and revokes; each message is signed by the agent's key.

Source: Data Rights Protocol 0.9.4, the latest text that could be read; it is the candidate for 1.0, and both version
strings are taken. Section 3.07 names the checks and their order, and they are done in it: base64, signature by the key
registered for the agent (never one that came along), agent, business, issued, expires. Keys are registered out of band.
"""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from compliance.api import machine_door as door
from compliance.evidence import partner_messages as messages
from compliance.evidence import signing
from compliance.intake import limits, partners
from compliance.intake.form import Identifier
from compliance.intake.ledgers import Partner
from compliance.rules.errors import InvalidInput, NotAllowed, NotFoundHere
from compliance.rules.terms import IdentifierKind, Law

VERSIONS = ("0.9", "0.9.1", "0.9.2", "0.9.3", "0.9.4", "1.0", "1.0.0")
SIGNATURE_BYTES, LONGEST_LIFE = 64, timedelta(hours=1)


def error(code: int, message: str) -> HttpResponse:
    """The error of section 3.06; one that no new try mends is fatal."""
    body: dict[str, Any] = {"code": str(code), "message": message}
    return door.answer(body | ({"fatal": True} if code in (400, 403) else {}), code)


def _bare(code: int, message: str) -> HttpResponse:
    """Section 2.05.1: a failed key setup is refused without a word."""
    return HttpResponse(status=403) if code == 403 else error(code, message)


def _opened(raw: bytes, public_key: str) -> dict[str, Any]:
    """The JSON behind a signature in front of it, base64 around both."""
    try:
        whole = base64.b64decode(raw.strip(), validate=True)
    except ValueError:
        raise InvalidInput("Reading a signed message: it is no base64.") from None
    signature, message = whole[:SIGNATURE_BYTES], whole[SIGNATURE_BYTES:]
    if not signing.verifies(public_key, base64.b64encode(signature).decode(), message):
        raise NotAllowed("Reading a signed message: the signature is not the agent's.")
    return door.object_in(message)


def _check(found: dict[str, Any], partner: Partner) -> None:
    """Agent, business, issued, expires: in the order of section 3.07."""
    if door.text(found, "agent-id") != partner.external_id:
        raise NotAllowed("agent-id is not the agent that signed.")
    if door.text(found, "business-id").lower() != partner.entity.slug.lower():
        raise NotAllowed("business-id is not this business.")
    issued, expires, now = _time(found, "issued-at"), _time(found, "expires-at"), timezone.now()
    if issued > now + timedelta(seconds=60):
        raise InvalidInput("issued-at is in the future.")
    if expires <= now:
        raise InvalidInput("expires-at has passed.")
    if expires - issued > LONGEST_LIFE:
        raise InvalidInput("expires-at is too far from issued-at: at most an hour.")


def _time(found: dict[str, Any], name: str) -> datetime:
    when = parse_datetime(door.text(found, name, longest=40))
    if when is None or when.tzinfo is None:
        raise InvalidInput(f"{name} is no ISO 8601 time with its zone.")
    return when


def _agent(agent_id: str) -> Partner:
    found = Partner.objects.filter(kind=Partner.Kind.AGENT, external_id=agent_id, active=True).first()
    if found is None or not found.public_key:
        raise NotAllowed("No such agent is registered.")
    return found


def _not_an_exercise(found: dict[str, Any]) -> None:
    """A message that was signed to exercise a right does nothing else, whoever kept a copy of it."""
    if "exercise" in found:
        raise NotAllowed("This message was signed for something else.")


def _used_once(found: dict[str, Any], partner: Partner) -> None:
    """A token is made once for a message: whoever repeats it while it is still valid gets none."""
    _not_an_exercise(found)
    message = f"{partner.pk} {hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()}"
    limits.count("drp setup", message)
    if limits.counted("drp setup", message, hours=3) > 1:  # it was valid for an hour at most
        raise NotAllowed("This message was used before.")


@door.machine(_bare, "POST", "GET")
def agent(request: HttpRequest, agent_id: str) -> HttpResponse:
    """Sections 2.05 and 2.06: a token for a signed message; and whether a token is still good."""
    if request.method == "GET":
        if door.partner_of(request, Partner.Kind.AGENT).external_id != agent_id:
            raise NotAllowed("The token is another agent's.")
        return door.answer({})
    partner = _agent(agent_id)
    found = _opened(door.body_of(request), partner.public_key)
    _check(found, partner)
    _used_once(found, partner)
    return door.answer({"agent-id": agent_id, "token": partners.new_token(partner)})


@door.machine(error, "POST")
def exercise(request: HttpRequest) -> HttpResponse:
    """Section 2.01: exercise a right; only deletion is taken here."""
    partner = door.partner_of(request, Partner.Kind.AGENT)
    found = _opened(door.body_of(request), partner.public_key)
    _check(found, partner)
    if door.text(found, "drp.version") not in VERSIONS:
        raise InvalidInput("drp.version is not supported.")
    if door.text(found, "exercise") != "deletion":
        raise InvalidInput("Unsupported rights actions submitted.")
    if door.text(found, "regime", needed=False) not in ("", "ccpa"):
        raise InvalidInput("regime is not supported: ccpa, or none.")
    row = partners.receive(partner, _sent(found, partner))
    return door.answer(messages.drp_state(row))


def _sent(found: dict[str, Any], partner: Partner) -> partners.Sent:
    """The request; the agent's own number makes a second sending of it the same request."""
    own = door.text(found, "agent-request-id", needed=False, longest=100)
    number = uuid.uuid5(uuid.NAMESPACE_URL, f"{partner.external_id}:{own}") if own else uuid.uuid4()
    laws = partner.entity.laws
    callback = door.text(found, "status_callback", needed=False)
    return partners.Sent(
        external_id=str(number),
        own_number=own,
        law=Law.CCPA if str(Law.CCPA) in laws else Law(laws[0]),
        identifiers=_identifiers(found),
        name=door.text(found, "name", needed=False, longest=200),
        callbacks=[callback] if callback else [],
    )


def _identifiers(found: dict[str, Any]) -> list[Identifier]:
    kinds = (("email", IdentifierKind.EMAIL), ("phone_number", IdentifierKind.PHONE))
    return [
        Identifier(kind, value, proven=found.get(f"{name}_verified") is True)
        for name, kind in kinds
        if (value := door.text(found, name, needed=False, longest=254))
    ]


@door.machine(error, "GET", "DELETE")
def one_request(request: HttpRequest, number: str) -> HttpResponse:
    """Sections 2.02 and 2.04: the status of a request; its revocation, signed like its exercise."""
    partner = door.partner_of(request, Partner.Kind.AGENT)
    try:
        row = partners.find(partner, number)
    except NotFoundHere:
        raise NotAllowed("There is no such request of this agent.") from None  # section 2.02.1: 403
    if request.method == "DELETE":
        _not_an_exercise(_opened(door.body_of(request), partner.public_key))
        partners.cancel(row)
    return door.answer(messages.drp_state(row))


urlpatterns: list[Any] = [
    path("v1/data-rights-request", exercise, name="drp_exercise"),
    path("v1/data-rights-request/", exercise),
    path("v1/data-rights-request/<str:number>", one_request, name="drp_request"),
    path("v1/agent/<str:agent_id>", agent, name="drp_agent"),
]
