"""Messages to other organisations' machines: signed, tried again with growing pauses, and made only when they go.

An address of the web is called without following redirections; one of e-mail gets a message that names the case and
never the person.
"""

from __future__ import annotations

import hmac
import json
import logging
from datetime import timedelta
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.utils import timezone

from compliance.evidence import partner_messages
from compliance.intake import recipients
from compliance.intake.ledgers import Outgoing, Partner, PartnerRequest
from compliance.rules.errors import InvalidInput, OubliError
from compliance.rules.terms import Told

log = logging.getLogger("oubli.outgoing")
MAX_TRIES, SECONDS = 8, 10
TAKEN = timedelta(minutes=1)  # longer than any call: a worker that dies in one leaves the message due again
_LOCAL = ("localhost", "127.0.0.1", "::1")


def owe_callbacks() -> int:
    """Owe every partner whose request has another status than it was told a call to each of its addresses."""
    owed = 0
    for row in PartnerRequest.objects.select_related("partner", "request__entity").exclude(callbacks=[]):
        status = partner_messages.due(row)
        if status == row.told_status:
            continue
        kind = Outgoing.Kind.DRP if row.partner.kind == Partner.Kind.AGENT else Outgoing.Kind.OPENDSR
        with transaction.atomic():
            for url in row.callbacks:
                Outgoing.objects.create(kind=kind, request=row.request, url=url, status=status, due_at=timezone.now())
            PartnerRequest.objects.filter(pk=row.pk).update(told_status=status)
        owed += len(row.callbacks)
    return owed


def send_due() -> int:
    """Send what is due; returns how many were taken."""
    owe_callbacks()
    rows = list(Outgoing.objects.filter(sent_at=None, tries__lt=MAX_TRIES, due_at__lte=timezone.now())[:50])
    return sum(send(row) for row in rows)


def send(row: Outgoing) -> int:
    """Send one message that nobody else is at; a failure is kept on its row and tried again. Returns how many went."""
    if not taken(row):
        return 0
    try:
        answer = _mail(row) if row.url.startswith("mailto:") else _call(row)
    except Exception as error:
        _failed(row, error)
        return 0
    Outgoing.objects.filter(pk=row.pk).update(sent_at=timezone.now(), error="")
    if row.recipient is not None:
        _tell(row, answer)
    return 1


def taken(row: Outgoing) -> bool:
    """Take the message before it is sent; False where another worker has taken or sent it meanwhile."""
    now = timezone.now()
    mine = Outgoing.objects.filter(pk=row.pk, sent_at=None, due_at=row.due_at, due_at__lte=now)
    return bool(mine.update(due_at=now + TAKEN))


def number(row: Outgoing) -> str:
    """The message's number, the same at each try, so that who has had it knows it again ("Standard Webhooks" 1.0)."""
    mark = hmac.digest(settings.SECRET_KEY.encode(), f"outgoing {row.pk}".encode(), "sha256").hex()[:16]
    return f"msg_{row.pk}_{mark}"


def _tell(row: Outgoing, answer: dict[str, Any]) -> None:
    recipient = row.recipient
    if recipient is None or Told(recipient.state) is not Told.TO_TELL:
        return
    told = recipients.advance(recipient, to=Told.REQUESTED, by="system", how=recipient.get_channel_display())
    if answer.get("state") == Told.ACKNOWLEDGED:
        recipients.advance(told, to=Told.ACKNOWLEDGED, by="system")


def _mail(row: Outgoing) -> dict[str, Any]:
    subject, body = partner_messages.mail(row)
    send_mail(subject, body, settings.DEFAULT_FROM_EMAIL, [row.url.removeprefix("mailto:")])
    return {}


def _call(row: Outgoing) -> dict[str, Any]:
    address = check_address(row.url)
    message = partner_messages.message(row)
    headers = {"Content-Type": "application/json", "User-Agent": "Oubli", **message.headers(number(row))}
    call = Request(address, data=message.body, headers=headers, method="POST")  # noqa: S310  # checked above
    try:
        with build_opener(Stay).open(call, timeout=SECONDS) as reply:
            return _answer(reply.read(10_000))
    except (HTTPError, URLError, TimeoutError) as error:
        code = error.code if isinstance(error, HTTPError) else type(error).__name__
        raise InvalidInput(f"Calling {recipients.host_of(address)}: it answered {code}.") from None


def check_address(url: str) -> str:
    """The address, if it may be called: HTTPS, or this machine itself; raises InvalidInput otherwise."""
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL):
        return url
    raise InvalidInput("Calling a partner: its address is neither HTTPS nor on this machine.")


class Stay(HTTPRedirectHandler):
    """Follow no redirection: what was signed for one address goes to no other."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """None makes the redirection an error."""


def _answer(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _failed(row: Outgoing, error: Exception) -> None:
    words = error.cause if isinstance(error, OubliError) else f"The message could not be sent ({type(error).__name__})."
    log.warning("outgoing %s: %s", row.pk, words)
    tries = row.tries + 1
    pause = timedelta(seconds=min(6 * 3600, 10 * 4**tries))
    Outgoing.objects.filter(pk=row.pk, sent_at=None).update(
        tries=tries, error=words[:300], due_at=timezone.now() + pause
    )
