"""Letters that are owed: rows written with the move that owes them, sent by the worker.

Whoever types a stranger's address makes letters go there. So an address gets five letters with a code a day at once,
and after that one an hour, which speaks for all requests that wait: its code confirms any of them. A flood of forms is
no flood of mail, and nobody is kept from an answer by forms that somebody else filled in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from compliance.intake import limits, vault
from compliance.intake.form import contact_of
from compliance.intake.models import ErasureRequest, Notice
from compliance.jobs import services as jobs
from compliance.rules.terms import Letter, Requester

LETTERS_A_DAY = 5
CODES_AN_HOUR = 3000  # of the whole installation: beyond it letters come later
WITH_A_CODE = (Letter.ACKNOWLEDGED, Letter.CODE)


def owe(request: ErasureRequest, letter: Letter, *, only_here: Mapping[str, Any] | None = None) -> Notice | None:
    """Write down a letter that is owed; ``only_here`` is sealed with it (a code that stands nowhere else).

    Where nobody was told of the request and nobody confirmed it, no later letter is owed either.
    """
    if _heard_elsewhere(request) or (letter not in WITH_A_CODE and _unheard_of(request)):
        return None
    sealed = vault.encrypt(vault.case_key(request), only_here or {})
    jobs.wake("oubli.post")
    return Notice.objects.create(
        request=request, kind=letter, language=request.language, due_at=timezone.now(), sealed=sealed
    )


def _heard_elsewhere(request: ErasureRequest) -> bool:
    """Whether a controller or an agent tells the person: a controller always, an agent that gave no mailbox."""
    if request.requester == Requester.CONTROLLER:
        return True
    return hasattr(request, "partner_request") and not contact_of(vault.opened(request))


def _unheard_of(request: ErasureRequest) -> bool:
    """Whether the address never confirmed, and was never told, or was told farewell often enough today."""
    if request.verified_at is not None:
        return False
    told = request.notices.filter(kind=Letter.ACKNOWLEDGED, sent_at__isnull=False).exists()
    return not told or limits.count("farewell", request.person_key) > LETTERS_A_DAY


def held_back(row: Notice, only_here: Mapping[str, Any]) -> bool:
    """Whether a letter with a code must not go now; it is then put off to the next hour, or a newer one speaks for it.

    Asked by whoever sends, so that the answer to a form never depends on who has filled in forms before.
    """
    if row.kind not in WITH_A_CODE:
        return False
    mailbox = str(only_here.get("key") or row.request.person_key)
    flooded = limits.counted("letter", mailbox, hours=24) >= LETTERS_A_DAY and limits.counted("letter", mailbox) > 0
    if not flooded and limits.counted("letter", limits.ALL) < CODES_AN_HOUR:
        limits.count("letter", mailbox)
        limits.count("letter", limits.ALL)
        return False
    if flooded and row.kind == Letter.ACKNOWLEDGED and _newer(row):
        row.delete()
    else:
        Notice.objects.filter(pk=row.pk).update(due_at=limits.next_hour())
    return True


def _newer(row: Notice) -> bool:
    waiting = Notice.objects.filter(kind=row.kind, sent_at=None, pk__gt=row.pk)
    return waiting.filter(request__person_key=row.request.person_key).exists()
