"""Days as the law counts them: months, working days, public holidays; always the controller's local days."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from functools import cached_property, lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays

from compliance.rules.errors import InvalidInput

_SATURDAY = 5


@lru_cache(maxsize=128)
def _public_holidays(country: str, subdivision: str | None, year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays(country, subdiv=subdivision, years=year))


@dataclass(frozen=True)
class WorkCalendar:
    """The working days of a place: Monday to Friday without its public holidays.

    ``country`` is ISO 3166 ("DE"), ``subdivision`` the library's code ("BE", "SP", "CA"). Raises ``InvalidInput`` for a
    place whose holidays are not known. Source: library ``holidays``, category public.
    """

    country: str
    subdivision: str | None = None

    def __post_init__(self) -> None:
        known = holidays.list_supported_countries()
        if self.country not in known or (self.subdivision and self.subdivision not in known[self.country]):
            place = f"{self.country}-{self.subdivision}" if self.subdivision else self.country
            raise InvalidInput(
                f"Reading the holidays of {place!r}: no such place is known.",
                next_action="Correct the legal entity's country and subdivision (ISO 3166 codes).",
            )

    def is_working(self, day: date) -> bool:
        """Neither Saturday, Sunday nor public holiday."""
        return day.weekday() < _SATURDAY and day not in _public_holidays(self.country, self.subdivision, day.year)

    def on_or_after(self, day: date) -> date:
        """The day itself if it is a working day, else the next one (Reg. 1182/71 Art. 3(4))."""
        while not self.is_working(day):
            day += timedelta(days=1)
        return day

    def on_or_before(self, day: date) -> date:
        """The day itself if it is a working day, else the one before."""
        while not self.is_working(day):
            day -= timedelta(days=1)
        return day

    def working_days_after(self, day: date, count: int) -> date:
        """The ``count``-th working day after ``day``, which itself does not count."""
        for _ in range(count):
            day = self.on_or_after(day + timedelta(days=1))
        return day

    @cached_property
    def name(self) -> str:
        """The place, for notes: ``DE`` or ``BR-SP``."""
        return f"{self.country}-{self.subdivision}" if self.subdivision else self.country


def add_months(day: date, months: int) -> date:
    """The same-numbered day that many months later, or that month's last day (Reg. 1182/71 Art. 3(2)(c))."""
    index = day.year * 12 + day.month - 1 + months
    year, month = index // 12, index % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def local_day(moment: datetime, zone: str | tzinfo) -> date:
    """The controller's day of a moment; raises ``InvalidInput`` when the moment or the zone is not known."""
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise InvalidInput("Reading a time: it has no time zone.", next_action="Give the time with its zone.")
    return moment.astimezone(_zone(zone)).date()


def _zone(zone: str | tzinfo) -> tzinfo:
    if isinstance(zone, tzinfo):
        return zone
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise InvalidInput(
            f"Reading a time: no time zone {zone!r}.",
            next_action="Correct the legal entity's time zone (Europe/Berlin).",
        ) from None
