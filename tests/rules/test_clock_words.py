"""What a clock says of itself: its law, the rule it rests on, its notes and its other last days; and how it refuses.

The notes stand on the officer's page beside the date, and say what the date means in law: each is held to its words.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from compliance.rules.calendars import WorkCalendar, add_months, local_day
from compliance.rules.deadlines import Pause, Wish, clocks, days_left, deadline_of
from compliance.rules.errors import InvalidInput
from compliance.rules.jurisdictions import Rule, ccpa, gdpr, lgpd, swiss_fadp, uk_gdpr
from compliance.rules.terms import Law
from tests.rules.test_deadlines import PLACES, clock

OPEN = [Pause(date(2026, 6, 3))]
SHOWN = [Pause(date(2026, 6, 3), date(2026, 6, 10))]
LATE = "A refusal would still be due inside the first month (Art. 12(4))."
ONCE = "Counted once, and only when identity was asked for promptly and with a reason (Art. 12(6))."
STILL_OPEN = "Identity is still open: the dates stand as if nothing had been asked."
AT_ONCE = "The law says at once; the date is our own target, not a leave to wait."
NO_EXTENSION = "The law knows no extension: the date did not move."
NO_PAUSE = "The law knows no pause: the date did not move."
NO_STOP = "Verification stops no clock: the date did not move."
THIRTY = "The law sets no number of days: thirty are our own target."
BERLIN, ENGLAND = "Working days of DE.", "Working days of GB-ENG."


@pytest.mark.parametrize(
    ("law", "given", "basis", "notes"),
    [
        ("gdpr", {}, gdpr.ANSWER, (BERLIN,)),
        ("gdpr", {"extended": True}, gdpr.EXTENSION, (BERLIN, LATE)),
        ("gdpr", {"pauses": SHOWN}, gdpr.ANSWER, (BERLIN, ONCE)),
        ("gdpr", {"pauses": OPEN}, gdpr.ANSWER, (BERLIN, ONCE, STILL_OPEN)),
        ("gdpr", {"pauses": OPEN, "extended": True}, gdpr.EXTENSION, (BERLIN, LATE, ONCE, STILL_OPEN)),
        ("uk_gdpr", {}, uk_gdpr.ANSWER, (ENGLAND,)),
        ("uk_gdpr", {"extended": True, "pauses": SHOWN}, uk_gdpr.ANSWER, (ENGLAND,)),
        ("lgpd", {}, lgpd.ERASURE, (AT_ONCE,)),
        ("lgpd", {"small_agent": True}, lgpd.ERASURE, (AT_ONCE,)),
        ("lgpd", {"extended": True}, lgpd.ERASURE, (AT_ONCE, NO_EXTENSION)),
        ("lgpd", {"pauses": OPEN}, lgpd.ERASURE, (AT_ONCE, NO_PAUSE)),
        ("lgpd", {"extended": True, "pauses": OPEN}, lgpd.ERASURE, (AT_ONCE, NO_EXTENSION, NO_PAUSE)),
        ("lgpd", {"wish": Wish.ACCESS}, lgpd.ACCESS, ()),
        ("lgpd", {"wish": Wish.ACCESS, "small_agent": True}, lgpd.SMALL_AGENT, ()),
        ("ccpa", {}, ccpa.ANSWER, ()),
        ("ccpa", {"extended": True}, ccpa.EXTENSION, ()),
        ("ccpa", {"pauses": SHOWN}, ccpa.ANSWER, (NO_STOP,)),
        ("swiss_fadp", {}, swiss_fadp.ANSWER, (THIRTY,)),
        ("swiss_fadp", {"extended": True, "pauses": SHOWN}, swiss_fadp.ANSWER, (THIRTY,)),
    ],
)
def test_a_clock_names_its_law_its_rule_and_what_its_date_means(
    law: str, given: dict[str, Any], basis: Rule, notes: tuple[str, ...]
) -> None:
    got = clock(law, "2026-06-01", **given)
    assert (got.law, got.basis, got.notes) == (Law(law), basis, notes)
    assert (got.article, got.source, got.reviewed) == (basis.article, basis.source, basis.reviewed)
    assert got.received_on == date(2026, 6, 1)


@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize(
    ("law", "confirm", "extend", "refuse"),
    [
        ("gdpr", None, date(2026, 7, 1), date(2026, 7, 1)),
        ("uk_gdpr", None, date(2026, 7, 1), date(2026, 7, 1)),
        ("lgpd", None, None, None),
        ("ccpa", date(2026, 6, 15), date(2026, 7, 15), None),
        ("swiss_fadp", None, None, None),
    ],
)
def test_an_extension_moves_none_of_the_other_last_days(
    law: str, confirm: date | None, extend: date | None, refuse: date | None, extended: bool
) -> None:
    got = clock(law, "2026-06-01", extended=extended)
    assert (got.confirm_by, got.extend_by, got.refuse_by) == (confirm, extend, refuse)


def test_only_the_lgpd_and_the_swiss_act_leave_the_days_of_an_erasure_open() -> None:
    fixed = {law: clock(law, "2026-06-01").fixed for law in PLACES}
    assert fixed == {"gdpr": True, "uk_gdpr": True, "ccpa": True, "lgpd": False, "swiss_fadp": False}


@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize("law", PLACES)
def test_an_identity_question_that_was_answered_the_same_day_moves_nothing(law: str, extended: bool) -> None:
    asked = [Pause(date(2026, 6, 1), date(2026, 6, 1))]
    paused, plain = (clock(law, "2026-06-01", extended=extended, pauses=pauses) for pauses in (asked, ()))
    dates = [(one.nominal, one.conservative, one.promised, one.extend_by, one.refuse_by) for one in (paused, plain)]
    assert dates[0] == dates[1]


def test_an_answer_before_its_question_counts_no_day_backwards() -> None:
    assert Pause(date(2026, 6, 9), date(2026, 6, 3)).days == 0
    assert clock("gdpr", "2026-06-01", pauses=[Pause(date(2026, 6, 9), date(2026, 6, 3))]).nominal == date(2026, 7, 1)


def test_identity_may_be_asked_for_on_the_day_of_receipt_but_not_before() -> None:
    assert clock("gdpr", "2026-06-01", pauses=[Pause(date(2026, 6, 1), date(2026, 6, 3))]).nominal == date(2026, 7, 3)
    said = refusal(lambda: clock("gdpr", "2026-06-01", pauses=[*SHOWN, Pause(date(2026, 5, 31))]))
    assert said == (
        "Counting a pause: identity was asked for before the request arrived. Correct the pause's day.",
        "Correct the pause's day.",
    )


def refusal(act: Any) -> tuple[str, str]:
    """What was refused, in words, and what to do."""
    with pytest.raises(InvalidInput) as error:
        act()
    return str(error.value), error.value.next_action


@pytest.mark.parametrize(
    ("act", "cause", "remedy"),
    [
        (lambda: deadline_of([]), "Reading a deadline: no law was given.", "Set the law of the legal entity."),
        (
            lambda: ccpa.next_list_pull(date(2026, 7, 31)),
            "Scheduling the deletion list: its rule holds from 2026-08-01.",
            "Pull it on that day for the first time.",
        ),
        (
            lambda: local_day(datetime(2026, 1, 1), "UTC"),
            "Reading a time: it has no time zone.",
            "Give the time with its zone.",
        ),
        (
            lambda: local_day(datetime.now(UTC), "Berlin/Europe"),
            "Reading a time: no time zone 'Berlin/Europe'.",
            "Correct the legal entity's time zone (Europe/Berlin).",
        ),
        (
            lambda: local_day(datetime.now(UTC), "../etc/passwd"),
            "Reading a time: no time zone '../etc/passwd'.",
            "Correct the legal entity's time zone (Europe/Berlin).",
        ),
        (
            lambda: WorkCalendar("DE", "TEXAS"),
            "Reading the holidays of 'DE-TEXAS': no such place is known.",
            "Correct the legal entity's country and subdivision (ISO 3166 codes).",
        ),
        (
            lambda: WorkCalendar("XX"),
            "Reading the holidays of 'XX': no such place is known.",
            "Correct the legal entity's country and subdivision (ISO 3166 codes).",
        ),
    ],
)
def test_who_is_refused_learns_what_was_tried_and_what_to_do(act: Any, cause: str, remedy: str) -> None:
    assert refusal(act) == (f"{cause} {remedy}", remedy)


def test_days_are_counted_to_the_promise_and_the_smallest_of_one_law_is_its_own() -> None:
    alone = clock("gdpr", "2026-06-01")
    assert deadline_of([alone]) == alone.promised == date(2026, 7, 1)
    assert [days_left(alone, on=date(2026, 7, day)) for day in (1, 2)] == [0, -1]


def test_a_month_later_is_the_same_day_or_the_months_last() -> None:
    assert [add_months(date(2026, 11, 30), months) for months in (1, 2, 3, 13)] == [
        date(2026, 12, 30),
        date(2027, 1, 30),
        date(2027, 2, 28),
        date(2027, 12, 30),
    ]
    assert add_months(date(2026, 12, 31), 0) == date(2026, 12, 31)
    assert add_months(date(2026, 12, 1), 1) == date(2027, 1, 1)


def test_working_days_leave_out_the_first_day_weekends_and_holidays() -> None:
    berlin = WorkCalendar("DE", "BE")
    assert berlin.name == "DE-BE"
    assert berlin.working_days_after(date(2026, 4, 2), 1) == date(2026, 4, 7)  # Good Friday to Easter Monday are closed
    assert berlin.working_days_after(date(2026, 4, 2), 0) == date(2026, 4, 2)
    assert berlin.on_or_before(date(2026, 4, 6)) == date(2026, 4, 2)
    assert berlin.on_or_after(date(2026, 4, 3)) == date(2026, 4, 7)
    assert berlin.is_working(date(2026, 4, 2)) and not berlin.is_working(date(2026, 4, 4))


@pytest.mark.parametrize("zone", ["America/Sao_Paulo", "Pacific/Auckland"])
def test_a_zone_may_be_given_by_name_or_as_itself(zone: str) -> None:
    moment = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
    assert local_day(moment, zone) == local_day(moment, ZoneInfo(zone)) == moment.astimezone(ZoneInfo(zone)).date()
    assert clocks("ccpa", received_at=moment, zone=zone, country="US", subdivision="").received_on.month == 11
