"""DELETE: distil the forget rows towards what the model says beside their label; needs no retained data."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from unlearning.classifiers.fitting import descend, layout, logits_of
from unlearning.classifiers.outcome import Exactness, Task

SOURCE = "Zhou et al. 2025, Decoupled Distillation to Erase (DELETE), CVPR"
SCOPES = ("class", "rows")
NEEDS: tuple[str, ...] = ()
EXACTNESS: Exactness = "approximate"
SEARCH = {"learning_rate": (5e-5, 1e-3), "epochs": (1.0, 5.0)}


def run(
    task: Task, *, epochs: int = 1, learning_rate: float = 2e-4, batch: int = 64, least_steps: int = 80
) -> nn.Module:
    """The target is fixed before the first step; a class of few rows is passed over until there were steps enough."""
    model, features = task.model, layout(task.forget.features)
    logits = logits_of(model, features)
    target = logits.scatter(1, task.forget.labels[:, None], -torch.inf).softmax(1)

    if task.scope == "class":
        epochs = max(epochs, -(-least_steps // -(-len(task.forget) // batch)))

    def loss(places: Tensor) -> Tensor:
        return F.kl_div(model(features[places]).log_softmax(1), target[places], reduction="batchmean")

    return descend(
        model,
        len(task.forget),
        loss,
        epochs=epochs,
        learning_rate=learning_rate,
        batch=batch,
        generator=task.generator(),
        progress=task.progress,
    )
