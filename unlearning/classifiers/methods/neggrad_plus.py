"""NegGrad+ with a cap: descend on retained rows, ascend on forget rows until their loss has reached the cap."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from unlearning.classifiers.fitting import descend, layout
from unlearning.classifiers.outcome import Exactness, Task

SOURCE = "Kurmanji et al. 2023, Towards Unbounded Machine Unlearning (NegGrad+); the cap is ours"
SCOPES = ("class", "rows")
NEEDS = ("retain",)
EXACTNESS: Exactness = "approximate"
SEARCH = {"learning_rate": (1e-4, 3e-3), "share": (0.8, 0.99), "cap": (2.0, 8.0)}


def run(
    task: Task,
    *,
    steps: int = 85,
    learning_rate: float = 1e-3,
    batch: int = 128,
    share: float = 0.95,
    cap: float = 5.0,
) -> nn.Module:
    """`share` weighs the retained loss; a forget row whose loss is above `cap` pushes no further."""
    model, chance = task.model, task.generator()
    forget, retain = task.forget, task.kept.sample(steps * batch, generator=chance)
    inside, outside = layout(forget.features), layout(retain.features)

    def loss(places: Tensor) -> Tensor:
        drawn = torch.randint(len(forget), (min(batch, len(forget)),), generator=chance)
        kept = F.cross_entropy(model(outside[places]), retain.labels[places])
        lost = F.cross_entropy(model(inside[drawn]), forget.labels[drawn], reduction="none")
        return share * kept - (1 - share) * lost.clamp_max(cap).mean()

    epochs = max(1, -(-steps * batch // len(retain)))
    return descend(
        model,
        len(retain),
        loss,
        epochs=epochs,
        learning_rate=learning_rate,
        batch=batch,
        generator=chance,
        progress=task.progress,
    )
