"""THE TABLE: state, whose turn, work that starts, letter, what may follow.

A state is a fact; a failed job is none: the case stays where it is and the job says why. Only this table is asked what
may follow what; one function of the intake floor reads it and moves the state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from compliance.rules.errors import IllegalMove
from compliance.rules.terms import Letter, State, Turn, Work

START = State.RECEIVED


@dataclass(frozen=True, slots=True)
class Stage:
    """One row: what holds while a case stands in ``state``.

    ``work`` is the job inserted and ``letter`` the letter written when the state is reached (one of ``instead`` in its
    place, where the decision says so); ``immediate_steps`` says that reversible steps of the immediate horizon may run
    before approval.
    """

    state: State
    turn: Turn
    work: Work | None = None
    letter: Letter | None = None
    instead: tuple[Letter, ...] = ()
    may_become: tuple[State, ...] = ()
    immediate_steps: bool = False
    note: str = ""

    @property
    def final(self) -> bool:
        """Nothing follows: true for withdrawn and lapsed cases (a closed one may be challenged)."""
        return not self.may_become


_ROWS = (
    Stage(
        State.RECEIVED,
        Turn.DATA_SUBJECT,
        letter=Letter.ACKNOWLEDGED,
        may_become=(State.VERIFIED, State.WITHDRAWN, State.LAPSED),
        note="The person confirms that each identifier is theirs.",
    ),
    Stage(
        State.VERIFIED,
        Turn.OFFICER,
        may_become=(State.ACCEPTED, State.REFUSED, State.FORWARDED, State.WITHDRAWN),
        note="The officer decides: ground, role, exemptions.",
    ),
    Stage(
        State.ACCEPTED,
        Turn.SYSTEM,
        work=Work.TRACE,
        letter=Letter.ACCEPTED,
        may_become=(State.TRACED,),
        note="Every registered source and artifact is searched.",
    ),
    Stage(
        State.TRACED,
        Turn.SYSTEM,
        work=Work.PLAN,
        may_become=(State.PLANNED,),
        note="What was found becomes ordered steps.",
    ),
    Stage(
        State.PLANNED,
        Turn.TWO_OFFICERS,
        may_become=(State.APPROVED, State.ACCEPTED),
        immediate_steps=True,
        note="A second person approves the plan by its digest, or the trace runs again.",
    ),
    Stage(
        State.APPROVED,
        Turn.SYSTEM,
        work=Work.MITIGATE,
        may_become=(State.MITIGATED, State.PLANNED),
        note="The steps are carried out; each leaves a receipt. Work that has stopped may go back to the plan.",
    ),
    Stage(
        State.MITIGATED,
        Turn.SYSTEM,
        work=Work.VALIDATE,
        may_become=(State.VALIDATED, State.PLANNED),
        note="Checks prove the steps by another path; a failed proof goes back to the plan.",
    ),
    Stage(
        State.VALIDATED,
        Turn.OFFICER,
        work=Work.REPORT,
        may_become=(State.ANSWERED,),
        note="The evidence is written; the officer signs it off.",
    ),
    Stage(
        State.ANSWERED,
        Turn.SYSTEM,
        work=Work.FOLLOW_UP,
        letter=Letter.OUTCOME,
        may_become=(State.CLOSED, State.ACCEPTED),
        note="Sweeps after 7, 30 and 90 days and steps scheduled for later; challenged or found again, it reopens.",
    ),
    Stage(
        State.REFUSED,
        Turn.SYSTEM,
        work=Work.REPORT,
        letter=Letter.REFUSED,
        instead=(Letter.UNIDENTIFIED,),
        may_become=(State.CLOSED,),
        note="Reasons, article, how to complain and to whom.",
    ),
    Stage(
        State.FORWARDED,
        Turn.SYSTEM,
        work=Work.REPORT,
        letter=Letter.FORWARDED,
        may_become=(State.CLOSED,),
        note="A processor's case: the controller was told, and decides; its instruction reopens the case.",
    ),
    Stage(
        State.CLOSED,
        Turn.NOBODY,
        may_become=(State.ACCEPTED, State.VERIFIED),
        note="A challenge, a controller's instruction or the end of a legal hold reopens it; what was refused or "
        "forwarded is decided anew.",
    ),
    Stage(State.WITHDRAWN, Turn.NOBODY, letter=Letter.WITHDRAWN, note="The person took the request back."),
    Stage(State.LAPSED, Turn.NOBODY, letter=Letter.LAPSED, note="The identifiers were never confirmed."),
)

TABLE: Mapping[State, Stage] = MappingProxyType({row.state: row for row in _ROWS})
SWEEP_DAYS = (7, 30, 90)


def stage(state: State | str) -> Stage:
    """The row of a state, given as the term or as it is stored."""
    return TABLE[State(state)]


def may(before: State | str, after: State | str) -> bool:
    """Whether the table lets a case go from one state to the other."""
    return State(after) in stage(before).may_become


def check_move(before: State | str, after: State | str) -> Stage:
    """The row of the state that is entered; raises ``IllegalMove`` when the table has no such move."""
    if may(before, after):
        return stage(after)
    follow = ", ".join(stage(before).may_become) or "nothing"
    raise IllegalMove(
        f"Moving a case from {State(before)} to {State(after)}: after {State(before)} may follow {follow}."
    )


def mermaid() -> str:
    """The table as a Mermaid state diagram (text)."""
    lines = ["stateDiagram-v2", f"    [*] --> {START}"]
    for row in TABLE.values():
        lines += [f"    {row.state} --> {after}" for after in row.may_become]
        lines += [f"    {row.state} --> [*]"] if row.turn is Turn.NOBODY else []
    return "\n".join(lines) + "\n"
