"""Gaps: lines that were signed and are gone, since an older database was restored. Answered for, never hidden.

What proves a gap is the copy of the last signed head outside the database (``witness``). Acknowledging writes that
note, whole, into the log as an event of its own, with who and why, and only then lets the copy follow the log again.
The event is a line like any other: every later verification finds and says it, and nobody can take it out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import transaction

from compliance.audit import checkpoint, services, witness
from compliance.audit.errors import BadCheckpoint, NoSuchGap
from compliance.audit.models import Event, Head


@dataclass(frozen=True)
class Gap:
    """An acknowledged gap: when and by whom, how many lines had been signed, their root in hex, and the reason."""

    at: datetime
    by: str
    lines: int | None
    root: str
    reason: str


def acknowledged() -> list[Gap]:
    """Every gap that somebody answered for, oldest first."""
    return [_gap(event) for event in Event.objects.filter(kind=services.GAP).order_by("pk")]


def _gap(event: Event) -> Gap:
    words = event.words()
    try:
        lost, _ = checkpoint.read_by(str(words.get("signed", "")), keys=services.public_keys())
    except BadCheckpoint:
        return Gap(event.at, event.actor, None, "", str(words.get("reason", "")))
    return Gap(event.at, event.actor, lost.size, lost.root.hex(), str(words.get("reason", "")))


def acknowledge(*, by: str, reason: str) -> Gap:
    """Answer for the gap that the copy of the last head shows; NoSuchGap when there is none or more does not hold.

    ``reason`` is words for people and holds no identifier of a person. A crash on the way leaves the gap unanswered.
    """
    folder = Path(settings.OUBLI_KEYS)
    while services.sequence():
        pass
    heads = services.signed_heads()
    shown = witness.problems(folder, keys=services.public_keys(), heads=heads)
    others = [problem for problem in services.verify_all().problems if problem not in shown]
    if others:
        raise NoSuchGap(f"more than a gap does not hold ({others[0]}): nobody can answer for that")
    if not shown or not reason.strip():
        raise NoSuchGap("answering for a gap: " + ("it needs a reason" if shown else "the log has none"))
    with transaction.atomic():
        detail = {"signed": witness.kept(folder), "found": shown[0], "reason": reason.strip()}
        event = services.record(services.GAP, case="", entity="", by=by, detail=detail)
    while services.sequence():
        pass
    newest = Head.objects.order_by("-size").first()
    if newest is None or not Event.objects.filter(pk=event.pk, leaf__index__lt=newest.size).exists():
        raise NoSuchGap("answering for a gap: its event is under no signed head yet; call this again")
    witness.replace(folder, note=newest.note)
    return _gap(event)
