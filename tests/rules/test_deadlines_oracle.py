"""Clocks against a second implementation that only ever steps through a calendar, day by day."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import holidays
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.rules.deadlines import Pause, clocks

DAY = timedelta(days=1)
PLACES = [("Europe/Berlin", "DE", "BY"), ("America/Sao_Paulo", "BR", "SP"), ("Pacific/Auckland", "NZ", None)]
PLACES += [("Europe/Paris", "FR", None), ("America/Los_Angeles", "US", "CA"), ("Asia/Kathmandu", "NP", None)]
moments = st.datetimes(datetime(2019, 1, 1), datetime(2032, 12, 31), timezones=st.just(UTC))


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


def stepped(day: date, country: str, subdivision: str | None, direction: int) -> date:
    closed = holidays.country_holidays(country, subdiv=subdivision)
    while day.strftime("%a") in ("Sat", "Sun") or day in closed:
        day += direction * DAY
    return day


@settings(max_examples=300, deadline=None)
@given(moments, st.sampled_from(PLACES), st.booleans(), st.integers(0, 20), st.integers(0, 20))
def test_gdpr_agrees_with_stepping_through_the_calendar(
    moment: datetime, place: tuple[str, str, str | None], extended: bool, wait: int, length: int
) -> None:
    zone, country, subdivision = place
    received = local(moment, zone)
    asked = received + wait * DAY
    pauses = [Pause(asked, asked + length * DAY)] if length else []
    got = clocks(
        "gdpr",
        received_at=moment,
        zone=zone,
        country=country,
        subdivision=subdivision,
        extended=extended,
        pauses=pauses,
    )
    end = month_later(received, 3 if extended else 1)
    assert got.received_on == received
    assert got.conservative == end
    assert got.nominal == stepped(end + length * DAY, country, subdivision, 1)
    assert got.promised == stepped(end + length * DAY, country, subdivision, -1)


@settings(max_examples=200, deadline=None)
@given(moments, st.sampled_from(PLACES), st.booleans(), st.booleans())
def test_plain_day_laws_agree_with_stepping_through_the_calendar(
    moment: datetime, place: tuple[str, str, str | None], extended: bool, small: bool
) -> None:
    zone, country, subdivision = place
    received = local(moment, zone)
    lengths = {"ccpa": (90 if extended else 45) - 1, "lgpd": 30 if small else 15, "swiss_fadp": 30}
    for law, length in lengths.items():
        got = clocks(
            law,
            received_at=moment,
            zone=zone,
            country=country,
            subdivision=subdivision,
            extended=extended,
            small_agent=small,
        )
        day = received
        for _ in range(length):
            day += DAY
        assert got.nominal == day
        assert got.promised <= got.conservative <= got.nominal
