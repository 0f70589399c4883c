"""What a case's page shows, read once: where the person was found, and the plan."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from compliance.intake.models import ErasureRequest
from compliance.mitigation.models import Plan, Step
from compliance.provenance.models import Artifact, SearchNote, Trace
from compliance.rules.terms import ArtifactKind, Horizon, State, StepStatus, Support
from compliance.web import looks
from compliance.web.results import measure_words


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
