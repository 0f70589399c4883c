"""Keys for machines outside the company: issued once, known by their hash, good for some scopes until a day."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.utils import timezone

from compliance.accounts.models import LegalEntity, ScopedToken
from compliance.rules.errors import InvalidInput

PREFIX = "oubli_"
SCOPES = ("unlearning", "bounces")


def issue(entity: LegalEntity, *, name: str, scopes: list[str], days: int) -> str:
    """Make a token and return it; it is said this once. A name that is taken gets a new key, the old one ends."""
    if not scopes or not set(scopes) <= set(SCOPES):
        raise InvalidInput(f"A token needs scopes of these: {', '.join(SCOPES)}.")
    if not 1 <= days <= 366:
        raise InvalidInput("A token lives from 1 to 366 days.")
    token = PREFIX + secrets.token_urlsafe(32)
    ScopedToken.objects.update_or_create(
        entity=entity,
        name=name,
        defaults={
            "digest": _digest(token),
            "scopes": scopes,
            "expires_at": timezone.now() + timedelta(days=days),
            "revoked_at": None,
        },
    )
    return token


def revoke(entity: LegalEntity, *, name: str) -> bool:
    """End a token now; False when there is none of that name."""
    found = ScopedToken.objects.filter(entity=entity, name=name, revoked_at=None)
    return bool(found.update(revoked_at=timezone.now()))


def find(token: str) -> ScopedToken | None:
    """The living token with this key; None for every other."""
    if not (token.isascii() and token.startswith(PREFIX) and len(token) < 100):
        return None
    living = ScopedToken.objects.filter(digest=_digest(token), revoked_at=None, expires_at__gt=timezone.now())
    return living.select_related("entity").first()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
