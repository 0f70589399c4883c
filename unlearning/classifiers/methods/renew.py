"""Renew: fresh linear layers over weights that are shrunk towards chance, and one pass over retained rows."""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from unlearning.classifiers.fitting import layout
from unlearning.classifiers.outcome import Exactness, Task
from unlearning.classifiers.parts import linears

SOURCE = "ours; shrink and perturb after Ash and Adams 2020, fresh layers after EU-k (Goel et al. 2022)"
SCOPES = ("class", "rows")
NEEDS = ("retain",)
EXACTNESS: Exactness = "approximate"
SEARCH = {"shrink": (0.2, 0.8), "learning_rate": (2e-3, 8e-3)}


def run(
    task: Task,
    *,
    shrink: float = 0.5,
    rows: int = 30_000,
    learning_rate: float = 5e-3,
    batch: int = 64,
    layers: int = 2,
) -> nn.Module:
    """`shrink` is the share of chance in what lies below the last `layers` linear ones; the rate goes one cycle."""
    model, chance = task.model, task.generator()
    retain = task.kept.sample(rows, generator=chance)
    _towards_chance(model, linears(model, retain.features)[-layers:], shrink=shrink, seed=task.seed)
    features, steps = layout(retain.features), max(1, -(-len(retain) // batch))
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=steps)
    model.train()
    for step, places in enumerate(torch.randperm(len(retain), generator=chance).split(batch)):
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(model(features[places]), retain.labels[places]).backward()
        optimizer.step()
        cycle.step()
        if step % 50 == 49:
            task.progress((step + 1) / steps, f"Step {step + 1} of {steps}")
    return model.eval()


def _towards_chance(model: nn.Module, fresh: list[nn.Linear], *, shrink: float, seed: int) -> None:
    """Weights become (1 - shrink) of what they were plus shrink of a new draw; those of `fresh` a new draw only."""
    drawn = copy.deepcopy(model)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for part in drawn.modules():
            if hasattr(part, "reset_parameters"):
                part.reset_parameters()
    whole = {id(p) for layer in fresh for p in layer.parameters()}
    with torch.no_grad():
        for old, new in zip(model.parameters(), drawn.parameters(), strict=True):
            share = 1.0 if id(old) in whole else shrink
            old.mul_(1 - share).add_(new, alpha=share)
