"""Measurements as a case's page shows them: by artifact, before and after, with limit and verdict."""

from __future__ import annotations

from dataclasses import dataclass

from compliance.mitigation.models import Plan
from compliance.rules.figures import plain
from compliance.rules.terms import ArtifactKind, Verdict
from compliance.validation.models import Measurement
from compliance.web import looks

BOOKKEEPING = "services"  # the row that marks an artifact as fully measured: no result


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
    return "–" if value is None else plain(value)
