"""Label flipping: fine-tune on the forget rows with contradictory labels; the reference to match."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from unlearning.classifiers.examples import Examples, joined
from unlearning.classifiers.fitting import fit
from unlearning.classifiers.outcome import Exactness, Space, Task
from unlearning.errors import InputError

SOURCE = "random labels after Graves et al. 2021, Amnesiac Machine Learning; dose by the Unlearning Score"
SCOPES = ("class", "rows")
NEEDS: tuple[str, ...] = ()
EXACTNESS: Exactness = "approximate"
SEARCH: Mapping[str, Space] = {
    "learning_rate": (3e-5, 3e-3),
    "epochs": (1.0, 5.0),
    "batch": (32.0, 256.0),
    "retained": (0.0, 1.0),
    "labels": ("random", "opposite"),
}


def run(
    task: Task,
    *,
    epochs: int = 5,
    learning_rate: float = 1e-4,
    batch: int = 128,
    labels: str = "random",
    retained: float = 0.0,
) -> nn.Module:
    """`labels`: `random` among the others, or `opposite` (the label's mirror in the order of classes).

    `retained`: rows to keep that are mixed in with their own labels, for each row to forget.
    """
    if labels not in ("random", "opposite") or not 0 <= retained <= 100:
        raise InputError("label_flip: labels are 'random' or 'opposite', retained is a number from 0 to 100")
    forget, chance = task.forget, task.generator()
    turned = flipped(forget, chance) if labels == "random" else opposite(forget)
    lying = Examples(forget.features, turned, forget.ids, forget.classes)
    if round(retained * len(forget)):
        lying = joined(lying, task.kept.sample(round(retained * len(forget)), generator=chance))
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
