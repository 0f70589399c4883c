"""Letters that are owed: rows written with the move that owes them, sent by the worker."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.utils import timezone

from compliance.intake import vault
from compliance.intake.models import ErasureRequest, Notice
from compliance.jobs import services as jobs
from compliance.rules.terms import Letter

LETTERS_A_DAY = 5


def owe(request: ErasureRequest, letter: Letter, *, only_here: Mapping[str, Any] | None = None) -> Notice | None:
    """Write down a letter that is owed; ``only_here`` is sealed with it (a code that stands nowhere else).

    One address gets at most five acknowledgements a day: a flood of forms must not become a flood of mail. Where none
    was sent and nobody confirmed, no later letter is owed either.
    """
    if letter is Letter.ACKNOWLEDGED and _flooded(request):
        return None
    if letter is not Letter.ACKNOWLEDGED and _unheard_of(request):
        return None
    sealed = vault.encrypt(vault.case_key(request), only_here or {})
    jobs.wake("oubli.post")
    return Notice.objects.create(
        request=request, kind=letter, language=request.language, due_at=timezone.now(), sealed=sealed
    )


def _flooded(request: ErasureRequest) -> bool:
    since = timezone.now() - timedelta(days=1)
    same = Notice.objects.filter(
        request__person_key=request.person_key, kind=Letter.ACKNOWLEDGED, created_at__gte=since
    )
    return same.count() >= LETTERS_A_DAY


def _unheard_of(request: ErasureRequest) -> bool:
    """Whether the address never confirmed a request of which it was never told."""
    return request.verified_at is None and not request.notices.filter(kind=Letter.ACKNOWLEDGED).exists()
