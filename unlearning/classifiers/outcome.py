"""What goes into the verbs and what comes out: frozen, and JSON-able but for the model itself."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import nn

from unlearning.classifiers.examples import Examples
from unlearning.errors import InputError
from unlearning.types import Progress, silent

Scope = Literal["class", "rows", "none"]
Exactness = Literal["exact", "certified", "approximate"]
Gate = Literal["pass", "fail", "inconclusive"]
Space = tuple[float, float] | tuple[str, ...]  # what a parameter may be: a range, or one of some words


@dataclass(frozen=True)
class Recipe:
    """How the company trains this model from nothing: enough to repeat it, and to predict what repeating costs.

    `build` is an architecture's name, or from Python any function of `options` that returns a fresh `nn.Module`; only
    named ones can be written into a model folder.
    """

    build: str | Callable[..., nn.Module]
    options: dict[str, Any] = field(default_factory=dict)
    epochs: int = 5
    learning_rate: float = 1e-3
    batch: int = 128


@dataclass(frozen=True)
class Budget:
    """What the work may cost: wall-clock seconds (None: no limit) and trials of a dose search."""

    seconds: float | None = None
    trials: int = 12


@dataclass(frozen=True)
class Figure:
    """One measured number; `low` and `high` are its 95 % interval where it has one."""

    name: str
    value: float
    n: int = 0
    low: float | None = None
    high: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Cost:
    """Seconds that were spent, and that an exact retraining is predicted to take (None: no recipe)."""

    seconds: float
    cpu_seconds: float
    predicted_retraining: float | None = None


@dataclass(frozen=True)
class Provenance:
    """Digests (hexadecimal sha256) of weights and of row ids, seeds and versions."""

    model_before: str
    model_after: str
    forget_ids: str
    retain_ids: str
    seed: int
    versions: dict[str, str]


@dataclass(frozen=True)
class UnlearnResult:
    """The new model and what may be said about it."""

    model: Any
    method: str
    parameters: dict[str, Any]
    scope: Scope
    exactness: Exactness
    gate: Gate
    reasons: tuple[str, ...]
    figures: tuple[Figure, ...]
    cost: Cost
    provenance: Provenance


@dataclass(frozen=True)
class Trained:
    """A model that was trained."""

    out: str
    digest: str
    accuracy: float
    rows: int


@dataclass(frozen=True)
class Outcome:
    """A model that was made to forget: everything of the result but the model itself."""

    verb: str
    out: str
    method: str
    parameters: dict[str, Any]
    scope: str
    exactness: str
    gate: str
    reasons: tuple[str, ...]
    figures: tuple[Figure, ...]
    cost: Cost
    provenance: Provenance


@dataclass(frozen=True)
class Task:
    """What a method is given: `model` is a copy of its own, which it may change and return."""

    model: nn.Module
    forget: Examples
    retain: Examples | None
    scope: Scope
    seed: int = 0
    recipe: Recipe | None = None
    folds: Any = None
    progress: Progress = field(default=silent, repr=False)

    @property
    def kept(self) -> Examples:
        """The retain set; InputError when none was given."""
        if self.retain is None:
            raise InputError("forgetting: this method needs the rows to keep; give them or choose `delete`")
        return self.retain

    def generator(self) -> torch.Generator:
        """A source of chance of its own, fixed by the seed."""
        return torch.Generator().manual_seed(self.seed)


def weights_digest(model: nn.Module) -> str:
    """Hexadecimal sha256 over names, shapes and bytes of parameters and buffers, in order of name."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
