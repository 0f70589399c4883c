"""SCRUB with rewind: push away from the teacher on forget rows, stay with it on retained ones, go back to the best."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from unlearning.classifiers.examples import Examples
from unlearning.classifiers.fitting import descend, layout, logits_of
from unlearning.classifiers.outcome import Exactness, Task

SOURCE = "Kurmanji et al. 2023, Towards Unbounded Machine Unlearning (SCRUB, SCRUB+R)"
SCOPES = ("class", "rows")
NEEDS = ("retain",)
EXACTNESS: Exactness = "approximate"
SEARCH = {"learning_rate": (1e-4, 3e-3), "rounds": (2.0, 5.0)}


def run(
    task: Task,
    *,
    rounds: int = 3,
    learning_rate: float = 1e-3,
    batch: int = 128,
    retain_rows: int = 12_000,
    rewind: bool = True,
) -> nn.Module:
    """Rewind returns the round whose forget error is nearest to the error on rows like them that were never trained on.

    A class that is to go has no such rows: there every round may stand, and the last is taken.
    """
    chance, model = task.generator(), task.model
    retain = task.kept.sample(retain_rows, generator=chance)
    before = logits_of(model, task.forget.features).log_softmax(1)
    kept = logits_of(model, retain.features).log_softmax(1)
    rounds_seen: list[tuple[float, nn.Module]] = []
    for number in range(rounds):
        _push(task, before, learning_rate=learning_rate, batch=batch, generator=chance)
        _stay(task, retain, kept, learning_rate=learning_rate, batch=batch, generator=chance)
        rounds_seen.append((_error(model, task.forget), copy.deepcopy(model)))
        task.progress((number + 1) / rounds, f"Round {number + 1} of {rounds}")
    if not rewind or task.scope == "class":
        return model.eval()
    usual = _error(model, retain)
    return min(rounds_seen, key=lambda seen: abs(seen[0] - usual))[1].eval()


def _push(task: Task, before: Tensor, *, learning_rate: float, batch: int, generator: torch.Generator) -> None:
    model, features = task.model, layout(task.forget.features)

    def loss(places: Tensor) -> Tensor:
        return -F.kl_div(model(features[places]).log_softmax(1), before[places], reduction="batchmean", log_target=True)

    descend(model, len(features), loss, epochs=1, learning_rate=learning_rate / 10, batch=batch, generator=generator)


def _stay(
    task: Task, retain: Examples, kept: Tensor, *, learning_rate: float, batch: int, generator: torch.Generator
) -> None:
    model, features = task.model, layout(retain.features)

    def loss(places: Tensor) -> Tensor:
        logits = model(features[places])
        near = F.kl_div(logits.log_softmax(1), kept[places], reduction="batchmean", log_target=True)
        return near + F.cross_entropy(logits, retain.labels[places])

    descend(model, len(features), loss, epochs=1, learning_rate=learning_rate, batch=batch, generator=generator)


def _error(model: nn.Module, examples: Examples) -> float:
    return float((logits_of(model, examples.features).argmax(1) != examples.labels).float().mean())
