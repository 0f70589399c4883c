"""SalUn: random labels, but only the weights that matter most to the forget rows may move."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from unlearning.classifiers.fitting import descend, layout
from unlearning.classifiers.methods.fisher import fisher
from unlearning.classifiers.methods.label_flip import flipped
from unlearning.classifiers.outcome import Exactness, Task

SOURCE = "Fan et al. 2024, SalUn: Gradient-based Weight Saliency, ICLR"
SCOPES = ("class", "rows")
NEEDS = ("retain",)
EXACTNESS: Exactness = "approximate"
SEARCH = {"learning_rate": (1e-4, 3e-3), "keep": (0.2, 0.9)}


def run(
    task: Task,
    *,
    steps: int = 100,
    learning_rate: float = 1e-3,
    batch: int = 128,
    keep: float = 0.5,
    rows: int = 1024,
) -> nn.Module:
    """`keep` is the share of weights that may move, by squared gradient on the forget rows."""
    model, chance, forget = task.model, task.generator(), task.forget
    salience = fisher(model, forget.sample(rows, generator=chance))
    bar = _bar(salience, keep)
    held = [(p, (s <= bar), p.detach().clone()) for p, s in zip(model.parameters(), salience, strict=True)]
    turned, inside = flipped(forget, chance), layout(forget.features)
    retain = task.kept.sample(steps * batch, generator=chance)
    outside = layout(retain.features)

    def loss(places: Tensor) -> Tensor:
        drawn = torch.randint(len(forget), (min(batch, len(forget)),), generator=chance)
        wrong = F.cross_entropy(model(inside[drawn]), turned[drawn])
        return wrong + F.cross_entropy(model(outside[places]), retain.labels[places])

    def hold() -> None:
        with torch.no_grad():
            for parameter, still, was in held:
                parameter[still] = was[still]

    return descend(
        model,
        len(retain),
        loss,
        epochs=max(1, -(-steps * batch // len(retain))),
        learning_rate=learning_rate,
        batch=batch,
        generator=chance,
        after_step=hold,
        progress=task.progress,
    )


def _bar(salience: list[Tensor], keep: float) -> float:
    """The salience that a share `keep` of all weights exceeds."""
    every = torch.cat([s.flatten() for s in salience])
    return float(every.kthvalue(max(1, int(len(every) * (1 - keep)))).values)
