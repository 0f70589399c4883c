"""The dossier: the facts of one case as an outsider may see them. No identifier of a person stands in it.

Everything the report, the letter's figures and the verifier need is here, as frozen data without Django; ``canonical``
turns it into one sequence of bytes. An artifact's ``key`` ties places, steps, measurements and claims together.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from compliance.evidence.thresholds import Quantity, Threshold
from compliance.rules.terms import ArtifactKind, ClaimLevel, Horizon, State, StepStatus, Verdict

SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Organisation:
    """The legal entity that answers, and who supervises it."""

    name: str
    country: str
    contact: str = ""
    authority: str = ""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked, under which laws, and how it was made sure who asked; nothing about who that is."""

    reference: str
    received_at: datetime
    laws: tuple[str, ...]
    grounds: tuple[str, ...]
    state: State
    confirmed_at: datetime | None = None
    identity: str = ""
    role: str = ""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What an officer decided, on what article, and why; an empty ``artifact`` means the whole request."""

    outcome: str
    by: str
    at: datetime
    reason: str = ""
    artifact: str = ""
    ground: str = ""
    exemption: str = ""
    article: str = ""
    review_on: date | None = None


@dataclass(frozen=True, kw_only=True)
class Deadline:
    """One clock of one law (days are the controller's local days)."""

    law: str
    article: str
    nominal: date
    conservative: date
    promised: date


@dataclass(frozen=True, kw_only=True)
class Happening:
    """One line of the timeline, as the log has it."""

    at: datetime
    what: str
    by: str
    uid: str = ""


@dataclass(frozen=True, kw_only=True)
class Found:
    """How many matches of the person were found in an artifact, by what supports them; zeros where none."""

    exact: int = 0
    normalised: int = 0
    content: int = 0
    lineage: int = 0
    name: int = 0
    near: int = 0

    @property
    def total(self) -> int:
        """All matches."""
        return self.exact + self.normalised + self.content + self.lineage + self.near + self.name


@dataclass(frozen=True, kw_only=True)
class Place:
    """An artifact that was looked at."""

    key: str
    name: str
    kind: ArtifactKind
    found: Found = field(default_factory=Found)
    rows: int | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Derivation:
    """``target`` was made from ``source``; ``carried`` when the person's data took this way."""

    source: str
    target: str
    carried: bool = False


@dataclass(frozen=True, kw_only=True)
class Step:
    """What was done, or is still to be done, to an artifact; ``level`` is what the receipt reached."""

    artifact: str
    action: str
    horizon: Horizon
    status: StepStatus
    reason: str = ""
    count: int = 0
    finished_at: datetime | None = None
    due_on: date | None = None
    level: str = ""
    receipt_sha256: str = ""
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One test of one artifact before and after; ``threshold`` is None for a control that only sets the scale."""

    id: str
    artifact: str
    name: str
    group: str = "person"
    unit: str = ""
    before: Quantity | None = None
    after: Quantity | None = None
    threshold: Threshold | None = None
    threshold_text: str = ""
    powered: bool = True
    verdict: Verdict | None = None
    check: str = ""
    note: str = ""

    @property
    def bar(self) -> str:
        """The threshold as people read it, however it was given."""
        return self.threshold.words if self.threshold else self.threshold_text


@dataclass(frozen=True, kw_only=True)
class Claim:
    """The strongest sentence that may be said about an artifact, and the measurements it rests on (their ids)."""

    artifact: str
    level: ClaimLevel
    sentence: str
    reasons: tuple[str, ...] = ()
    measurements: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Recipient:
    """Somebody who had received the data (GDPR Art. 19): requested, acknowledged, confirmed or verified."""

    name: str
    state: str
    told_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Residual:
    """A risk or remainder, in words, and the day on which it ends where there is one."""

    what: str
    until: date | None = None
    artifact: str = ""


@dataclass(frozen=True, kw_only=True)
class Method:
    """How a test or treatment was made and can be repeated: versions, seeds, digests, command."""

    name: str
    what: str = ""
    facts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class LogProof:
    """Where the case stands in the log: the signed head under which its events are proven."""

    origin: str
    size: int
    root: str
    key: str
    entries: int


@dataclass(frozen=True, kw_only=True)
class Dossier:
    """One case, whole. ``weakest`` is the level by which the case as a whole is described."""

    reference: str
    issued_at: datetime
    product: str
    organisation: Organisation
    request: Request
    weakest: ClaimLevel
    summary: str
    claims: tuple[Claim, ...]
    signed_off_by: str = ""
    language: str = "en"
    decisions: tuple[Decision, ...] = ()
    deadlines: tuple[Deadline, ...] = ()
    timeline: tuple[Happening, ...] = ()
    places: tuple[Place, ...] = ()
    derivations: tuple[Derivation, ...] = ()
    steps: tuple[Step, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    recipients: tuple[Recipient, ...] = ()
    residuals: tuple[Residual, ...] = ()
    methods: tuple[Method, ...] = ()
    log: LogProof | None = None
    schema_version: int = SCHEMA_VERSION
