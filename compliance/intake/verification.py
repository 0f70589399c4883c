"""Single-use codes: who controls the address that finds the person may ask for its erasure.

A code proves a mailbox, so it confirms whichever request of that mailbox its owner names: when a stranger filled in
forms with somebody's address, and letters are therefore held back, the owner's own request still needs no letter of
its own. Tries are counted for the request that was named: a stranger uses up their own tries and nobody else's.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from compliance.intake import vault
from compliance.intake.models import Confirmation, ErasureRequest

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # no 0/O and 1/I: people type it
WRONG = "That reference and code do not fit together, or the code has run out."


def token(length: int) -> str:
    """A random code that people can type."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def digest(purpose: str, secret: str) -> str:
    """Keyed digest of a high-entropy secret, for storage at rest."""
    message = f"{purpose}:{secret.strip().upper()}".encode()
    return hmac.new(vault.lookup_key(), message, hashlib.sha256).hexdigest()


def issue(request: ErasureRequest, *, identifier_key: str) -> str:
    """Make a code for one identifier and return it once; only its digest is kept."""
    code = token(8)
    Confirmation.objects.create(
        request=request,
        identifier_key=identifier_key,
        code_hash=digest("code", code),
        expires_at=timezone.now() + _life(),
    )
    return code


def _life() -> timedelta:
    return timedelta(minutes=settings.OUBLI_CODE_MINUTES)


def begin(request: ErasureRequest, code: str) -> None:
    """The letter with the code goes out now: its minutes count from here."""
    unused = request.confirmations.filter(code_hash=digest("code", code), used_at=None)
    unused.update(expires_at=timezone.now() + _life())


def redeem(reference: str, code: str) -> ErasureRequest | None:
    """Consume a code of the address that gets the letters; None whatever was wrong.

    It returns instead of raising, so that the caller's transaction keeps the counted try.
    """
    with transaction.atomic():
        request = ErasureRequest.objects.filter(reference=reference.strip().upper()).first()
        key = request.person_key if request else "-"
        return request if _consume(request, code, identifier_key=key) else None


def redeem_identifier(request: ErasureRequest, code: str, *, identifier_key: str) -> bool:
    """Consume a code that was sent to one of the case's other identifiers; False whatever was wrong."""
    with transaction.atomic():
        return _consume(request, code, identifier_key=identifier_key)


def _consume(request: ErasureRequest | None, code: str, *, identifier_key: str) -> bool:
    """Compare with every live code of the mailbox, in constant time each; count a wrong try on the named request."""
    given, now = digest("code", code), timezone.now()
    rows = Confirmation.objects.select_for_update().filter(
        identifier_key=identifier_key, used_at=None, expires_at__gt=now
    )
    live = [row for row in rows.order_by("-id")[:200] if row.tries < settings.OUBLI_CODE_TRIES]
    fitting = [row for row in live if hmac.compare_digest(row.code_hash, given)] or None
    hmac.compare_digest("-" * 64, given)
    own = _own(request, identifier_key)
    if request is None or own is None or own.tries >= settings.OUBLI_CODE_TRIES:
        return False
    if fitting is None:
        own.tries += 1
        own.save(update_fields=["tries"])
        return False
    fitting[0].used_at = now
    fitting[0].save(update_fields=["used_at"])
    return True


def _own(request: ErasureRequest | None, identifier_key: str) -> Confirmation | None:
    """The newest code of the request that was named, sent or not: where its tries are counted."""
    if request is None:
        return None
    return request.confirmations.filter(identifier_key=identifier_key).order_by("-id").first()


def status(reference: str, secret: str) -> ErasureRequest | None:
    """The case that reference and secret open together; None (in constant time) otherwise."""
    request = ErasureRequest.objects.filter(reference=reference.strip().upper()).first()
    stored = request.secret_hash if request else "-" * 64
    return request if hmac.compare_digest(stored, digest("secret", secret)) and request else None
