"""Bad teaching: an untrained teacher for the forget rows, the original for the retained ones."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from unlearning.classifiers.fitting import descend, layout, logits_of
from unlearning.classifiers.outcome import Exactness, Task

SOURCE = "Chundawat et al. 2023, Can Bad Teaching Induce Forgetting?, AAAI"
SCOPES = ("class", "rows")
NEEDS = ("retain",)
EXACTNESS: Exactness = "approximate"
SEARCH = {"learning_rate": (1e-4, 3e-3)}


def run(
    task: Task, *, epochs: int = 1, learning_rate: float = 1e-3, batch: int = 128, retain_rows: int = 6000
) -> nn.Module:
    """One stream of rows; each has its teacher's distribution as the target."""
    chance, model = task.generator(), task.model
    retain = task.kept.sample(retain_rows, generator=chance)
    incompetent = copy.deepcopy(model)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(task.seed)
        for part in incompetent.modules():
            if hasattr(part, "reset_parameters"):
                part.reset_parameters()
    bad = logits_of(incompetent, task.forget.features).softmax(1)
    good = logits_of(model, retain.features).softmax(1)
    features, target = layout(torch.cat([task.forget.features, retain.features])), torch.cat([bad, good])

    def loss(places: Tensor) -> Tensor:
        return F.kl_div(model(features[places]).log_softmax(1), target[places], reduction="batchmean")

    return descend(
        model,
        len(features),
        loss,
        epochs=epochs,
        learning_rate=learning_rate,
        batch=batch,
        generator=chance,
        progress=task.progress,
    )
