"""Requests that another organisation's machine sends: known by its key, received once, cancelled while it may be.

A controller for whom we process writes to its person itself, so such a case sends the person no letter; an agent's case
sends its letters to the agent's person as any other. What a partner says was verified counts only for partners that
were registered as attesting; everything else only proposes candidates.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from compliance.accounts.models import LegalEntity
from compliance.audit import services as audit
from compliance.intake import identity, services, vault, verification
from compliance.intake.clocks import set_clock
from compliance.intake.form import Identifier, check_one
from compliance.intake.ledgers import Partner, PartnerRequest
from compliance.intake.models import CaseKey, ErasureRequest
from compliance.intake.recipients import host_of
from compliance.rules.errors import IllegalMove, InvalidInput, NotAllowed, NotFoundHere
from compliance.rules.terms import IdentifierKind, Law, Requester, State

TOKEN_DAYS = 90


@dataclass(frozen=True)
class Sent:
    """What a partner's message asks for, read and checked."""

    external_id: str
    law: Law
    identifiers: Sequence[Identifier]
    name: str = ""
    own_number: str = ""
    callbacks: Sequence[str] = field(default_factory=tuple)
    details: str = ""


def register(
    entity: LegalEntity, *, kind: Partner.Kind, name: str, external_id: str, public_key: str = "", **more: object
) -> Partner:
    """Write a partner down, or change it; raises InvalidInput for a key that is no Ed25519 key."""
    if public_key and not _is_key(public_key):
        raise InvalidInput("Registering a partner: its key is not 32 bytes of base64 (Ed25519).")
    values = {"entity": entity, "name": name, "public_key": public_key, "active": True, **more}
    return Partner.objects.update_or_create(kind=kind, external_id=external_id, defaults=values)[0]


def _is_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == 32
    except ValueError:
        return False


def new_token(partner: Partner) -> str:
    """A bearer token for a partner, shown once; only its keyed digest is kept. An earlier one ends."""
    token = secrets.token_urlsafe(32)
    partner.token_hash, partner.token_until = _digest(token), timezone.now() + timedelta(days=TOKEN_DAYS)
    partner.save(update_fields=["token_hash", "token_until"])
    return token


def _digest(token: str) -> str:
    return verification.digest("partner", base64.b32encode(token.encode()).decode())


def by_token(token: str, kind: Partner.Kind) -> Partner:
    """The partner whose token it is; raises NotAllowed whatever is wrong with it."""
    wanted = _digest(token)
    found = Partner.objects.filter(kind=kind, active=True, token_hash=wanted, token_until__gt=timezone.now()).first()
    if found is None or not hmac.compare_digest(found.token_hash, wanted):
        raise NotAllowed("This needs a valid bearer token.", next_action="Ask for a new one with a signed message.")
    return found


def receive(partner: Partner, sent: Sent) -> PartnerRequest:
    """Take a partner's request in: the same number twice is the same request, never a second case."""
    known = PartnerRequest.objects.filter(partner=partner, external_id=sent.external_id).first()
    if known:
        return known
    _check(partner, sent)
    try:
        with transaction.atomic():
            return _open(partner, sent, received_at=timezone.now())
    except IntegrityError:  # the same message twice at the same time
        return PartnerRequest.objects.get(partner=partner, external_id=sent.external_id)


def _check(partner: Partner, sent: Sent) -> None:
    if not sent.identifiers:
        raise InvalidInput("Receiving a partner's request: it names nothing that finds the person.")
    if str(sent.law) not in partner.entity.laws:
        raise InvalidInput("Receiving a partner's request: this law does not apply to the organisation it is for.")
    for other in sent.identifiers:
        check_one(other, region=partner.entity.phone_region)
    for url in sent.callbacks:
        if host_of(url) not in partner.hosts:
            raise InvalidInput("Receiving a partner's request: a callback goes to a host that is not the partner's.")


def _open(partner: Partner, sent: Sent, *, received_at: datetime) -> PartnerRequest:
    plain, wrapped = vault.new_case_key()
    first = sent.identifiers[0]
    agent = partner.kind == Partner.Kind.AGENT
    request = ErasureRequest(
        reference=f"OUB-{verification.token(4)}-{verification.token(4)}",
        secret_hash=verification.digest("secret", verification.token(16)),
        entity=partner.entity,
        law=sent.law,
        requester=Requester.AGENT if agent else Requester.CONTROLLER,
        received_at=received_at,
        verified_at=received_at,
        person_key=identity.key_of(first.kind, first.value),
        sealed=vault.encrypt(plain, _content(partner, sent)),
    )
    set_clock(request)
    request.save()
    CaseKey.objects.create(request=request, wrapped=wrapped)
    row = PartnerRequest.objects.create(
        request=request,
        partner=partner,
        external_id=sent.external_id,
        own_number=sent.own_number,
        callbacks=list(sent.callbacks),
        received_at=received_at,
    )
    detail = {"law": str(request.law), "promised_on": request.promised_on.isoformat(), "kind": partner.kind}
    by = f"partner {partner.external_id}"
    audit.record("case.RECEIVED", case=request.reference, entity=partner.entity.slug, by=by, detail=detail)
    services.move(request, to=State.VERIFIED, by=by, reason="Received from a partner that is known by its key.")
    return row


def _content(partner: Partner, sent: Sent) -> Mapping[str, object]:
    rows = [
        {"kind": str(item.kind), "value": item.value, "proven": bool(item.proven and partner.attests)}
        for item in sent.identifiers
    ]
    mailbox = next((item.value for item in sent.identifiers if item.kind is IdentifierKind.EMAIL), "")
    return {
        "contact": {"value": mailbox, "proven": bool(mailbox and partner.attests)},
        "name": sent.name,
        "identifiers": rows,
        "details": sent.details,
        "wishes": ["erase"],
        "clues": [],
        "where": "",
        "whys": [],
    }


def find(partner: Partner, external_id: str) -> PartnerRequest:
    """The partner's request by its number; NotFoundHere for anybody else's."""
    rows = PartnerRequest.objects.filter(partner=partner, external_id=external_id)
    found = rows.select_related("request__entity", "partner").first()
    if found is None:
        raise NotFoundHere("There is no such request of this partner.")
    return found


def cancel(row: PartnerRequest) -> PartnerRequest:
    """Cancel a request that nobody has decided on yet; twice is once."""
    if row.cancelled_at:
        return row
    if State(row.request.state) not in (State.RECEIVED, State.VERIFIED):
        raise IllegalMove("Work on this request has begun; it can no longer be cancelled.")
    with transaction.atomic():
        services.move(row.request, to=State.WITHDRAWN, by=f"partner {row.partner.external_id}", reason="cancelled")
        row.cancelled_at = timezone.now()
        row.save(update_fields=["cancelled_at"])
    return row
