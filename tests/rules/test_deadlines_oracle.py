"""Clocks against a second implementation that only ever steps through a calendar, day by day.

It shares no arithmetic with the code: months are counted by the firsts that go by, working days one at a time, holidays
from the library's own objects. Ten thousand cases over places, laws, pauses and extensions, beside a quick selection.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import holidays
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compliance.rules.deadlines import Clock, Pause, clocks
from compliance.rules.terms import Law

DAY = timedelta(days=1)
PLACES = (
    ("Europe/Berlin", "DE", "BY"),
    ("Europe/Berlin", "DE", "BE"),
    ("America/Sao_Paulo", "BR", "SP"),
    ("America/Sao_Paulo", "BR", "RJ"),
    ("Pacific/Auckland", "NZ", None),
    ("Europe/Paris", "FR", None),
    ("Europe/London", "GB", "SCT"),
    ("Europe/Zurich", "CH", "ZH"),
    ("America/Los_Angeles", "US", "CA"),
    ("Asia/Kathmandu", "NP", None),
)
moments = st.datetimes(datetime(2019, 1, 1), datetime(2032, 12, 31), timezones=st.just(UTC))


@dataclass(frozen=True)
class Asked:
    """One case for both implementations."""

    moment: datetime
    place: tuple[str, str, str | None]
    law: Law
    extended: bool
    small: bool
    pauses: tuple[Pause, ...]


@st.composite
def cases(draw: st.DrawFn) -> Asked:
    """Any case; some with one or two identity questions, answered or still open."""
    moment, place = draw(moments), draw(st.sampled_from(PLACES))
    received = local(moment, place[0])
    pauses = []
    for _ in range(draw(st.integers(0, 2))):
        asked = received + draw(st.integers(0, 20)) * DAY
        length = draw(st.one_of(st.none(), st.integers(0, 25)))
        pauses.append(Pause(asked, None if length is None else asked + length * DAY))
    law = draw(st.sampled_from(list(Law)))
    return Asked(moment, place, law, draw(st.booleans()), draw(st.booleans()), tuple(pauses))


def local(moment: datetime, zone: str) -> date:
    """The local day, from the zone's own offset in seconds rather than by conversion."""
    offset = ZoneInfo(zone).utcoffset(moment.astimezone(ZoneInfo(zone)))
    assert offset is not None
    return (moment.replace(tzinfo=None) + offset).date()


def month_later(day: date, months: int) -> date:
    """Step until the first of a month was seen that often, then on to the same number or the month's end."""
    number, firsts = day.day, 0
    while firsts < months:
        day += DAY
        firsts += day.day == 1
    while day.day < number and (day + DAY).day != 1:
        day += DAY
    return day


@cache
def closed_days(country: str, subdivision: str | None) -> holidays.HolidayBase:
    """The library's own object, which fills its years as it is asked."""
    return holidays.country_holidays(country, subdiv=subdivision)


def is_closed(day: date, asked: Asked) -> bool:
    """A Saturday, a Sunday, or a public holiday of the place."""
    return day.strftime("%a") in ("Sat", "Sun") or day in closed_days(asked.place[1], asked.place[2])


def stepped(day: date, asked: Asked, direction: int) -> date:
    """On, or back, to a day that is not closed."""
    while is_closed(day, asked):
        day += direction * DAY
    return day


def days_on(day: date, count: int) -> date:
    """That many days later, one at a time."""
    for _ in range(count):
        day += DAY
    return day


def expected(asked: Asked) -> dict[str, object]:
    """What the law's text says, stepped."""
    received = local(asked.moment, asked.place[0])
    first = next((p for p in sorted(asked.pauses, key=lambda p: p.asked_on)), None)
    return {"received_on": received, **_BY_LAW[asked.law](asked, received, first)}


def _gdpr(asked: Asked, received: date, first: Pause | None) -> dict[str, object]:
    wait = 0
    if first and first.answered_on:
        day = first.asked_on
        while day < first.answered_on:
            day, wait = day + DAY, wait + 1
    end = month_later(received, 3 if asked.extended else 1)
    one = stepped(days_on(month_later(received, 1), wait), asked, 1)
    return {
        "nominal": stepped(days_on(end, wait), asked, 1),
        "conservative": end,
        "promised": stepped(days_on(end, wait), asked, -1),
        "extend_by": one,
        "refuse_by": one,
    }


def _uk(asked: Asked, received: date, first: Pause | None) -> dict[str, object]:
    start = first.answered_on if first and first.answered_on and first.answered_on > received else received
    months = 3 if asked.extended else 1
    one = stepped(month_later(start, 1), asked, 1)
    return {
        "nominal": stepped(month_later(start, months), asked, 1),
        "conservative": month_later(received, months),
        "promised": stepped(month_later(start, months), asked, -1),
        "extend_by": one,
        "refuse_by": one,
    }


def _ccpa(asked: Asked, received: date, first: Pause | None) -> dict[str, object]:
    limit, counted = received, 1
    while counted < (90 if asked.extended else 45):
        limit, counted = limit + DAY, counted + 1
    confirm, working = received, 0
    while working < 10:
        confirm += DAY
        working += not is_closed(confirm, asked)
    back = stepped(limit, asked, -1)
    return {"nominal": limit, "conservative": limit, "promised": back, "confirm_by": confirm}


def _lgpd(asked: Asked, received: date, first: Pause | None) -> dict[str, object]:
    return {
        "nominal": days_on(received, 30 if asked.small else 15),
        "conservative": days_on(received, 15),
        "promised": stepped(days_on(received, 15), asked, -1),
        "fixed": False,
    }


def _swiss(asked: Asked, received: date, first: Pause | None) -> dict[str, object]:
    day = days_on(received, 30)
    return {"nominal": day, "conservative": day, "promised": stepped(day, asked, -1), "fixed": False}


_BY_LAW = {
    Law.GDPR: _gdpr,
    Law.UK_GDPR: _uk,
    Law.CCPA: _ccpa,
    Law.LGPD: _lgpd,
    Law.SWISS_FADP: _swiss,
}


def counted(asked: Asked) -> Clock:
    """What the code says."""
    zone, country, subdivision = asked.place
    return clocks(
        asked.law,
        received_at=asked.moment,
        zone=zone,
        country=country,
        subdivision=subdivision,
        extended=asked.extended,
        small_agent=asked.small,
        pauses=asked.pauses,
    )


def agrees(asked: Asked) -> None:
    """Both say the same in everything that the oracle knows."""
    got = counted(asked)
    assert {name: getattr(got, name) for name in expected(asked)} == expected(asked)
    assert got.promised <= got.nominal


@settings(max_examples=600, deadline=None)
@given(cases())
def test_the_clocks_agree_with_stepping_through_the_calendar(asked: Asked) -> None:
    agrees(asked)


@pytest.mark.slow
@settings(max_examples=10_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_ten_thousand_cases_agree_with_stepping_through_the_calendar(asked: Asked) -> None:
    agrees(asked)


def test_a_regional_holiday_counts_only_where_it_is_one() -> None:
    # Corpus Christi, 4 June 2026: closed in Munich, a working day in Berlin.
    received = datetime(2026, 5, 4, 12, tzinfo=UTC)
    both = [
        clocks("gdpr", received_at=received, zone="Europe/Berlin", country="DE", subdivision=s) for s in ("BY", "BE")
    ]
    assert [clock.nominal for clock in both] == [date(2026, 6, 5), date(2026, 6, 4)]
    assert [clock.promised for clock in both] == [date(2026, 6, 3), date(2026, 6, 4)]
