"""What a check is given, and what it hands back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from compliance.intake.models import ErasureRequest
from compliance.jobs.progress import Progress
from compliance.mitigation.models import Plan
from compliance.provenance import search as searching
from compliance.provenance.models import Artifact
from compliance.rules.terms import Verdict
from compliance.rules.thresholds import Threshold


@dataclass(frozen=True)
class Subject:
    """One artifact to prove, for one case under one plan, with what the person is found by."""

    request: ErasureRequest
    plan: Plan
    artifact: Artifact
    search: searching.Search
    limits: Mapping[str, Threshold]
    progress: Progress


@dataclass(frozen=True)
class Reading:
    """One number before it is stored; ``verdict`` only where the plan fixed a threshold for it."""

    check: str
    name: str
    value: float | None
    before: float | None = None
    group: str = ""
    low: float | None = None
    high: float | None = None
    n: int | None = None
    unit: str = ""
    threshold: str = ""
    verdict: Verdict | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


def judged(
    subject: Subject,
    reading: Reading,
    *,
    controls_upper: float | None = None,
    powered: bool = True,
) -> Reading:
    """The reading with the verdict of the threshold that the plan fixed; as it was when there is none."""
    limit = subject.limits.get(reading.name)
    if limit is None or reading.value is None:
        return reading
    sign = "≤" if limit.comparison == "at_most" else "≥"
    words = f"{sign} {limit.limit:g} {limit.unit}" + (" or as never-seen people" if limit.or_controls else "")
    verdict = limit.judge(reading.value, controls_upper=controls_upper, powered=powered)
    detail = {**reading.detail, "powered": powered}
    if controls_upper is not None:
        detail["controls_upper"] = controls_upper
    unit = reading.unit or limit.unit[:30]
    return replace(reading, threshold=words[:100], verdict=verdict, unit=unit, detail=detail)
