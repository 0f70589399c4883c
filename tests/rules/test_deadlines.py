"""Clocks: every vector of the design, and the corners between them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from compliance.rules.deadlines import Clock, Pause, Wish, clocks, days_left, deadline_of
from compliance.rules.errors import InvalidInput
from compliance.rules.jurisdictions import TABLE, ccpa, load
from compliance.rules.terms import Law

PLACES = {
    "gdpr": ("Europe/Berlin", "DE", None),
    "uk_gdpr": ("Europe/London", "GB", "ENG"),
    "lgpd": ("America/Sao_Paulo", "BR", "SP"),
    "ccpa": ("America/Los_Angeles", "US", "CA"),
    "swiss_fadp": ("Europe/Zurich", "CH", "ZH"),
}


def clock(
    law: str,
    received: str,
    *,
    extended: bool = False,
    pauses: Sequence[Pause] = (),
    small_agent: bool = False,
    wish: Wish = Wish.ERASURE,
) -> Clock:
    zone, country, subdivision = PLACES[law]
    return clocks(
        law,
        received_at=datetime.fromisoformat(f"{received}T12:00").replace(tzinfo=ZoneInfo(zone)),
        zone=zone,
        country=country,
        subdivision=subdivision,
        extended=extended,
        pauses=pauses,
        small_agent=small_agent,
        wish=wish,
    )


@pytest.mark.parametrize(
    ("received", "nominal"),
    [
        ("2026-03-05", "2026-04-07"),  # 5 April is a Sunday, 6 April Easter Monday
        ("2026-01-30", "2026-03-02"),  # 28 February is a Saturday
        ("2026-08-31", "2026-09-30"),
        ("2027-11-24", "2027-12-24"),
        ("2027-11-25", "2027-12-27"),  # Christmas on a Saturday
        ("2028-01-31", "2028-02-29"),
    ],
)
def test_gdpr_is_one_month_from_receipt_ending_on_a_working_day(received: str, nominal: str) -> None:
    assert clock("gdpr", received).nominal == date.fromisoformat(nominal)


def test_gdpr_extension_counts_three_months_from_receipt() -> None:
    extended = clock("gdpr", "2026-01-30", extended=True)
    assert extended.nominal == date(2026, 4, 30)
    assert extended.extend_by == date(2026, 3, 2)


def test_a_gdpr_refusal_is_due_inside_month_one_even_when_extended() -> None:
    assert clock("gdpr", "2026-01-30", extended=True).refuse_by == clock("gdpr", "2026-01-30").nominal


def test_the_conservative_reading_of_gdpr_does_not_move_past_a_holiday_and_the_promise_is_a_working_day_before() -> (
    None
):
    easter = clock("gdpr", "2026-03-05")
    assert (easter.conservative, easter.promised) == (date(2026, 4, 5), date(2026, 4, 2))  # 3 April is Good Friday


def test_an_identity_pause_of_seven_days_moves_the_nominal_date_by_seven_and_the_conservative_by_none() -> None:
    plain = clock("gdpr", "2026-06-01")
    paused = clock("gdpr", "2026-06-01", pauses=[Pause(date(2026, 6, 3), date(2026, 6, 10))])
    assert paused.nominal - plain.nominal == timedelta(days=7)
    assert paused.conservative == plain.conservative


def test_a_second_identity_pause_stops_nothing() -> None:
    first, second = Pause(date(2026, 6, 3), date(2026, 6, 10)), Pause(date(2026, 6, 12), date(2026, 6, 20))
    assert clock("gdpr", "2026-06-01", pauses=[second, first]) == clock("gdpr", "2026-06-01", pauses=[first])


def test_an_open_pause_leaves_the_dates_and_says_so() -> None:
    paused = clock("gdpr", "2026-06-01", pauses=[Pause(date(2026, 6, 3))])
    assert paused.nominal == clock("gdpr", "2026-06-01").nominal
    assert any("still open" in note for note in paused.notes)


def test_a_pause_before_receipt_is_refused() -> None:
    with pytest.raises(InvalidInput, match="before the request"):
        clock("gdpr", "2026-06-01", pauses=[Pause(date(2026, 5, 31), date(2026, 6, 2))])


def test_ccpa_counts_the_day_of_receipt_and_no_weekend_moves_it() -> None:
    answered = clock("ccpa", "2026-11-20")
    assert answered.nominal == answered.conservative == date(2027, 1, 3)
    assert answered.promised == date(2026, 12, 31)  # 1 January is a holiday, 2 and 3 a weekend


def test_ccpa_verification_stops_no_clock_and_an_extension_makes_ninety_days() -> None:
    paused = clock("ccpa", "2026-11-20", pauses=[Pause(date(2026, 11, 22), date(2026, 12, 20))])
    assert paused.nominal == date(2027, 1, 3)
    assert clock("ccpa", "2026-11-20", extended=True).nominal == date(2027, 2, 17)


def test_ccpa_receipt_is_confirmed_within_ten_business_days() -> None:
    assert clock("ccpa", "2026-03-02").confirm_by == date(2026, 3, 16)
    # Thanksgiving and the day after it are holidays in California
    assert clock("ccpa", "2026-11-20").confirm_by == date(2026, 12, 8)


def test_the_deletion_list_is_pulled_every_45_days_once_its_rule_holds() -> None:
    assert ccpa.next_list_pull(date(2026, 8, 1)) == date(2026, 9, 15)
    with pytest.raises(InvalidInput, match="2026-08-01"):
        ccpa.next_list_pull(date(2026, 7, 31))


@pytest.mark.parametrize(("moment", "day"), [("2026-11-20T03:30+00:00", 20), ("2026-11-20T02:30+00:00", 19)])
def test_lgpd_counts_the_day_it_was_in_sao_paulo(moment: str, day: int) -> None:
    got = clocks("lgpd", received_at=datetime.fromisoformat(moment), zone="America/Sao_Paulo", country="BR")
    assert got.received_on == date(2026, 11, day)


def test_lgpd_erasure_has_no_fixed_number_of_days_and_marks_fifteen_as_our_own() -> None:
    erasure = clock("lgpd", "2026-11-03")
    assert (erasure.nominal, erasure.fixed, erasure.basis.ours) == (date(2026, 11, 18), False, True)
    assert erasure.article == "Art. 18 §3, §4"


def test_lgpd_access_is_fifteen_plain_days_doubled_for_a_small_agent() -> None:
    assert clock("lgpd", "2026-11-03", wish=Wish.ACCESS).nominal == date(2026, 11, 18)
    small = clock("lgpd", "2026-11-03", wish=Wish.ACCESS, small_agent=True)
    assert (small.nominal, small.conservative, small.fixed) == (date(2026, 12, 3), date(2026, 11, 18), True)


def test_lgpd_knows_neither_extension_nor_pause_and_says_so() -> None:
    moved = clock("lgpd", "2026-11-03", extended=True, pauses=[Pause(date(2026, 11, 4), date(2026, 11, 9))])
    assert moved.nominal == clock("lgpd", "2026-11-03").nominal
    assert len(moved.notes) == 3


def test_the_uk_month_starts_when_identity_has_arrived() -> None:
    paused = clock("uk_gdpr", "2026-06-01", pauses=[Pause(date(2026, 6, 3), date(2026, 6, 10))])
    assert (paused.nominal, paused.conservative) == (date(2026, 7, 10), date(2026, 7, 1))
    assert not paused.reviewed


def test_the_swiss_target_is_thirty_days_and_needs_counsel() -> None:
    target = clock("swiss_fadp", "2026-06-01")
    assert (target.nominal, target.fixed, target.reviewed) == (date(2026, 7, 1), False, False)


def test_holidays_are_those_of_the_entitys_region() -> None:
    noon = datetime(2026, 5, 4, 12, tzinfo=UTC)  # Corpus Christi, 4 June 2026, is a holiday in Bavaria, not in Berlin
    munich = clocks("gdpr", received_at=noon, zone="Europe/Berlin", country="DE", subdivision="BY")
    berlin = clocks("gdpr", received_at=noon, zone="Europe/Berlin", country="DE", subdivision="BE")
    assert (munich.nominal, berlin.nominal) == (date(2026, 6, 5), date(2026, 6, 4))


@pytest.mark.parametrize(("country", "subdivision"), [("", None), ("Germany", None), ("DE", "TEXAS")])
def test_an_unknown_place_is_refused(country: str, subdivision: str | None) -> None:
    with pytest.raises(InvalidInput, match="holidays"):
        clocks("gdpr", received_at=datetime.now(UTC), zone="UTC", country=country, subdivision=subdivision)


def test_a_time_without_zone_and_an_unknown_zone_are_refused() -> None:
    with pytest.raises(InvalidInput, match="no time zone"):
        clocks("gdpr", received_at=datetime(2026, 1, 1), zone="UTC", country="DE")
    with pytest.raises(InvalidInput, match="Berlin/Europe"):
        clocks("gdpr", received_at=datetime.now(UTC), zone="Berlin/Europe", country="DE")


def test_the_earliest_promise_leads_when_several_laws_run() -> None:
    running = [clock("gdpr", "2026-11-03"), clock("lgpd", "2026-11-03"), clock("ccpa", "2026-11-03")]
    assert deadline_of(running) == running[1].promised < running[0].promised
    assert days_left(running[1], on=date(2026, 11, 20)) == -2
    with pytest.raises(InvalidInput):
        deadline_of([])


@pytest.mark.parametrize("law", Law)
def test_every_law_is_in_the_table_and_each_rule_says_where_it_was_read(law: Law) -> None:
    rules = load(law)
    assert law in TABLE and rules.LAW is law
    assert rules.GROUNDS and rules.EXEMPTIONS and rules.AUTHORITY_REMEDY
    for rule in rules.RULES:
        assert rule.text and rule.article and rule.source and rule.since < date(2026, 9, 1)
    assert clock(law, "2026-06-01").basis in rules.RULES
