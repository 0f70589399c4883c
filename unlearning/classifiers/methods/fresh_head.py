"""EU-k with distillation: the last linear layers anew, learned from the retained rows over frozen features."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from unlearning.classifiers.examples import Examples
from unlearning.classifiers.fitting import adam, batches, learn, logits_of
from unlearning.classifiers.methods.project_distil import without
from unlearning.classifiers.outcome import Exactness, Task
from unlearning.classifiers.parts import inputs_of, linears, tail_from
from unlearning.errors import InputError

SOURCE = "Goel et al. 2022, Towards Adversarial Evaluations for Inexact Machine Unlearning (EU-k); distillation ours"
SCOPES = ("class",)
NEEDS = ("retain",)
EXACTNESS: Exactness = "approximate"
SEARCH = {"learning_rate": (5e-4, 5e-3), "epochs": (1.0, 6.0)}


def run(
    task: Task,
    *,
    layers: int = 2,
    epochs: int = 3,
    learning_rate: float = 1e-3,
    batch: int = 128,
    weight: float = 0.5,
    retain_rows: int = 20_000,
    least_steps: int = 400,
) -> nn.Module:
    """Features below the fresh layers are computed once; `weight` is the share of distillation in the loss.

    Few rows are passed over more often, until there were steps enough for layers that begin anew.
    """
    model, retain = task.model, task.kept.sample(retain_rows, generator=task.generator())
    epochs = max(epochs, -(-least_steps // -(-len(retain) // batch)))
    label = int(task.forget.labels[0])
    target = without(logits_of(model, retain.features), label) if weight else None
    fresh = linears(model, retain.features)[-layers:]
    tail = tail_from(model, fresh[0])
    if tail is None:
        raise InputError("fresh_head: the network is no nn.Sequential whose last layers can be cut; use retrain")
    below = inputs_of(model, fresh[0], retain.features)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(task.seed)
        for layer in fresh:
            layer.reset_parameters()
    _learn(tail, below, retain, target, task, epochs=epochs, learning_rate=learning_rate, batch=batch, weight=weight)
    return model.eval()


def _learn(
    tail: nn.Module,
    below: Tensor,
    retain: Examples,
    target: Tensor | None,
    task: Task,
    *,
    epochs: int,
    learning_rate: float,
    batch: int,
    weight: float,
) -> None:
    chance = task.generator()
    optimizer = adam(tail.parameters(), learning_rate=learning_rate)
    learn(tail)
    for epoch in range(epochs):
        for places in batches(len(retain), size=batch, generator=chance):
            optimizer.zero_grad(set_to_none=True)
            logits = tail(below[places])
            loss = (1 - weight) * F.cross_entropy(logits, retain.labels[places])
            if target is not None:
                loss = loss + weight * F.kl_div(logits.log_softmax(1), target[places], reduction="batchmean")
            loss.backward()
            optimizer.step()
        task.progress((epoch + 1) / epochs, f"Epoch {epoch + 1} of {epochs}, loss {float(loss.detach()):.3f}")
