"""A case is forgotten: its key is destroyed, and its personal data goes from the rows, the mail folder and the journal.

1. Only a case that has ended, and of which no safety copy waits for its day, is forgotten.
2. In one transaction: the key, every field that a model declares as personal, the traces, the words of the log (the
   commitments stay, so the log still verifies), and one event that says that it happened.
3. Letters that lie as files in the mail folder go.
4. The database's own journal is emptied, so that the key is not in the write-ahead log either.

What stays are facts about nobody: states, dates, counts, decisions' articles, digests, the issued packs, and the keyed
hashes that keep what was erased from coming back.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connection, models, transaction
from django.utils import timezone

from compliance.audit import services as audit
from compliance.intake import attachments as files
from compliance.intake import drafts, limits, retention
from compliance.intake import services as intake
from compliance.intake.models import CaseKey, ErasureRequest
from compliance.intake.papers import Attachment
from compliance.jobs import services as jobs
from compliance.jobs.progress import Unattended
from compliance.mitigation import services as mitigation
from compliance.mitigation.models import Leftover
from compliance.provenance.models import Trace
from compliance.rules.errors import IllegalMove, MissingPart
from compliance.rules.terms import Horizon, State
from compliance.worker import erasure_book

log = logging.getLogger("oubli.oblivion")
GONE = "[forgotten]"
_SEPARATOR = b"-" * 79


@dataclass(frozen=True)
class Forgotten:
    """What went: fields of rows, traces, words of the log, letters in the mail folder."""

    fields: int
    traces: int
    words: int
    letters: int


def forget(request: ErasureRequest, *, by: str) -> Forgotten:
    """Forget a case that has ended; IllegalMove before its end, MissingPart while a copy of its data waits."""
    _ended(request)
    left = Leftover.objects.filter(step__plan__request=request, gone_at=None).order_by("goes_on").last()
    if left is not None:
        raise MissingPart(
            f"Forgetting {request.reference}: a copy of its data is kept until {left.goes_on}.",
            next_action="Wait for that day, or use --early: the copies are then destroyed now.",
        )
    return forget_again(request, by=by, whatever=False)


def _ended(request: ErasureRequest) -> None:
    if State(request.state) not in retention.ENDED:
        raise IllegalMove(
            f"Forgetting {request.reference}: the case has not ended.",
            next_action="Wait for its end, or use --early on an answered case.",
        )


def forget_again(request: ErasureRequest, *, by: str, whatever: bool = True) -> Forgotten:
    """Forget a case in whatever state it is: a database that was restored holds it from before its end.

    Unless ``whatever``, a case that its person has challenged since it was looked at is left: its key is not to be had
    again.
    """
    with transaction.atomic():
        held = ErasureRequest.objects.select_for_update().get(pk=request.pk)
        if not whatever:
            _ended(held)
        fields = sum(_blank(model, path, request) for model, path in personal_models())
        traces = Trace.objects.filter(request=request).delete()[0]
        retention.destroy(request)
        words = audit.forget_words(request.reference)
        audit.record("case.forgotten", case=request.reference, entity=request.entity.slug, by=by)
        jobs.cancel_live(request.pk, reason="The case was forgotten.")
    audit.sequence()
    erasure_book.keep()
    letters = _remove_letters(request.reference)
    purge()
    return Forgotten(fields, traces, words, letters)


def end_early(request: ErasureRequest) -> None:
    """End an answered case before its sweeps: what was scheduled is done today, and nothing is looked for again."""
    if State(request.state) is not State.ANSWERED:
        return
    days = [day for day in mitigation.scheduled_days(request) if day is not None]
    mitigation.carry_out(request, Unattended(), horizons=[Horizon.LONG_TERM], due_on=max([*days, date.today()]))
    intake.move(request, to=State.CLOSED, by=intake.SYSTEM, reason="ended early, to be forgotten")


_looked: list[datetime] = []


def look() -> int:
    """What the schedule does, once an hour in each process."""
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    if _looked == [hour]:
        return 0
    _looked[:] = [hour]
    erasure_book.keep()
    return forget_due()


def forget_due(today: date | None = None) -> int:
    """Forget every case whose time is over, and what lies around unsent; a case that cannot be is named in the log."""
    files.forget_abandoned()
    drafts.forget_old()
    limits.forget_old()
    done = 0
    for request in retention.due(today or timezone.now().date()):
        try:
            forget(request, by=intake.SYSTEM)
            done += 1
        except (IllegalMove, MissingPart) as error:
            log.warning("case %s was not forgotten: %s", request.reference, error.cause)
    return done


def personal_models() -> Iterator[tuple[type[models.Model], str]]:
    """Models with personal fields that belong to a case, with the query path from the row to the case."""
    for model in apps.get_models():
        if not model.__module__.startswith("compliance.") or not vars(model).get("PERSONAL"):
            continue
        if model is ErasureRequest:
            yield model, "pk"
        elif path := path_to_case(model):
            yield model, path


def path_to_case(model: type[models.Model], depth: int = 3) -> str:
    """The query path from a model to its case, through at most three foreign keys; empty when there is none."""
    for field in model._meta.get_fields():
        if not isinstance(field, models.ForeignKey) or depth == 0:
            continue
        if field.related_model is ErasureRequest:
            return field.name
        related = field.related_model
        if isinstance(related, type) and (further := path_to_case(related, depth - 1)):
            return f"{field.name}__{further}"
    return ""


def _blank(model: type[models.Model], path: str, request: ErasureRequest) -> int:
    """Empty a model's personal fields in the rows of the case; returns how many fields held something."""
    rows = model._default_manager.filter(**{path: request.pk})
    changed = 0
    for row in rows:
        names = [name for name in sorted(vars(model)["PERSONAL"]) if getattr(row, name) not in (None, "", b"")]
        empty = {name: _empty(model._meta.get_field(name)) for name in names}
        if model is Attachment:
            empty["destroyed_at"] = timezone.now()
        if names:
            model._default_manager.filter(pk=row.pk).update(**empty)
            changed += len(names)
    return changed


def _empty(field: Any) -> Any:
    if field.null:
        return None
    if isinstance(field, models.BinaryField):
        return b""
    return {} if isinstance(field, models.JSONField) else GONE


def _remove_letters(reference: str) -> int:
    """Take the letters of a case out of the mail folder (where letters are files, one connection each)."""
    folder, gone = Path(settings.OUBLI_MAIL), 0
    for path in sorted(folder.glob("*.log")) if folder.is_dir() else []:
        parts = path.read_bytes().split(_SEPARATOR)
        kept = [part for part in parts if reference.encode() not in part]
        gone += len(parts) - len(kept)
        if not any(part.strip() for part in kept):
            path.unlink()
        elif len(kept) < len(parts):
            fresh = path.with_suffix(".new")
            fresh.write_bytes(_SEPARATOR.join(kept))
            fresh.replace(path)
    return gone


def purge() -> None:
    """Empty the database's own traces of what went: SQLite's write-ahead log, PostgreSQL's dead rows."""
    call_command("clearsessions")
    if connection.in_atomic_block:
        return
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            busy = cursor.fetchone()
            if busy and busy[0]:
                log.warning("the write-ahead log is in use; it is emptied when its reader is gone")
        if connection.vendor == "postgresql":
            tables = {model._meta.db_table for model, _ in personal_models()}
            for table in sorted(tables | {CaseKey._meta.db_table, Trace._meta.db_table, "audit_opening"}):
                cursor.execute(f'VACUUM FULL "{table}"')
            cursor.execute("CHECKPOINT")
