"""What a case's page shows, read once: where the person was found, the plan, results, what happened."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from compliance.audit.models import Event
from compliance.intake.models import ErasureRequest
from compliance.mitigation.models import Plan, Step
from compliance.provenance.models import Artifact, SearchNote, Trace
from compliance.rules.terms import ArtifactKind, Horizon, State, StepStatus, Support, Verdict
from compliance.validation.models import Measurement
from compliance.web import looks

BOOKKEEPING = "services"  # the row that marks an artifact as fully measured: no result


@dataclass(frozen=True)
class FoundRow:
    """How often, and by what support, the person was found in one artifact."""

    artifact: Artifact
    kind: str
    supports: tuple[tuple[str, int], ...]
    total: int
    candidates: int
    note: str
    reached: bool

    @property
    def found(self) -> bool:
        """Whether anything of the person is in it, or came into it by lineage."""
        return bool(self.total or self.reached)


def found_rows(case: ErasureRequest) -> list[FoundRow]:
    """One row per registered artifact of the entity, as the present round saw it."""
    counted: dict[int, dict[str, int]] = {}
    traces = Trace.objects.current(case)
    for artifact_id, support in traces.counted().values_list("artifact_id", "support"):
        counts = counted.setdefault(artifact_id, {})
        counts[support] = counts.get(support, 0) + 1
    waiting: dict[int, int] = {}
    for artifact_id in traces.waiting().values_list("artifact_id", flat=True):
        waiting[artifact_id] = waiting.get(artifact_id, 0) + 1
    notes = {note.artifact_id: note for note in SearchNote.objects.filter(request=case, round=case.round)}
    artifacts = Artifact.objects.filter(entity=case.entity, retired_at=None)
    rows = [_found(a, counted.get(a.pk, {}), waiting.get(a.pk, 0), notes.get(a.pk)) for a in artifacts]
    return rows if notes else []


def _found(artifact: Artifact, counts: dict[str, int], waiting: int, note: SearchNote | None) -> FoundRow:
    return FoundRow(
        artifact=artifact,
        kind=ArtifactKind(artifact.kind).label,
        supports=tuple((Support(name).label, count) for name, count in counts.items()),
        total=sum(counts.values()),
        candidates=waiting,
        note=note.note if note else "Not searched.",
        reached=bool(note and note.by_lineage and note.facts.get("exposed", True)),
    )


@dataclass(frozen=True)
class PlanRow:
    """One step, as its table shows it."""

    step: Step
    action: str
    badge: looks.Badge
    limits: tuple[str, ...]


@dataclass(frozen=True)
class HorizonRows:
    """The steps of one horizon; folded away when there is nothing to read in them now."""

    name: str
    rows: tuple[PlanRow, ...]
    done: int
    open: bool


TO_BE_READ = (State.PLANNED, State.APPROVED)
BROKEN = (StepStatus.FAILED, StepStatus.UNKNOWN)


def plan_rows(plan: Plan | None, state: State) -> list[HorizonRows]:
    """The plan's steps on three horizons, in order; open while the plan is read or carried out, or where one failed."""
    if plan is None:
        return []
    steps = list(plan.steps.select_related("artifact").order_by("order", "id"))
    return [
        _horizon(h, [s for s in steps if s.horizon == h], state) for h in Horizon if any(s.horizon == h for s in steps)
    ]


def _horizon(horizon: Horizon, steps: list[Step], state: State) -> HorizonRows:
    broken = any(step.status in BROKEN for step in steps)
    due = state in TO_BE_READ and horizon is not Horizon.LONG_TERM
    done = sum(step.status == StepStatus.DONE for step in steps)
    return HorizonRows(horizon.label, tuple(_row(step) for step in steps), done, due or broken)


def _row(step: Step) -> PlanRow:
    action = step.action.replace("_", " ").capitalize()
    return PlanRow(step, action, looks.step_badge(step.status), tuple(_limits(step.planned.get("thresholds") or {})))


def _limits(thresholds: dict[str, Any]) -> Iterable[str]:
    for name, limit in thresholds.items():
        sign = "≤" if limit.get("comparison") == "at_most" else "≥"
        controls = " or as never-seen people" if limit.get("or_controls") else ""
        yield f"{measure_words(name)} {sign} {limit.get('limit', 0):g}{controls}"


def measure_words(name: str) -> str:
    """A measurement's name as people read it."""
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]


@dataclass(frozen=True)
class ResultRow:
    """One measurement, as its table shows it."""

    row: Measurement
    name: str
    before: str
    after: str
    interval: str
    limit: str
    badge: looks.Badge | None


@dataclass(frozen=True)
class ResultRows:
    """The measurements of one artifact; open where something is to be read in them."""

    name: str
    rows: tuple[ResultRow, ...]
    tally: tuple[looks.Badge, ...]
    open: bool


def results(plan: Plan | None) -> list[ResultRows]:
    """The measurements of a plan, by artifact."""
    if plan is None:
        return []
    grouped: dict[str, list[Measurement]] = {}
    measured = plan.measurements.exclude(check_name=BOOKKEEPING).select_related("artifact")
    for row in measured.order_by("artifact_id", "id"):
        grouped.setdefault(row.artifact.name, []).append(row)
    return [_results(name, rows) for name, rows in grouped.items()]


def _results(name: str, rows: list[Measurement]) -> ResultRows:
    counts = [(verdict, sum(row.verdict == verdict for row in rows)) for verdict in Verdict]
    tally = tuple(
        looks.Badge(f"{count} {verdict.label.lower()}", looks.VERDICT_TONES[verdict])
        for verdict, count in counts
        if count
    )
    judged = any(row.verdict == Verdict.FAILED for row in rows) or rows[0].artifact.kind == ArtifactKind.MODEL
    return ResultRows(name, tuple(_result(row) for row in rows), tally, judged)


def _result(row: Measurement) -> ResultRow:
    interval = f"{_number(row.low)} to {_number(row.high)}" if row.low is not None and row.high is not None else ""
    badge = looks.verdict_badge(row.verdict)
    limit = row.threshold.replace("<=", "≤").replace(">=", "≥")
    return ResultRow(row, measure_words(row.name), _number(row.before), _number(row.value), interval, limit, badge)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"


_EVENT_WORDS = {
    "trace.written": "Search finished",
    "trace.ticked": "Candidate decided",
    "job.retried": "Work tried again",
    "identifiers.shown": "Identifiers looked at",
    "traces.shown": "Candidates looked at",
    "pack.downloaded": "Evidence downloaded",
}


def event_words(kind: str) -> str:
    """What an event is called on pages."""
    family, _, name = kind.partition(".")
    if family == "case" and name in set(State):
        return State(name).label
    if family == "decision":
        return f"Decision: {name.replace('_', ' ')}"
    return _EVENT_WORDS.get(kind) or kind.replace(".", ": ").replace("_", " ").capitalize()


@dataclass(frozen=True)
class EventRow:
    """One line of the log, as people read it."""

    event: Event
    words: str
    detail: tuple[tuple[str, str], ...]
    logged: bool


def events(case: ErasureRequest) -> list[EventRow]:
    """What happened to the case, newest first."""
    rows = Event.objects.of_case(case.reference).select_related("opening", "leaf")
    return [event_row(event) for event in reversed(list(rows))]


def event_row(event: Event) -> EventRow:
    """One event with the words that its opening still holds."""
    detail = tuple((name.replace("_", " "), str(value)[:120]) for name, value in event.words().items() if value != "")
    return EventRow(event, event_words(event.kind), detail, hasattr(event, "leaf"))
