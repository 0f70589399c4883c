"""What happens by date: requests that lapse, sweeps after 7, 30 and 90 days, copies whose day has come."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from django.utils import timezone

from compliance.evidence import services as evidence
from compliance.intake import services as intake
from compliance.intake.models import DecisionKind, ErasureRequest
from compliance.jobs.progress import Later, Part, Progress
from compliance.mitigation import services as mitigation
from compliance.provenance import lifting
from compliance.provenance import services as provenance
from compliance.rules import lifecycle
from compliance.rules.terms import Horizon, State
from compliance.validation import services as validation

LAPSE_AFTER = timedelta(days=7)
UNREAD_AGAIN = timedelta(days=30)  # how soon a place that could not be read is tried again, after the last sweep


def lapse_unconfirmed() -> int:
    """End requests whose address was not confirmed within a week."""
    old = ErasureRequest.objects.filter(state=State.RECEIVED, received_at__lt=timezone.now() - LAPSE_AFTER)[:50]
    for request in old:
        intake.lapse(request)
    return len(old)


def answered_on(request: ErasureRequest) -> date:
    """The day on which this round was signed off: sweeps count from it."""
    signed = request.decisions.filter(kind=DecisionKind.SIGN_OFF, round=request.round).order_by("-id").first()
    return (signed.at if signed else timezone.now()).date()


def next_day(request: ErasureRequest, *, after: date) -> date | None:
    """The next day on which something is due: a sweep, or a step scheduled for later; None when nothing is left."""
    start = answered_on(request)
    days = [start + timedelta(days=days) for days in lifecycle.SWEEP_DAYS]
    days += [day for day in mitigation.scheduled_days(request) if day is not None]
    later = sorted(day for day in days if day > after)
    return later[0] if later else None


def follow_up(request: ErasureRequest, progress: Progress, *, today: date | None = None) -> State | Later | None:
    """Run the steps whose day has come, sweep, and either close, reopen, or come back on the next day.

    A case is not closed while a part of a registered place could not be read. Of somebody who is a customer again (an
    officer has lifted the exclusions) new data is no erased data that came back: nothing is looked for any more.
    """
    today, unread = today or timezone.now().date(), provenance.not_read(request)
    ran = mitigation.carry_out(request, Part(progress, 0, 0.5), horizons=[Horizon.LONG_TERM], due_on=today)
    looks = today > answered_on(request) and not lifting.is_lifted(request)
    if looks and not validation.sweep(request, Part(progress, 0.5, 0.9)):
        return State.ACCEPTED
    if ran or provenance.not_read(request) != unread:
        evidence.issue(request, Part(progress, 0.9, 1.0))
    day = next_day(request, after=today)
    if day is None and provenance.not_read(request):
        day = today + UNREAD_AGAIN
    if day is None and not mitigation.open_steps(request):
        return State.CLOSED
    return None if day is None else Later(timezone.make_aware(datetime.combine(day, time(3, 0))))
