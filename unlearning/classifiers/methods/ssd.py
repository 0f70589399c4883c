"""Selective synaptic dampening: weaken the weights that matter to the forget rows far more than to all the others."""

from __future__ import annotations

import torch
from torch import nn

from unlearning.classifiers.methods.fisher import fisher
from unlearning.classifiers.outcome import Exactness, Task

SOURCE = "Foster et al. 2024, Fast Machine Unlearning Without Retraining Through Selective Synaptic Dampening, AAAI"
SCOPES = ("class", "rows")
NEEDS = ("retain",)
EXACTNESS: Exactness = "approximate"
SEARCH = {"alpha": (1.0, 50.0), "floor": (0.01, 1.0)}


def run(task: Task, *, alpha: float = 5.0, floor: float = 0.1, rows: int = 1024) -> nn.Module:
    """Where F_forget > alpha * F_all: weight times min(floor * F_all / F_forget, 1)."""
    chance = task.generator()
    of_forget = fisher(task.model, task.forget.sample(rows, generator=chance))
    of_retain = fisher(task.model, task.kept.sample(4 * rows, generator=chance))
    with torch.no_grad():
        for parameter, ours, others in zip(task.model.parameters(), of_forget, of_retain, strict=True):
            chosen = ours > alpha * others
            factor = (floor * others / ours.clamp_min(1e-20)).clamp_max(1.0)
            parameter.copy_(torch.where(chosen, parameter * factor, parameter))
    return task.model.eval()
