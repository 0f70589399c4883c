"""What is known about an artifact when its claim is judged, and the claim itself: plain facts, no rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from compliance.rules.terms import ArtifactKind, ClaimLevel, Exemption, StepStatus, Verdict

Plain = str | float | int | None


@dataclass(frozen=True, slots=True)
class StepResult:
    """What a step left: ``level`` is the receipt's own word (hidden, rewritten, byte-checked …)."""

    action: str
    status: StepStatus
    level: str = ""
    exact: bool = False
    scheduled_for: date | None = None


@dataclass(frozen=True, slots=True)
class MeasurementResult:
    """One measurement row: ``interval`` in the unit of ``value``; attacker and budget for exposure in bits."""

    name: str
    verdict: Verdict
    value: float | None = None
    interval: tuple[float, float] | None = None
    unit: str = ""
    attacker: str = ""
    budget: int | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that is known about one artifact in one case.

    ``expected`` names checks that the plan adds to the thresholds of the kind. A measurement's name occurs once.
    ``unread`` says that the search could not read all of the artifact: what the rest holds, nobody knows.
    ``connector`` says how it is reached: a table's model is judged by other limits than a language model. ``left`` says
    that pictures of the person stay, or that a model learned from such, because others are on them too: an officer
    decided that.
    """

    artifact: str
    name: str
    kind: ArtifactKind
    steps: tuple[StepResult, ...] = ()
    measurements: tuple[MeasurementResult, ...] = ()
    expected: tuple[str, ...] = ()
    exemption: Exemption | None = None
    backups_until: date | None = None
    unread: bool = False
    connector: str = ""
    left: bool = False

    def measured(self, name: str) -> MeasurementResult | None:
        """The measurement of that name, if there is one."""
        return next((row for row in self.measurements if row.name == name), None)

    def verdict(self, name: str) -> Verdict | None:
        """The verdict of that name; ``None`` when it was not measured."""
        row = self.measured(name)
        return row.verdict if row else None


@dataclass(frozen=True, slots=True)
class Claim:
    """The strongest sentence that may be said: ``sentence_key`` and ``params`` make it, ``notes`` add what is limited.

    ``params`` are plain values (dates as ISO text). ``reasons`` say to an officer why it is not stronger.
    """

    level: ClaimLevel
    artifact: str
    sentence_key: str
    params: Mapping[str, Plain]
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())
