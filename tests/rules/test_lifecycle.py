"""The table against the design: what may follow what, whose turn, which work, which letter."""

import pytest

from compliance.rules import lifecycle
from compliance.rules.errors import IllegalMove
from compliance.rules.terms import Letter, State, Turn, Work

MOVES = {
    "RECEIVED": "VERIFIED WITHDRAWN LAPSED",
    "VERIFIED": "ACCEPTED REFUSED FORWARDED WITHDRAWN",
    "ACCEPTED": "TRACED",
    "TRACED": "PLANNED",
    "PLANNED": "APPROVED ACCEPTED",
    "APPROVED": "MITIGATED PLANNED",
    "MITIGATED": "VALIDATED PLANNED",
    "VALIDATED": "ANSWERED",
    "ANSWERED": "CLOSED ACCEPTED",
    "REFUSED": "CLOSED",
    "FORWARDED": "CLOSED",
    "CLOSED": "ACCEPTED VERIFIED",
    "WITHDRAWN": "",
    "LAPSED": "",
}
WORK = {
    "ACCEPTED": Work.TRACE,
    "TRACED": Work.PLAN,
    "APPROVED": Work.MITIGATE,
    "MITIGATED": Work.VALIDATE,
    "VALIDATED": Work.REPORT,
    "ANSWERED": Work.FOLLOW_UP,
    "REFUSED": Work.REPORT,
    "FORWARDED": Work.REPORT,
}


@pytest.mark.parametrize("before", State)
@pytest.mark.parametrize("after", State)
def test_a_case_moves_only_as_the_design_says(before: State, after: State) -> None:
    allowed = after in MOVES[before].split()
    assert lifecycle.may(before, after) is allowed
    if allowed:
        assert lifecycle.check_move(before, after) == lifecycle.stage(after)
    else:
        with pytest.raises(IllegalMove, match=f"from {before} to {after}"):
            lifecycle.check_move(before, after)


def test_a_state_starts_the_work_of_the_design() -> None:
    assert {state: row.work for state, row in lifecycle.TABLE.items() if row.work} == WORK


def test_every_state_is_in_the_table_and_can_be_reached() -> None:
    reached, queue = {lifecycle.START}, [lifecycle.START]
    while queue:
        for after in lifecycle.stage(queue.pop()).may_become:
            queue += [] if after in reached else [after]
            reached.add(after)
    assert reached == set(State) == set(lifecycle.TABLE)


def test_only_a_case_that_is_over_is_nobodys_turn() -> None:
    nobody = {state for state, row in lifecycle.TABLE.items() if row.turn is Turn.NOBODY}
    assert nobody == {State.CLOSED, State.WITHDRAWN, State.LAPSED}


def test_a_state_where_the_system_has_its_turn_starts_work() -> None:
    assert all(row.work for row in lifecycle.TABLE.values() if row.turn is Turn.SYSTEM)


def test_every_way_out_of_the_public_form_has_its_letter() -> None:
    letters = {state: row.letter for state, row in lifecycle.TABLE.items() if row.letter}
    assert letters == {
        State.RECEIVED: Letter.ACKNOWLEDGED,
        State.ACCEPTED: Letter.ACCEPTED,
        State.ANSWERED: Letter.OUTCOME,
        State.REFUSED: Letter.REFUSED,
        State.FORWARDED: Letter.FORWARDED,
        State.WITHDRAWN: Letter.WITHDRAWN,
        State.LAPSED: Letter.LAPSED,
    }


def test_only_a_refusal_may_take_another_letter() -> None:
    instead = {state: row.instead for state, row in lifecycle.TABLE.items() if row.instead}
    assert instead == {State.REFUSED: (Letter.UNIDENTIFIED,)}


def test_reversible_steps_run_before_approval_in_planned_only() -> None:
    assert [row.state for row in lifecycle.TABLE.values() if row.immediate_steps] == [State.PLANNED]


def test_a_state_as_the_database_stores_it_is_understood() -> None:
    assert lifecycle.stage("TRACED").work is Work.PLAN


def test_the_diagram_draws_every_move_once() -> None:
    arrows = [line.strip() for line in lifecycle.mermaid().splitlines() if "-->" in line and "[*]" not in line]
    assert sorted(arrows) == sorted(f"{before} --> {after}" for before in MOVES for after in MOVES[before].split())
