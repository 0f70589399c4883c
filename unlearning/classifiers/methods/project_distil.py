"""Project the class's direction out of the linear layers, then distil from the model without that answer."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from unlearning.classifiers.fitting import adam, layout, learn, logits_of
from unlearning.classifiers.outcome import Exactness, Task
from unlearning.classifiers.parts import inputs_of, linears, tail_from

SOURCE = "ours; the projection after DAMP (class directions in depth), the target after DELETE (Zhou et al. 2025)"
SCOPES = ("class",)
NEEDS = ("retain",)
EXACTNESS: Exactness = "approximate"
SEARCH = {"learning_rate": (3e-4, 5e-3), "steps": (20.0, 120.0)}


def run(
    task: Task,
    *,
    steps: int = 80,
    learning_rate: float = 2e-3,
    batch: int = 128,
    forget_rows: int = 400,
    retain_rows: int = 2000,
) -> nn.Module:
    """Works on samples: a few hundred rows of the class and a few thousand others say all that is needed.

    Where the network's last two linear layers can be cut off, what lies below them is computed once and only they are
    distilled; a network with a head alone is distilled whole, for a new head over old features would be a mask.
    """
    chance, model = task.generator(), task.model
    forget = task.forget.sample(forget_rows, generator=chance)
    retain = task.kept.sample(retain_rows, generator=chance)
    last = [
        one for one in linears(model, forget.features)[-2:] if inputs_of(model, one, forget.features[:2]).dim() == 2
    ]
    tail = tail_from(model, last[0]) if len(last) > 1 else None
    both = torch.cat([forget.features, retain.features])
    given = inputs_of(model, last[0], both) if tail is not None else both
    student = tail if tail is not None else model
    target = without(logits_of(student, given), int(forget.labels[0]))
    _project(student, last, given, torch.cat([forget.labels, retain.labels]))
    _start_anew(last[-1], int(forget.labels[0]), seed=task.seed)
    _distil(student, task, given, target, len(forget), steps=steps, learning_rate=learning_rate, batch=batch)
    return model.eval()


def without(logits: Tensor, label: int) -> Tensor:
    """The distribution [n, classes] that is left when one answer is taken away."""
    masked = logits.clone()
    masked[:, label] = -torch.inf
    return masked.softmax(1)


def _project(student: nn.Module, layers: list[nn.Linear], features: Tensor, labels: Tensor) -> None:
    """Take from each layer what only the class's mean input points to (the first label's)."""
    for layer in layers:
        given = inputs_of(student, layer, features)
        means = torch.stack([given[labels == k].mean(0) for k in labels.unique() if k != labels[0]])
        basis, _ = torch.linalg.qr(means.T)
        own = given[labels == labels[0]].mean(0)
        direction = own - basis @ (basis.T @ own)
        direction = direction / direction.norm().clamp_min(1e-12)
        with torch.no_grad():
            layer.weight -= torch.outer(layer.weight @ direction, direction)


def _start_anew(head: nn.Linear, label: int, *, seed: int) -> None:
    """The class's own row of the head is drawn anew: its order over rows must not be the old one below a constant."""
    bound = head.in_features**-0.5
    with torch.no_grad():
        drawn = torch.rand(head.in_features, generator=torch.Generator().manual_seed(seed)) * 2 - 1
        head.weight[label] = drawn * bound
        if head.bias is not None:
            head.bias[label] = head.bias.mean()


def _distil(
    model: nn.Module,
    task: Task,
    both: Tensor,
    target: Tensor,
    of_forget: int,
    *,
    steps: int,
    learning_rate: float,
    batch: int,
) -> None:
    """A quarter of each batch are rows of the class, the rest others."""
    chance, features = task.generator(), layout(both)
    optimizer = adam(model.parameters(), learning_rate=learning_rate)
    learn(model)
    for step in range(steps):
        inside = torch.randint(of_forget, (batch // 4,), generator=chance)
        outside = torch.randint(of_forget, len(both), (batch - batch // 4,), generator=chance)
        places = torch.cat([inside, outside])
        optimizer.zero_grad(set_to_none=True)
        loss = F.kl_div(model(features[places]).log_softmax(1), target[places], reduction="batchmean")
        loss.backward()
        optimizer.step()
        task.progress((step + 1) / steps, f"Step {step + 1} of {steps}, loss {float(loss.detach()):.3f}")
