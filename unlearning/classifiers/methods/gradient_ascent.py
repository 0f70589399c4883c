"""Gradient ascent on the forget rows; a baseline that knows no stop."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from unlearning.classifiers.fitting import descend, layout
from unlearning.classifiers.outcome import Exactness, Task

SOURCE = "Golatkar et al. 2020, Eternal Sunshine of the Spotless Net (NegGrad)"
SCOPES = ("class", "rows")
NEEDS: tuple[str, ...] = ()
EXACTNESS: Exactness = "approximate"
SEARCH = {"learning_rate": (1e-5, 3e-4), "epochs": (1.0, 5.0)}


def run(task: Task, *, epochs: int = 1, learning_rate: float = 1e-4, batch: int = 128) -> nn.Module:
    """Minus the cross-entropy."""
    model, forget, features = task.model, task.forget, layout(task.forget.features)

    def loss(places: Tensor) -> Tensor:
        return -F.cross_entropy(model(features[places]), forget.labels[places])

    return descend(
        model,
        len(forget),
        loss,
        epochs=epochs,
        learning_rate=learning_rate,
        batch=batch,
        generator=task.generator(),
        progress=task.progress,
    )
