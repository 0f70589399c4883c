"""When a request must be answered: nominal, conservative and promised date, per law."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, tzinfo

from compliance.rules.calendars import WorkCalendar, local_day
from compliance.rules.errors import InvalidInput
from compliance.rules.jurisdictions import Clock, Facts, Pause, Rule, Wish, load
from compliance.rules.terms import Law

__all__ = ["Clock", "Pause", "Rule", "Wish", "clocks", "days_left", "deadline_of"]


def clocks(
    law: Law | str,
    *,
    received_at: datetime,
    zone: str | tzinfo,
    country: str,
    subdivision: str | None = None,
    small_agent: bool = False,
    pauses: Sequence[Pause] = (),
    extended: bool = False,
    wish: Wish = Wish.ERASURE,
) -> Clock:
    """The dates of a case under one law.

    ``received_at`` carries its zone; ``zone``, ``country`` (ISO 3166) and ``subdivision`` are the controller's: days
    are its local days and holidays. Raises ``InvalidInput`` for a time without zone or a place that is not known.
    """
    received_on = local_day(received_at, zone)
    if any(pause.asked_on < received_on for pause in pauses):
        raise InvalidInput(
            "Counting a pause: identity was asked for before the request arrived.",
            next_action="Correct the pause's day.",
        )
    facts = Facts(
        received_on=received_on,
        calendar=WorkCalendar(country, subdivision or None),
        pauses=tuple(pauses),
        extended=extended,
        small_agent=small_agent,
        wish=wish,
    )
    return load(law).clock(facts)


def deadline_of(running: Iterable[Clock]) -> date:
    """The earliest promised date of several laws on one case; raises ``InvalidInput`` when there is none."""
    promised = [clock.promised for clock in running]
    if not promised:
        raise InvalidInput("Reading a deadline: no law was given.", next_action="Set the law of the legal entity.")
    return min(promised)


def days_left(clock: Clock, *, on: date) -> int:
    """Days from a local day to the promised date; negative when it has passed."""
    return (clock.promised - on).days
