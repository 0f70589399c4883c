"""How a letter travels: e-mail by default, a tagged PDF for the post when an officer asks for it."""

from __future__ import annotations

import hashlib

from django.db import transaction
from django.utils import timezone

from compliance.audit import services as audit
from compliance.evidence.letters import spoken
from compliance.intake import deliveries, vault
from compliance.intake.ledgers import Delivery
from compliance.intake.models import Notice
from compliance.rules.terms import Channel


def sent_by_email(notice: Notice, message_id: str) -> Delivery:
    """Write down under which Message-ID a letter went, so that a bounce finds its case."""
    row, _ = Delivery.objects.update_or_create(
        notice=notice,
        defaults={"channel": Channel.EMAIL, "message_id": message_id, "bounced_at": None, "bounce": ""},
    )
    return row


def print_due() -> int:
    """Make the PDFs that officers asked for; returns how many."""
    from compliance.evidence.printing import letter_pdf

    due = Delivery.objects.filter(channel=Channel.PAPER, pdf=None, notice__sent_at__isnull=False)
    rows = list(due.select_related("notice__request__entity")[:20])
    for row in rows:
        request = row.notice.request
        key = vault.case_key(request)
        kept = vault.decrypt(key, bytes(row.notice.sealed or b""))
        entity = request.entity
        made = letter_pdf(
            kept["subject"],
            kept["text"],
            language=spoken(row.notice.language),
            sender=f"{entity.name} · {entity.contact}",
        )
        row.pdf = deliveries.sealed_pdf(key, made)
        row.save(update_fields=["pdf"])
        _log(row, hashlib.sha256(made).hexdigest())
    return len(rows)


def _log(row: Delivery, digest: str) -> None:
    request = row.notice.request
    with transaction.atomic():
        audit.record(
            "letter.printed",
            case=request.reference,
            entity=request.entity.slug,
            by="system",
            detail={"letter": row.notice.kind, "sha256": digest, "at": timezone.now().isoformat()},
        )
