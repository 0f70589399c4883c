"""The clocks of a case: every law that runs, with its pauses; the earliest promised date leads."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from compliance.intake.models import Decision, DecisionKind, ErasureRequest
from compliance.rules import deadlines, jurisdictions
from compliance.rules.calendars import local_day
from compliance.rules.deadlines import Clock, Pause
from compliance.rules.terms import Law


def laws_of(request: ErasureRequest) -> list[Law]:
    """The laws that run on the case: those that the officer named, else all of the entity's; the case's own first."""
    named = request.laws or request.entity.laws
    return list(dict.fromkeys([Law(request.law), *(Law(law) for law in named)]))


def clocks_of(request: ErasureRequest, *, extended: bool | None = None) -> list[Clock]:
    """One clock per law, the case's own law first; as if it were extended or not, when that is given."""
    entity, zone = request.entity, ZoneInfo(request.entity.time_zone)
    return [
        deadlines.clocks(
            law,
            received_at=request.received_at,
            zone=zone,
            country=entity.country,
            subdivision=entity.subdivision or None,
            small_agent=entity.small_agent,
            pauses=pauses_of(request),
            extended=request.extended if extended is None else extended,
        )
        for law in laws_of(request)
    ]


def clock_of(request: ErasureRequest, *, extended: bool | None = None) -> Clock:
    """The clock that leads: the earliest promised date of all laws; ``extended`` as for ``clocks_of``."""
    return min(clocks_of(request, extended=extended), key=lambda clock: clock.promised)


def extend_by(request: ErasureRequest) -> date | None:
    """The last day on which an extension may still be announced under every law that knows one; None without any.

    An extension moves no law's last day to announce it, so it does not matter whether the case has one.
    """
    last = [clock.extend_by for clock in clocks_of(request) if jurisdictions.load(clock.law).EXTENDS]
    return min((day for day in last if day is not None), default=None)


def set_clock(request: ErasureRequest) -> Clock:
    """Write the case's three dates as its leading clock has them now."""
    clock = clock_of(request)
    request.nominal_on, request.conservative_on, request.promised_on = clock.nominal, clock.conservative, clock.promised
    return clock


def pauses_of(request: ErasureRequest) -> tuple[Pause, ...]:
    """Each identity question with the day it was answered on (none while it is open), in local days."""
    zone = request.entity.time_zone
    kinds = (DecisionKind.PAUSE, DecisionKind.RESUME)
    rows = Decision.objects.filter(request_id=request.pk, kind__in=kinds).order_by("at", "id")
    found: list[Pause] = []
    for row in rows:
        day = local_day(row.at, zone)
        if row.kind == DecisionKind.PAUSE:
            found.append(Pause(day))
        elif found and found[-1].answered_on is None:
            found[-1] = Pause(found[-1].asked_on, day)
    return tuple(found)
