"""What goes into the verbs and what comes out: frozen dataclasses, all of them JSON-able by `dataclasses.asdict`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

Progress = Callable[[float, str], None]


def silent(fraction: float, message: str) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True)
class Row:
    """One training or probing example; `key` is stable, unique in its file, and never leaves it unhashed.

    `targets` are prompts with what shall be answered to them once the row is forgotten.
    """

    prompt: str
    response: str
    key: str = ""
    stage: int = 1
    kind: str = ""
    value: str = ""
    paraphrases: tuple[str, ...] = ()
    targets: tuple[tuple[str, str], ...] = ()

    @property
    def secret(self) -> str:
        """The part of the response that is the personal value: `value`, or the whole response."""
        return self.value or self.response


@dataclass(frozen=True)
class StagePlan:
    """One stage: `epochs` × `steps_per_epoch` optimizer steps; each of the stage's rows is seen once an epoch.

    A row of an earlier stage is rehearsed in an epoch with probability `rehearsal`.
    """

    number: int
    epochs: int
    steps_per_epoch: int
    rehearsal: float = 0.0
    learning_rate: float = 3e-3
    warmup: int = 20

    @property
    def steps(self) -> int:
        return self.epochs * self.steps_per_epoch


@dataclass(frozen=True)
class TrainingPlan:
    """The whole training program; with rows, tokenizer, torch version and threads it fixes every byte of the result.

    `longest` is how many tokens of a row are learned; 0 means all, and the training writes down what that came to.
    """

    stages: tuple[StagePlan, ...]
    seed: int = 0
    shape: str = "1m"
    beta1: float = 0.9
    beta2: float = 0.98
    weight_decay: float = 0.01
    clip: float = 1.0
    threads: int = 1
    longest: int = 0

    @property
    def steps(self) -> int:
        return sum(stage.steps for stage in self.stages)


@dataclass(frozen=True)
class Outcome:
    """What a verb that writes a model did; digests are hexadecimal sha256, times are seconds."""

    verb: str
    out: str
    digest: str
    weights_digest: str
    digest_before: str
    steps: int
    seconds: float
    cpu_seconds: float
    exactness: str
    versions: dict[str, str]
    detail: dict[str, float | int | str] = field(default_factory=dict)


@dataclass(frozen=True)
class Measurement:
    """One number about one model: `scope` says whose rows, `low` and `high` are its 95 % interval, if any."""

    name: str
    scope: str
    value: float
    n: int
    low: float | None = None
    high: float | None = None
    verdict: str = ""
    detail: dict[str, float | int | str] = field(default_factory=dict)


@dataclass(frozen=True)
class PersonFacts:
    """Whom an audit asks about; `controls` were never trained on, `candidates` maps a kind to other possible values.

    `known` are rows of other forgotten people that an attacker already has and may train on.
    """

    person: tuple[Row, ...]
    controls: tuple[Row, ...]
    namesakes: tuple[Row, ...] = ()
    others: tuple[Row, ...] = ()
    candidates: dict[str, tuple[str, ...]] = field(default_factory=dict)
    known: tuple[Row, ...] = ()


@dataclass(frozen=True)
class AuditResult:
    """Measurements of one model, or of the model `before` and `after` the work; holds no person's value.

    `verdict` is one of the four words, `claim` the same with its number: "mitigated (2.1 ± 0.5 bits)". `bits` is the
    residual exposure a field with the half-width of its 95 % interval, `worst_bits` the largest under any attack.
    """

    digest: str
    digest_before: str
    after: tuple[Measurement, ...]
    before: tuple[Measurement, ...]
    verdict: str
    reasons: tuple[str, ...]
    seed: int
    seconds: float
    cpu_seconds: float
    versions: dict[str, str]
    claim: str = ""
    route: str = ""
    bits: float = 0.0
    bits_error: float = 0.0
    worst_bits: float = 0.0
    worst_attack: str = ""
    attacks: tuple[Measurement, ...] = ()
    attacks_not_applicable: tuple[str, ...] = ()


@dataclass(frozen=True)
class AttackResult:
    """Measurements after each attack, for the person and for never-seen controls."""

    digest: str
    measurements: tuple[Measurement, ...]
    attacks: tuple[str, ...]
    seed: int
    seconds: float
    cpu_seconds: float
    versions: dict[str, str]
    not_applicable: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evaluation:
    """Measurements of one model, without a verdict."""

    digest: str
    measurements: tuple[Measurement, ...]
    seed: int
    seconds: float
    cpu_seconds: float
    versions: dict[str, str]
