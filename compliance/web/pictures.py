"""The drawings of a case's page, from its rows: lineage, timeline, rates before and after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.utils.safestring import SafeString, mark_safe

from compliance.evidence.drawings import Edge, Mark, Node, RateRow, lineage_svg, rates_svg, timeline_svg
from compliance.evidence.thresholds import Quantity
from compliance.intake.models import ErasureRequest
from compliance.mitigation.models import Plan
from compliance.provenance.models import Derivation
from compliance.rules.deadlines import Clock
from compliance.rules.terms import ArtifactKind, StepStatus
from compliance.validation.models import Measurement
from compliance.web.casefile import FoundRow
from compliance.web.happened import EventRow
from compliance.web.results import measure_words

MAIN_EVENTS = ("case.", "decision.")
RATES = ("extraction", "extraction_paraphrase", "extraction_prefill", "extraction_strength", "exact_memorization")


def _svg(text: str) -> SafeString:
    """The drawing as it is: the pen has escaped every word in it."""
    return mark_safe(text)  # noqa: S308 - written by our own pen, which escapes text and attributes


def lineage(found: list[FoundRow], plan: Plan | None, claims: Mapping[str, str]) -> SafeString:
    """Where the person's data went; nodes lead to the table below the drawing."""
    if not found:
        return SafeString("")
    steps = _step_states(plan)
    nodes = [_node(row, steps.get(row.artifact.pk), claims.get(row.artifact.slug)) for row in found]
    carried = {row.artifact.slug for row in found if row.found}
    pairs = Derivation.objects.filter(parent__entity=found[0].artifact.entity).values_list(
        "parent__slug", "child__slug"
    )
    edges = [Edge(source=a, target=b, carried=a in carried and b in carried) for a, b in pairs]
    return _svg(
        lineage_svg(nodes, edges, theme="css", title=f"Lineage: found in {len(carried)} of {len(found)} places")
    )


def _step_states(plan: Plan | None) -> dict[int, tuple[int, int]]:
    """Per artifact: how many steps are done, of how many."""
    counts: dict[int, tuple[int, int]] = {}
    for artifact_id, status in plan.steps.values_list("artifact_id", "status") if plan else ():
        if artifact_id is not None:
            done, of = counts.get(artifact_id, (0, 0))
            counts[artifact_id] = (done + (status == StepStatus.DONE), of + 1)
    return counts


def _node(row: FoundRow, steps: tuple[int, int] | None, claim: str | None) -> Node:
    state = claim or ("working" if steps and steps[0] else "found" if row.found else "clear")
    if claim:
        detail = claim.replace("_", " ")
    elif steps and steps[0]:
        detail = f"{steps[0]} of {steps[1]} steps done"
    elif row.total:
        detail = f"{row.total} record{'s' if row.total != 1 else ''} found"
    else:
        detail = "reached by lineage" if row.reached else "no match"
    artifact = row.artifact
    kind = ArtifactKind(artifact.kind)
    return Node(
        id=artifact.slug, label=artifact.name, detail=detail, kind=kind, state=state, href=f"#found-{artifact.slug}"
    )


def timeline(case: ErasureRequest, clock: Clock, rows: Iterable[EventRow]) -> SafeString:
    """What happened, against the clocks."""
    marks = [Mark(at=row.event.at, label=row.words) for row in rows if row.event.kind.startswith(MAIN_EVENTS)]
    days = {clock.promised: "promised", clock.conservative: "conservative", clock.nominal: "nominal"}
    merged = [
        (day, ", ".join(words for other, words in _clock_words(clock) if other == day)) for day in sorted(set(days))
    ]
    return _svg(timeline_svg(marks, merged, theme="css", title=f"Timeline of case {case.reference}"))


def _clock_words(clock: Clock) -> tuple[tuple[object, str], ...]:
    return (clock.promised, "promised"), (clock.conservative, "conservative"), (clock.nominal, "nominal")


def rates(plan: Plan | None) -> SafeString:
    """The person's rates before and after, beside the controls; empty when none was measured."""
    if plan is None:
        return SafeString("")
    measured = list(plan.measurements.filter(name__in=RATES).select_related("artifact"))
    controls = {(m.artifact_id, m.name): m for m in measured if m.group == "controls"}
    own = [m for m in measured if m.group == "person" and m.value is not None]
    several = len({m.artifact_id for m in own}) > 1
    rows = [_rate(m, controls.get((m.artifact_id, m.name)), several=several) for m in own]
    title = f"{len(rows)} rates before and after"
    return _svg(rates_svg(rows, theme="css", title=title)) if rows else SafeString("")


def _rate(row: Measurement, control: Measurement | None, *, several: bool) -> RateRow:
    name = f"{row.artifact.name}: {measure_words(row.name)}" if several else measure_words(row.name)
    controls = _quantity(control) if control else None
    return RateRow(label=name, before=_before(row), after=_quantity(row), controls=controls)


def _before(row: Measurement) -> Quantity | None:
    """What was measured before, with its interval where the check kept it."""
    low, high = row.detail.get("before_low"), row.detail.get("before_high")
    return Quantity(value=row.before, low=low, high=high) if row.before is not None else None


def _quantity(row: Measurement) -> Quantity | None:
    return Quantity(value=row.value, low=row.low, high=row.high, n=row.n) if row.value is not None else None
