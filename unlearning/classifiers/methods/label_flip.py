"""Label flipping: fine-tune on the forget rows with contradictory labels; the reference to match."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unlearning.classifiers.examples import Examples
from unlearning.classifiers.fitting import fit
from unlearning.classifiers.outcome import Exactness, Task
from unlearning.errors import InputError

SOURCE = "random labels after Graves et al. 2021, Amnesiac Machine Learning; dose by the Unlearning Score"
SCOPES = ("class", "rows")
NEEDS: tuple[str, ...] = ()
EXACTNESS: Exactness = "approximate"
SEARCH = {"learning_rate": (1e-5, 1e-2), "epochs": (1.0, 5.0)}


def run(
    task: Task, *, epochs: int = 5, learning_rate: float = 1e-4, batch: int = 128, labels: str = "random"
) -> nn.Module:
    """`labels`: `random` among the others, or `opposite` (the label's mirror in the order of classes)."""
    if labels not in ("random", "opposite"):
        raise InputError("label_flip: labels are 'random' or 'opposite'")
    forget = task.forget
    turned = flipped(forget, task.generator()) if labels == "random" else opposite(forget)
    lying = Examples(forget.features, turned, forget.ids, forget.classes)
    return fit(
        task.model,
        lying,
        epochs=epochs,
        learning_rate=learning_rate,
        batch=batch,
        seed=task.seed,
        progress=task.progress,
    )


def flipped(examples: Examples, generator: torch.Generator) -> Tensor:
    """For each row another label than its own, each with the same chance [n]."""
    steps = torch.randint(1, examples.classes, (len(examples),), generator=generator)
    return (examples.labels + steps) % examples.classes


def opposite(examples: Examples) -> Tensor:
    """The mirrored label, or the next one where the mirror is the label itself [n]."""
    mirrored = examples.classes - 1 - examples.labels
    return torch.where(mirrored == examples.labels, (mirrored + 1) % examples.classes, mirrored)
