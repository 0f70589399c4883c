"""How long a case keeps its personal data: a date from the day it ends, and what intake itself destroys on it."""

from __future__ import annotations

from datetime import date, timedelta

from django.conf import settings
from django.utils import timezone

from compliance.intake import vault
from compliance.intake.models import ErasureRequest
from compliance.intake.papers import Retention
from compliance.rules.terms import State

ENDED = (State.CLOSED, State.WITHDRAWN, State.LAPSED)
NEVER_CONFIRMED_DAYS = 30  # whoever typed it was perhaps not the person: it goes soon


def note(request: ErasureRequest) -> None:
    """Write down when a case that has just ended is forgotten; a case that goes on is not."""
    if State(request.state) not in ENDED:
        Retention.objects.filter(request=request, forgotten_at=None).delete()
        return
    days = settings.OUBLI_RETENTION_DAYS if request.verified_at else NEVER_CONFIRMED_DAYS
    ends_on = timezone.now().date() + timedelta(days=days)
    Retention.objects.update_or_create(request=request, defaults={"ends_on": ends_on})


def due(today: date) -> list[ErasureRequest]:
    """Cases whose time is over, the oldest first; a hundred at a time."""
    rows = Retention.objects.filter(forgotten_at=None, ends_on__lte=today).select_related("request__entity")
    return [row.request for row in rows.order_by("ends_on")[:100]]


def destroy(request: ErasureRequest) -> None:
    """Destroy the case's key, and what links the case to other cases of the person."""
    vault.destroy(request)
    now = timezone.now()
    request.attachments.filter(destroyed_at=None).update(sealed=None, destroyed_at=now)
    request.confirmations.all().delete()
    request.proofs.update(identifier_key="")
    request.person_key = ""
    request.save(update_fields=["person_key"])
    ended = {"ends_on": now.date(), "forgotten_at": now}
    Retention.objects.update_or_create(request=request, defaults=ended)
