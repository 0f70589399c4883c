"""The ledger of those who have to be told: each with its channel, and how far they are.

*Requested* is our message, *acknowledged* their receipt, *confirmed* their word that it is done, *verified* our own
look. Accepted is not erased: nothing goes backwards, and only a person of ours verifies.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from django.db import transaction
from django.utils import timezone

from compliance.accounts import services as accounts
from compliance.accounts.models import User
from compliance.audit import services as audit
from compliance.intake.ledgers import Outgoing, Recipient
from compliance.intake.models import ErasureRequest
from compliance.jobs import services as jobs
from compliance.rules.errors import IllegalMove, InvalidInput
from compliance.rules.terms import Channel, Law, Role, Told

ORDER = (Told.TO_TELL, Told.REQUESTED, Told.ACKNOWLEDGED, Told.CONFIRMED, Told.VERIFIED)
ARTICLES = {
    Law.GDPR: "GDPR Art. 19",
    Law.UK_GDPR: "UK GDPR Art. 19",
    Law.LGPD: "LGPD Art. 18 §6",
    Law.CCPA: "Cal. Civ. Code 1798.105(c)",
    Law.SWISS_FADP: "FADP Art. 32",
}
PUBLISHED = "GDPR Art. 17(2)"
FORWARDED = "GDPR Art. 28(3)(e)"
_ADDRESS = re.compile(r"[^\s<>(),;]+@[^\s<>(),;]+")
_URL = re.compile(r"https?://[^\s<>(),;]+")


def address_of(name: str) -> tuple[Channel, str]:
    """How a registered recipient can be reached: a webhook's address, an e-mail address, or by hand."""
    if found := _URL.search(name):
        return Channel.WEBHOOK, found.group()
    if found := _ADDRESS.search(name):
        return Channel.EMAIL, found.group()
    return Channel.BY_HAND, ""


def article_for(request: ErasureRequest, *, published: bool = False) -> str:
    """The duty to tell, under the case's law; data that was published has its own (GDPR Art. 17(2))."""
    law = Law(request.law)
    return PUBLISHED if published and law in (Law.GDPR, Law.UK_GDPR) else ARTICLES[law]


def note(request: ErasureRequest, *, name: str, artifact: str = "", article: str = "", told: bool = False) -> Recipient:
    """Write a recipient down, once per case and artifact; a channel of ours owes it a message unless ``told``."""
    channel, address = address_of(name)
    with transaction.atomic():
        row, fresh = Recipient.objects.get_or_create(
            request=request,
            artifact=artifact,
            name=name[:300],
            defaults={"channel": channel, "article": article or article_for(request)},
        )
        if told and Told(row.state) is Told.TO_TELL:
            return advance(row, to=Told.REQUESTED, by="system", how=row.get_channel_display())
        if fresh and address and not told:
            url = address if channel is Channel.WEBHOOK else f"mailto:{address}"
            Outgoing.objects.create(
                kind=Outgoing.Kind.RECIPIENT, request=request, recipient=row, url=url, due_at=timezone.now()
            )
            jobs.wake("oubli.post")
    return row


def by_hand(row: Recipient, *, by: User, how: str) -> Recipient:
    """Somebody of ours told them, by telephone or letter."""
    accounts.require(by, row.request.entity, [Role.OFFICER])
    return advance(row, to=Told.REQUESTED, by=by.get_username(), how=how)


def verify(row: Recipient, *, by: User, how: str) -> Recipient:
    """We looked ourselves, and it is gone there; says how we looked."""
    accounts.require(by, row.request.entity, [Role.OFFICER])
    if not how.strip():
        raise InvalidInput("Verifying a recipient: it is not said how.", next_action="Write how you looked.")
    return advance(row, to=Told.VERIFIED, by=by.get_username(), how=how, verified_by=by)


def advance(row: Recipient, *, to: Told, by: str, how: str = "", verified_by: User | None = None) -> Recipient:
    """Move a recipient on; raises IllegalMove backwards, and for who was never asked."""
    with transaction.atomic():
        fresh = Recipient.objects.select_for_update().select_related("request__entity").get(pk=row.pk)
        before = Told(fresh.state)
        if ORDER.index(to) <= ORDER.index(before) or (before is Told.TO_TELL and to is not Told.REQUESTED):
            raise IllegalMove(f"A recipient that is {before.label.lower()} cannot become {to.label.lower()}.")
        if to is Told.VERIFIED and (verified_by is None or before is not Told.CONFIRMED):
            raise IllegalMove("Only somebody of ours verifies, and only what was confirmed.")
        fresh.become(to, how=how, verified_by=verified_by)
        audit.record(
            f"recipient.{to}",
            case=fresh.request.reference,
            entity=fresh.request.entity.slug,
            by=by,
            detail={"recipient": fresh.pk, "artifact": fresh.artifact, "article": fresh.article},
        )
    return fresh


def open_for(request: ErasureRequest) -> int:
    """How many recipients have not confirmed."""
    return request.recipients.filter(state__in=[Told.TO_TELL, Told.REQUESTED, Told.ACKNOWLEDGED]).count()


def host_of(url: str) -> str:
    """The host of an address, lower case."""
    return (urlsplit(url).hostname or "").lower()
