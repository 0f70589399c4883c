"""Save and come back: a form that is kept for two weeks, readable only with the code that was shown once.

The key is derived from the code and is stored nowhere, so that the database alone opens no draft.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from compliance.intake import vault, verification
from compliance.intake.papers import Draft

KEPT = timedelta(days=14)
LENGTH = 20  # 32 signs of 5 bits: 100 bits, which nobody guesses


def keep(answers: Mapping[str, Any]) -> tuple[str, datetime]:
    """Keep the answers; returns the code in groups of five, and until when."""
    code = verification.token(LENGTH)
    until = timezone.now() + KEPT
    Draft.objects.create(
        code_hash=verification.digest("draft", code), sealed=vault.encrypt(_key(code), answers), expires_at=until
    )
    return "-".join(code[n : n + 5] for n in range(0, LENGTH, 5)), until


def resume(typed: str) -> dict[str, Any] | None:
    """The answers, and the draft is gone (saving again makes a new code); None for a code that opens nothing."""
    code = "".join(c for c in typed.upper() if c.isalnum())
    with transaction.atomic():
        row = Draft.objects.filter(code_hash=verification.digest("draft", code), expires_at__gt=timezone.now()).first()
        if row is None:
            return None
        answers = vault.decrypt(_key(code), row.sealed)
        row.delete()
    return answers


def forget_old() -> int:
    """Remove the drafts whose time is over; returns how many."""
    return Draft.objects.filter(expires_at__lte=timezone.now()).delete()[0]


def _key(code: str) -> bytes:
    return base64.urlsafe_b64encode(hmac.new(b"oubli draft v1", code.encode(), hashlib.sha256).digest())
