"""Single-use codes: who controls the address that finds the person may ask for its erasure."""

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
from compliance.rules.terms import State

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
        expires_at=timezone.now() + timedelta(minutes=settings.OUBLI_CODE_MINUTES),
    )
    return code


def redeem(reference: str, code: str) -> ErasureRequest | None:
    """Consume a code; None whatever was wrong, so that the caller's transaction keeps the counted try."""
    with transaction.atomic():
        request = ErasureRequest.objects.filter(reference=reference.strip().upper(), state=State.RECEIVED).first()
        live = _live(request)
        fits = hmac.compare_digest(live.code_hash if live else "-" * 64, digest("code", code))
        if live and not fits:
            live.tries += 1
            live.expires_at = timezone.now() if live.tries >= settings.OUBLI_CODE_TRIES else live.expires_at
            live.save(update_fields=["tries", "expires_at"])
        if live and fits:
            live.used_at = timezone.now()
            live.save(update_fields=["used_at"])
    return request if live and fits else None


def _live(request: ErasureRequest | None) -> Confirmation | None:
    if request is None:
        return None
    now = timezone.now()
    return next((c for c in request.confirmations.select_for_update().order_by("-id") if c.live(now)), None)


def status(reference: str, secret: str) -> ErasureRequest | None:
    """The case that reference and secret open together; None (in constant time) otherwise."""
    request = ErasureRequest.objects.filter(reference=reference.strip().upper()).first()
    stored = request.secret_hash if request else "-" * 64
    return request if hmac.compare_digest(stored, digest("secret", secret)) and request else None
