"""Sends the letters that are owed, and keeps each as it was sent, sealed under the case's key."""

from __future__ import annotations

import hmac
import logging
from datetime import timedelta
from email.utils import parseaddr
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.utils import timezone

from compliance.audit import services as audit
from compliance.evidence import facts, letters
from compliance.intake import notices, own_words, vault, verification
from compliance.intake.form import contact_of
from compliance.intake.models import Notice
from compliance.rules.errors import OubliError
from compliance.rules.terms import Letter
from compliance.worker import delivering

log = logging.getLogger("oubli.post")
MAX_TRIES = 5


def send(notice: Notice) -> int:
    """Send one letter, once; a failure is kept on its row and tried again. Returns how many were sent (0 or 1)."""
    try:
        with transaction.atomic():
            # Only the letter is locked: with its case and entity, somebody who confirms just now would deadlock.
            rows = Notice.objects.select_for_update(of=("self",)).select_related("request__entity")
            row = rows.get(pk=notice.pk)
            if row.sent_at is not None:
                return 0
            only_here = vault.decrypt(vault.case_key(row.request), bytes(row.sealed)) if row.sealed else {}
            if notices.held_back(row, only_here):
                return 0
            _deliver(row, only_here)
    except Exception as error:
        _failed(notice, error)
        return 0
    return 1


def _deliver(row: Notice, only_here: dict[str, Any]) -> None:
    request = row.request
    key = vault.case_key(request)
    person = vault.opened(request)
    if "code" in only_here:
        verification.begin(request, only_here["code"])
    parts = facts.letter_facts(request, Letter(row.kind), links=_links(row, only_here), only_here=only_here)
    letter = letters.render_letter(row.kind, row.language, parts)
    # Marked in the transaction that ends after the delivery: a refused delivery rolls the mark back. A worker killed
    # between the two sends the letter again, under the same Message-ID, because a letter owed by law may not be lost.
    row.sent_at, row.error = timezone.now(), ""
    text = letter.text.replace(only_here["code"], "········") if "code" in only_here else letter.text
    kept = {"subject": letter.subject, "text": text}
    row.sealed = vault.encrypt(key, kept)
    row.save(update_fields=["sent_at", "error", "sealed"])
    own = own_words.gone_out(request, Letter(row.kind))
    audit.record(
        f"letter.{row.kind}",
        case=request.reference,
        entity=request.entity.slug,
        by="system",
        detail={"language": row.language, "channel": "e-mail", **({"own_words": True} if own else {})},
    )
    message = EmailMultiAlternatives(
        letter.subject,
        letter.text,
        settings.DEFAULT_FROM_EMAIL,
        [str(only_here.get("to") or contact_of(person))],
        headers={"Message-ID": _message_id(row)},
    )
    delivering.sent_by_email(row, _message_id(row))
    message.attach_alternative(letter.html, "text/html")
    message.send()


def _message_id(row: Notice) -> str:
    """The same for every delivery of one letter, so that a mailbox shows a second one once."""
    mark = hmac.digest(settings.SECRET_KEY.encode(), f"notice {row.pk}".encode(), "sha256").hex()[:32]
    return f"<{mark}@{parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition('@')[2]}>"


def _links(row: Notice, only_here: dict[str, Any]) -> dict[str, str]:
    links = {"status": f"{settings.OUBLI_SITE}/status/"}
    if "code" in only_here:
        query = urlencode({"reference": row.request.reference, "code": only_here["code"]})
        links["confirm"] = f"{settings.OUBLI_SITE}/confirm/?{query}"
    return links


def _failed(notice: Notice, error: Exception) -> None:
    tries = notice.tries + 1
    words = error.cause if isinstance(error, OubliError) else f"The letter could not be sent ({type(error).__name__})."
    log.warning("notice %s: %s", notice.pk, words)
    pause = timedelta(seconds=min(3600, 5 * 4**tries))
    Notice.objects.filter(pk=notice.pk, sent_at=None).update(
        tries=tries, error=words[:300], due_at=timezone.now() + (pause if tries < MAX_TRIES else timedelta(hours=6))
    )
