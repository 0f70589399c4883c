"""Renew: fresh linear layers over weights that are shrunk towards chance, and one pass over retained rows."""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from unlearning.classifiers.fitting import adam, batches, layout, learn
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
    shrink: float = 0.8,
    rows: int = 40_000,
    learning_rate: float = 5e-3,
    batch: int = 96,
    layers: int = 2,
    least_steps: int = 300,
) -> nn.Module:
    """`shrink` is the share of chance in what lies below the last `layers` linear ones; the rate goes one cycle.

    A first convolution stays as it is: strokes and edges are every class's, and its gradient is the dearest. Few rows
    are passed over more often, until there were steps enough.
    """
    model, chance, retain = task.model, task.generator(), task.kept
    some = torch.randperm(len(retain), generator=chance)[:rows]  # places only: to copy the rows took a fifth of it all
    fresh, still = linears(model, retain.features)[-layers:], _first_convolution(model)
    _towards_chance(model, fresh, still, shrink=shrink, seed=task.seed)
    features, passes = retain.features, min(50, -(-least_steps * batch // len(some)))
    chosen = [p for p in model.parameters() if p.requires_grad and not any(p is one for one in still)]
    total = passes * max(1, -(-len(some) // batch))
    optimizer = adam(chosen, learning_rate=learning_rate)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=total)
    learn(model, statistics=len(some) > 1)
    frozen = [p for p in still if p.requires_grad]
    for parameter in frozen:
        parameter.requires_grad_(False)
    step = 0
    for _ in range(passes):
        for order in batches(len(some), size=batch, generator=chance):
            places = some[order]
            optimizer.zero_grad(set_to_none=True)
            loss = F.cross_entropy(model(layout(features[places])), retain.labels[places])
            loss.backward()
            optimizer.step()
            cycle.step()
            step += 1
            if step % 50 == 0:
                task.progress(step / total, f"Step {step} of {total}, loss {float(loss.detach()):.3f}")
    for parameter in frozen:
        parameter.requires_grad_(True)
    return model.eval()


def _first_convolution(model: nn.Module) -> list[nn.Parameter]:
    """Weights of the layer that meets the pixels, where that is a convolution."""
    first = next((part for part in model.modules() if list(part.parameters(recurse=False))), None)
    return list(first.parameters()) if isinstance(first, nn.Conv2d) else []


def _towards_chance(
    model: nn.Module, fresh: list[nn.Linear], still: list[nn.Parameter], *, shrink: float, seed: int
) -> None:
    """Weights become (1 - shrink) of what they were plus shrink of a new draw; those of `fresh` a new draw only."""
    drawn = copy.deepcopy(model)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for part in drawn.modules():
            for name in ("reset_parameters", "_reset_parameters"):  # attention has only the latter
                if hasattr(part, name):
                    getattr(part, name)()
    whole, kept = {id(p) for layer in fresh for p in layer.parameters()}, {id(p) for p in still}
    with torch.no_grad():
        for old, new in zip(model.parameters(), drawn.parameters(), strict=True):
            share = 1.0 if id(old) in whole else 0.0 if id(old) in kept else shrink
            old.mul_(1 - share).add_(new, alpha=share)
