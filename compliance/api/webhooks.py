"""Signed webhooks in: what recipients answer, each signed with the key that was registered for them.

Header and signed content are those of "Standard Webhooks" 1.0 (``webhook-id``, ``webhook-timestamp``,
``webhook-signature: v1a,…``, Ed25519). A recipient may say *acknowledged* and *confirmed*; *verified* is ours alone.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path

from compliance.api import machine_door as door
from compliance.evidence import signing
from compliance.intake import recipients
from compliance.intake.ledgers import Partner, Recipient
from compliance.rules.errors import InvalidInput, NotAllowed
from compliance.rules.terms import Told

SAID = {"acknowledged": Told.ACKNOWLEDGED, "confirmed": Told.CONFIRMED}


def error(code: int, message: str) -> HttpResponse:
    """An error in a few words."""
    return door.answer({"error": message}, code)


@door.machine(error, "POST")
def recipient(request: HttpRequest, number: uuid.UUID) -> HttpResponse:
    """A recipient's answer; saying the same twice changes nothing."""
    row = Recipient.objects.select_related("request__entity").filter(uid=number).first()
    body = door.body_of(request)
    _check(request, row, body)
    words = door.object_in(body)
    said = SAID.get(door.text(words, "state"))
    if row is not None and door.text(words, "recipient") != str(row.uid):
        raise InvalidInput("recipient is not the one of this address: what is signed for one serves for no other.")
    if row is None or said is None:
        raise InvalidInput("state is neither acknowledged nor confirmed.")
    if recipients.ORDER.index(said) > recipients.ORDER.index(Told(row.state)):
        row = recipients.advance(row, to=said, by=f"recipient {row.pk}")
    return door.answer({"recipient": str(row.uid), "state": row.state})


def _check(request: HttpRequest, row: Recipient | None, body: bytes) -> None:
    """Who signs must be the partner to whose address this recipient's message went; the same words whatever fails."""
    url = recipients.address_of(row.name)[1] if row else ""
    kind = Partner.Kind.RECIPIENT
    partner = Partner.objects.filter(kind=kind, url=url, active=True).first() if row and url else None
    if row is None or partner is None or partner.entity_id != row.request.entity_id:
        raise NotAllowed("Reading a signed message: the signature is not the partner's.")
    signing.check_webhook(
        public_key=partner.public_key,
        uid=request.headers.get("webhook-id", "")[:200],
        at=request.headers.get("webhook-timestamp", ""),
        signature=request.headers.get("webhook-signature", "")[:2000],
        body=body,
    )


urlpatterns: list[Any] = [path("recipients/<uuid:number>", recipient, name="recipient_answer")]
