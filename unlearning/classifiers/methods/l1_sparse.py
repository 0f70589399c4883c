"""l1-sparse: fine-tune on the retained rows with a penalty that lets unused weights go."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from unlearning.classifiers.fitting import descend, layout
from unlearning.classifiers.outcome import Exactness, Task

SOURCE = "Jia et al. 2023, Model Sparsity Can Simplify Machine Unlearning, NeurIPS"
SCOPES = ("class", "rows")
NEEDS = ("retain",)
EXACTNESS: Exactness = "approximate"
SEARCH = {"gamma": (1e-6, 1e-3), "learning_rate": (3e-4, 3e-3)}


def run(
    task: Task, *, epochs: int = 1, learning_rate: float = 1e-3, batch: int = 128, gamma: float = 2e-4
) -> nn.Module:
    """The penalty falls to nothing over the first half of the epochs."""
    model, retain, features = task.model, task.kept, layout(task.kept.features)
    total = max(1, epochs * -(-len(retain) // batch))
    done = [0]

    def loss(places: Tensor) -> Tensor:
        done[0] += 1
        penalty = gamma * max(0.0, 1 - 2 * done[0] / total)
        size = torch.stack([p.abs().sum() for p in model.parameters()]).sum()
        return F.cross_entropy(model(features[places]), retain.labels[places]) + penalty * size

    return descend(
        model,
        len(retain),
        loss,
        epochs=epochs,
        learning_rate=learning_rate,
        batch=batch,
        generator=task.generator(),
        progress=task.progress,
    )
