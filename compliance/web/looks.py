"""How states, turns, verdicts and days look on staff pages: one colour and one wording each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from compliance.intake.models import ErasureRequest
from compliance.rules.terms import ClaimLevel, Law, State, StepStatus, Turn, Verdict

LADDER = (
    State.RECEIVED,
    State.VERIFIED,
    State.ACCEPTED,
    State.TRACED,
    State.PLANNED,
    State.APPROVED,
    State.MITIGATED,
    State.VALIDATED,
    State.ANSWERED,
    State.CLOSED,
)
ENDED = (State.CLOSED, State.WITHDRAWN, State.LAPSED)
TURN_TONES = {
    Turn.DATA_SUBJECT: "proof",
    Turn.OFFICER: "warn",
    Turn.TWO_OFFICERS: "warn",
    Turn.SYSTEM: "busy",
    Turn.NOBODY: "none",
}
STEP_TONES = {
    StepStatus.PENDING: "none",
    StepStatus.RUNNING: "busy",
    StepStatus.DONE: "good",
    StepStatus.WAITING: "warn",
    StepStatus.FAILED: "bad",
    StepStatus.UNKNOWN: "bad",
}
VERDICT_TONES = {Verdict.PASSED: "good", Verdict.FAILED: "bad", Verdict.INCONCLUSIVE: "warn"}
CLAIM_TONES = {
    ClaimLevel.ERASED: "good",
    ClaimLevel.MITIGATED: "good",
    ClaimLevel.SUPPRESSED: "busy",
    ClaimLevel.SCHEDULED: "warn",
    ClaimLevel.PARTLY: "warn",
    ClaimLevel.KEPT: "warn",
    ClaimLevel.FORWARDED: "warn",
    ClaimLevel.NOT_SHOWN: "bad",
}
SHORT_STEP = {StepStatus.WAITING: "Waiting", StepStatus.UNKNOWN: "Unknown"}


SHORT_TURN = {Turn.TWO_OFFICERS: "Two officers", Turn.DATA_SUBJECT: "Data subject"}


@dataclass(frozen=True)
class Badge:
    """A word with a colour; the word alone says it."""

    words: str
    tone: str


def state_badge(case: ErasureRequest) -> Badge:
    """A case's state, coloured by whose turn it is."""
    state = State(case.state)
    tone = "good" if state in (State.ANSWERED, State.CLOSED) else TURN_TONES[case.turn]
    return Badge(state.label, "bad" if state is State.REFUSED else tone)


def turn_words(case: ErasureRequest) -> str:
    """Whose turn it is, short enough for a table."""
    return SHORT_TURN.get(case.turn, case.turn.label)


def law_words(case: ErasureRequest) -> str:
    """The law's short name."""
    return Law(case.law).label.split(" (")[0]


def step_badge(status: str) -> Badge:
    """A step's status in one word."""
    known = StepStatus(status)
    return Badge(SHORT_STEP.get(known, known.label), STEP_TONES[known])


def verdict_badge(verdict: str) -> Badge | None:
    """A measurement's verdict; none for what only sets a scale."""
    return Badge(Verdict(verdict).label, VERDICT_TONES[Verdict(verdict)]) if verdict else None


def claim_badge(level: str) -> Badge:
    """A claim's level."""
    return Badge(ClaimLevel(level).label, CLAIM_TONES[ClaimLevel(level)])


def rungs(case: ErasureRequest) -> tuple[int, int]:
    """How far a case has climbed, and how far it can: (5, 9)."""
    state = State(case.state)
    top = len(LADDER) - 1
    if state in LADDER:
        return LADDER.index(state), top
    return (top - 1, top) if state in (State.REFUSED, State.FORWARDED) else (top, top)


def today(case: ErasureRequest, now: datetime) -> date:
    """The day at the controller's, where its clocks run."""
    return now.astimezone(ZoneInfo(case.entity.time_zone)).date()


def distance(day: date, on: date) -> str:
    """A day as people speak of it: today, in 4 days, 2 days overdue."""
    days = (day - on).days
    if days == 0:
        return "today"
    plural = "" if abs(days) == 1 else "s"
    return f"in {days} day{plural}" if days > 0 else f"{-days} day{plural} overdue"


def due_badge(case: ErasureRequest, now: datetime) -> Badge:
    """When the answer is due; quiet once it was given."""
    if State(case.state) in (*ENDED, State.ANSWERED, State.REFUSED, State.FORWARDED):
        return Badge("answered" if State(case.state) is not State.WITHDRAWN else "ended", "none")
    days = (case.promised_on - today(case, now)).days
    tone = "bad" if days < 0 else "warn" if days <= 7 else "none"
    return Badge(distance(case.promised_on, today(case, now)), tone)
