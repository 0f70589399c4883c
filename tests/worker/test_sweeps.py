"""After 7, 30 and 90 days it is looked again: what came back reopens the case, and a returned customer does not."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from compliance.audit.models import Event
from compliance.jobs.progress import Later, Unattended
from compliance.provenance import lifting
from compliance.rules.terms import State
from compliance.worker import schedule
from tests.worker.erased import erased
from tests.worker.small_company import House

__all__ = ["erased"]


def after(house: House, days: int) -> State | Later | None:
    """What the follow-up says that many days after the answer."""
    day = schedule.answered_on(house.case) + timedelta(days=days)
    return schedule.follow_up(house.case, Unattended(), today=day)


def next_days(house: House, outcome: State | Later | None) -> int:
    assert isinstance(outcome, Later)
    return (outcome.due_at.date() - schedule.answered_on(house.case)).days


def plant(house: House) -> None:
    """The person's address in a new row, as a restore or an import would bring it."""
    with (house.folder / "raw/tickets.jsonl").open("a") as out:
        row = {"id": "T-BACK", "customer_id": "", "sender_email": house.person.email, "body": "Hello again."}
        out.write(json.dumps(row) + "\n")


def test_it_is_looked_after_seven_thirty_and_ninety_days_and_each_look_is_logged(erased: tuple[House, Path]) -> None:
    house, _ = erased
    assert next_days(house, after(house, 0)) == 7
    assert next_days(house, after(house, 7)) == 30
    assert next_days(house, after(house, 30)) == 90
    last = after(house, 90)
    assert last in (State.CLOSED, None), "nothing more is looked for; what an officer still owes keeps it open"
    looks = Event.objects.filter(kind="sweep.done", case=house.case.reference)
    assert [event.opening.detail["found_again"] for event in looks] == [0, 0, 0]


@pytest.mark.parametrize("days", [7, 30, 90])
def test_what_came_back_reopens_the_case_and_says_where(erased: tuple[House, Path], days: int) -> None:
    house, _ = erased
    plant(house)
    assert after(house, days) is State.ACCEPTED
    told = Event.objects.filter(kind="sweep.done", case=house.case.reference).latest("at").opening.detail
    assert told["found_again"] >= 1
    assert told["where"] == ["tickets"]
    assert house.person.email not in json.dumps(told)


def test_somebody_who_is_a_customer_again_does_not_reopen_their_case(erased: tuple[House, Path]) -> None:
    house, _ = erased
    lifting.lift(house.case, by=house.users["olga.demo"], reason="The person has ordered again.")
    plant(house)
    assert next_days(house, after(house, 7)) == 30
    assert not Event.objects.filter(kind="sweep.done", case=house.case.reference).exists()
