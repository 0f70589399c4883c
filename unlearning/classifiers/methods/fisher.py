"""Fisher forgetting: noise where the retained rows do not mind it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from unlearning.classifiers.examples import Examples
from unlearning.classifiers.fitting import layout
from unlearning.classifiers.outcome import Exactness, Task

SOURCE = "Golatkar et al. 2020, Eternal Sunshine of the Spotless Net (Fisher forgetting)"
SCOPES = ("class", "rows")
NEEDS = ("retain",)
EXACTNESS: Exactness = "approximate"
SEARCH = {"alpha": (1e-9, 1e-5)}


def run(task: Task, *, alpha: float = 1e-7, rows: int = 1024) -> nn.Module:
    """Standard deviation (alpha / F)^(1/4), capped at the layer's own spread; F over `rows` retained examples."""
    chance = task.generator()
    importance = fisher(task.model, task.kept.sample(rows, generator=chance))
    with torch.no_grad():
        for parameter, known in zip(task.model.parameters(), importance, strict=True):
            spread = (alpha / (known + 1e-12)) ** 0.25
            parameter += torch.randn(parameter.shape, generator=chance) * spread.clamp_max(
                float(parameter.std()) or 1e-3
            )
    return task.model.eval()


def fisher(model: nn.Module, examples: Examples, *, batch: int = 8) -> list[Tensor]:
    """Mean squared gradient of the loss over small batches, a tensor a parameter; it depends on `batch`."""
    model.eval()
    features = layout(examples.features)
    total = [torch.zeros_like(parameter) for parameter in model.parameters()]
    pieces = torch.arange(len(examples)).split(batch)
    for places in pieces:
        model.zero_grad(set_to_none=True)
        F.cross_entropy(model(features[places]), examples.labels[places]).backward()
        for known, parameter in zip(total, model.parameters(), strict=True):
            if parameter.grad is not None:
                known += parameter.grad**2
    model.zero_grad(set_to_none=True)
    return [known / max(1, len(pieces)) for known in total]
