"""Letters on their way: by e-mail, or printed for the post; the printed one lies sealed under the case's key."""

from __future__ import annotations

import base64

from django.db import transaction
from django.utils import timezone

from compliance.accounts import services as accounts
from compliance.accounts.models import User
from compliance.audit import services as audit
from compliance.intake import vault
from compliance.intake.ledgers import Delivery
from compliance.intake.models import Notice
from compliance.jobs import services as jobs
from compliance.rules.errors import IllegalMove, MissingPart
from compliance.rules.terms import Channel, Role


def sealed_pdf(key: bytes, made: bytes) -> bytes:
    """A printed letter, encrypted under the case's key."""
    return vault.encrypt(key, {"pdf": base64.b64encode(made).decode()})


def opened_pdf(row: Delivery) -> bytes:
    """The printed letter; NotFoundHere once the case's key is destroyed, MissingPart before it is printed."""
    if row.pdf is None:
        raise MissingPart("This letter is still being printed.", next_action="Wait a moment, then reload.")
    key = vault.case_key(row.notice.request)
    return base64.b64decode(str(vault.decrypt(key, bytes(row.pdf))["pdf"]))


def for_the_post(notice: Notice, *, by: User) -> Delivery:
    """Have a letter printed; one that is not written yet is printed when it is."""
    accounts.require(by, notice.request.entity, [Role.OFFICER])
    if notice.sent_at is None:
        raise IllegalMove("This letter is not written yet.", next_action="Wait until the worker has written it.")
    with transaction.atomic():
        row, _ = Delivery.objects.get_or_create(notice=notice)
        row.channel = Channel.PAPER
        row.save(update_fields=["channel"])
        jobs.wake("oubli.post")
    return row


def posted(row: Delivery, *, by: User) -> Delivery:
    """Somebody of ours put the printed letter into the post."""
    accounts.require(by, row.notice.request.entity, [Role.OFFICER])
    if row.pdf is None:
        raise MissingPart("This letter was not printed.", next_action="Have it printed, then post it.")
    with transaction.atomic():
        row.posted_at, row.posted_by = timezone.now(), by
        row.save(update_fields=["posted_at", "posted_by"])
        request = row.notice.request
        audit.record(
            "letter.posted",
            case=request.reference,
            entity=request.entity.slug,
            by=by.get_username(),
            detail={"letter": row.notice.kind},
        )
    return row
