"""The officer's morning: one e-mail a day with what is overdue, due, to be looked at again, and not answered.

References and dates only: a digest lies in mailboxes, and says nothing of a person.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.mail import send_mail
from django.db import IntegrityError, transaction
from django.utils import timezone

from compliance.accounts.models import LegalEntity, User
from compliance.intake import watching
from compliance.intake.ledgers import Delivery, DigestSent, Recipient
from compliance.intake.models import Decision, ErasureRequest
from compliance.rules.terms import Role, State, Told

HOUR, SOON = 6, 7
_ANSWERED = (State.ANSWERED, State.REFUSED, State.FORWARDED)


def send_due(*, now: datetime | None = None) -> int:
    """Send today's digest to every officer who has not had it, after six in their company's morning."""
    now = now or timezone.now()
    officers = User.objects.filter(memberships__role=Role.OFFICER, is_active=True).exclude(email="").distinct()
    return sum(_send(user, now) for user in officers)


def _send(user: User, now: datetime) -> int:
    entities = list(LegalEntity.objects.filter(memberships__user=user, memberships__role=Role.OFFICER).distinct())
    local = now.astimezone(ZoneInfo(entities[0].time_zone))
    if local.hour < HOUR or DigestSent.objects.filter(user=user, day=local.date()).exists():
        return 0
    lines = compose(entities, local.date(), now=now)
    try:
        with transaction.atomic():
            DigestSent.objects.create(user=user, day=local.date())
            if lines:
                send_mail("Requests: what is due", "\n".join(lines) + "\n", settings.DEFAULT_FROM_EMAIL, [user.email])
    except IntegrityError:  # another worker was first
        return 0
    return 1 if lines else 0


def compose(entities: Iterable[LegalEntity], day: date, *, now: datetime) -> list[str]:
    """The digest's lines; none when there is nothing to say."""
    cases = ErasureRequest.objects.of(entities).open().exclude(state__in=_ANSWERED).by_deadline()
    soon = day + timedelta(days=SOON)
    blocks = [
        ("Overdue", [_due(case, day) for case in cases.filter(promised_on__lt=day)]),
        (f"Due in {SOON} days", [_due(case, day) for case in cases.filter(promised_on__range=(day, soon))]),
        ("To be looked at again", _reviews(entities, soon)),
        ("Letters that came back", _bounced(entities)),
        ("Recipients that have not confirmed", _untold(entities, now)),
    ]
    lines = ["Nobody watched the clocks for a while: start the worker."] if watching.silent(now=now) else []
    for title, rows in blocks:
        lines += [f"{title}:", *(f"  {row}" for row in rows), ""] if rows else []
    return [*lines, f"{settings.OUBLI_SITE}/officer/"] if lines else []


def _due(case: ErasureRequest, day: date) -> str:
    days = (case.promised_on - day).days
    when = f"{-days} days overdue" if days < 0 else "today" if days == 0 else f"in {days} days"
    return f"{case.reference}  {case.promised_on.isoformat()}  {when}  ({State(case.state).label})"


def _reviews(entities: Iterable[LegalEntity], until: date) -> list[str]:
    rows = Decision.objects.filter(request__entity__in=list(entities), review_on__lte=until).select_related("request")
    start = until - timedelta(days=SOON)
    return [
        f"{row.request.reference}  {row.review_on}  {row.get_kind_display()}"
        for row in rows.filter(review_on__gte=start)
    ]


def _bounced(entities: Iterable[LegalEntity]) -> list[str]:
    rows = Delivery.objects.filter(notice__request__entity__in=list(entities), bounced_at__isnull=False)
    rows = rows.filter(posted_at=None).select_related("notice__request")
    return [f"{row.notice.request.reference}  {row.notice.get_kind_display()}  {row.bounce}" for row in rows[:50]]


def _untold(entities: Iterable[LegalEntity], now: datetime) -> list[str]:
    waiting = (Told.TO_TELL, Told.REQUESTED, Told.ACKNOWLEDGED)
    rows = Recipient.objects.filter(request__entity__in=list(entities), state__in=waiting).select_related("request")
    counts: dict[str, int] = {}
    for row in rows:
        counts[row.request.reference] = counts.get(row.request.reference, 0) + 1
    return [f"{reference}  {count}" for reference, count in sorted(counts.items())]
