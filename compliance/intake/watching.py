"""Whether somebody still watches the clocks: each pass leaves its time, and whoever looks finds a silent watcher."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from compliance.intake.ledgers import Watch
from compliance.intake.models import ErasureRequest

CLOCKS = "clocks"
SILENT_AFTER = timedelta(minutes=15)
_EVERY = timedelta(seconds=30)


def saw(name: str = CLOCKS, *, now: datetime | None = None) -> None:
    """Leave the time of a pass, at most every thirty seconds."""
    now = now or timezone.now()
    if Watch.objects.filter(name=name, at__gt=now - _EVERY).exists():
        return
    seen = ErasureRequest.objects.open().count()
    Watch.objects.update_or_create(name=name, defaults={"at": now, "seen": seen})


def last(name: str = CLOCKS) -> datetime | None:
    """When the watcher last passed."""
    row = Watch.objects.filter(name=name).first()
    return row.at if row else None


def silent(*, now: datetime | None = None, after: timedelta = SILENT_AFTER, name: str = CLOCKS) -> bool:
    """Whether there is something to watch, and nobody has for ``after``."""
    at = last(name)
    late = at is None or (now or timezone.now()) - at > after
    return late and ErasureRequest.objects.open().exists()
