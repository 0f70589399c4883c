"""Two at once on PostgreSQL, where rows are locked one by one: what cannot be undone happens once, or not at all."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from tests.services.installation import Installation, go_on, go_on_together, wait_ready
from tests.services.servers import wait_until

pytestmark = [pytest.mark.services, pytest.mark.enable_socket]
JOINED = "SELECT count(*) FROM mitigation_membership m JOIN intake_erasurerequest r ON r.id = m.request_id"
WAITS = "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def act(house: Installation, name: str, *arguments: object) -> Any:
    return house.act(name, *arguments, of="at_once")


def acting(house: Installation, name: str, *arguments: object) -> subprocess.Popen[str]:
    return house.acting(name, *arguments, of="at_once")


def members(house: Installation, reference: str) -> int:
    """How often a case is in a run now."""
    return int(house.one(f"{JOINED} WHERE m.left_at IS NULL AND r.reference = %s", reference))


def test_who_is_bound_while_a_run_begins_waits_and_is_refused(house: Installation) -> None:
    first, _second, third = act(house, "sharing")
    worker = acting(house, "begin", first, "pausing")
    assert "holds" in wait_ready(worker)
    officer = acting(house, "bind", first, third)
    wait_until(lambda: house.one(WAITS), 60, "the officer to wait for the model's row")
    assert go_on(worker) == "done"
    assert go_on(officer) == "IllegalMove"
    assert members(house, third) == 0
    assert house.one("SELECT begun_at IS NOT NULL FROM mitigation_sharedrun")


@pytest.mark.slow
def test_a_run_that_would_begin_while_somebody_is_bound_looks_again(house: Installation) -> None:
    first, _second, third = act(house, "sharing")
    officer = acting(house, "bind", first, third, "pausing")
    assert "holds" in wait_ready(officer)
    worker = acting(house, "begin", first)
    wait_until(lambda: house.one(WAITS), 60, "the worker to wait for the model's row")
    assert go_on(officer) == "done"
    assert go_on(worker) == "NotYet"
    assert members(house, third) == 1
    assert house.one("SELECT begun_at IS NULL FROM mitigation_sharedrun")


@pytest.mark.slow
def test_two_officers_cannot_bind_one_case_into_two_runs(house: Installation) -> None:
    first, second, third = act(house, "planned", 3)
    both = [acting(house, "bind", mine, third, "together") for mine in (first, second)]
    assert sorted(go_on_together(both)) == ["InvalidInput", "done"]
    assert members(house, third) == 1


@pytest.mark.slow
def test_of_many_workers_one_sends_each_letter(house: Installation) -> None:
    cases = act(house, "asked", 12)
    sent = go_on_together([acting(house, "post") for _ in range(3)])
    assert sum(sent) == len(cases) == 12
    letters = "".join(path.read_text("utf-8", "replace") for path in (house.var / "mail").glob("*.log"))
    for reference, _code in cases:
        assert letters.count(f"reference={reference}&") >= 1
    assert house.one("SELECT count(DISTINCT message_id) FROM intake_delivery") == 12
    assert letters.count("Message-ID: ") == 12


@pytest.mark.slow
def test_one_code_confirms_once(house: Installation) -> None:
    [[reference, code]] = act(house, "asked", 1)
    tried = go_on_together([acting(house, "confirm", reference, code) for _ in range(3)])
    assert sorted(tried) == ["NotAllowed", "NotAllowed", "done"]


@pytest.mark.slow
def test_wrong_codes_typed_at_once_are_all_counted(house: Installation) -> None:
    [[reference, code]] = act(house, "asked", 1)
    for _ in range(2):
        assert go_on_together([acting(house, "confirm", reference, "WRONGONE") for _ in range(3)]) == ["NotAllowed"] * 3
    assert house.one("SELECT max(tries) FROM intake_confirmation") == 5
    assert go_on_together([acting(house, "confirm", reference, code)]) == ["NotAllowed"]


@pytest.mark.slow
def test_a_case_is_accepted_or_withdrawn_and_never_both(house: Installation) -> None:
    reference = act(house, "verified")
    officer, person = acting(house, "accept", reference), acting(house, "withdraw", reference)
    assert (
        sorted(go_on_together([officer, person])) == ["IllegalMove", "done"]
        or house.one("SELECT state FROM intake_erasurerequest") == "WITHDRAWN"
    )
    decided = {kind for [kind] in house.rows("SELECT kind FROM intake_decision")}
    state = house.one("SELECT state FROM intake_erasurerequest")
    assert (state, decided) in (
        ("ACCEPTED", {"accept"}),
        ("WITHDRAWN", {"withdraw"}),
        ("WITHDRAWN", {"accept", "withdraw"}),  # first the one, then the other: nothing has been erased
    )


@pytest.mark.slow
def test_a_deadline_is_extended_once(house: Installation) -> None:
    reference = act(house, "verified")
    assert sorted(go_on_together([acting(house, "extend", reference) for _ in range(3)])) == [
        "IllegalMove",
        "IllegalMove",
        "done",
    ]
    assert house.one("SELECT count(*) FROM intake_notice WHERE kind = 'extended'") == 1


@pytest.mark.slow
def test_a_case_is_forgotten_or_reopened_and_never_both(house: Installation) -> None:
    reference = act(house, "closed")
    went = go_on_together([acting(house, "forget", reference), acting(house, "challenge", reference)])
    state = house.one("SELECT state FROM intake_erasurerequest")
    key = house.one("SELECT wrapped IS NOT NULL FROM intake_casekey")
    assert (went, state, key) in (
        (["done", "NotFoundHere"], "CLOSED", False),
        (["IllegalMove", "done"], "ACCEPTED", True),
    )


@pytest.mark.slow
def test_a_recovery_code_opens_once(house: Installation) -> None:
    code = act(house, "recovery_code")
    assert sorted(go_on_together([acting(house, "type_code", code) for _ in range(3)])) == [False, False, True]
