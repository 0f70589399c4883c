"""Exact retraining: the recipe once more, from nothing, without the rows."""

from __future__ import annotations

from torch import nn

from unlearning.classifiers.fitting import train
from unlearning.classifiers.outcome import Exactness, Task
from unlearning.errors import InputError

SOURCE = "Cao and Yang 2015, Towards Making Systems Forget; the definition of exactness"
SCOPES = ("class", "rows")
NEEDS = ("retain", "recipe")
EXACTNESS: Exactness = "exact"
SEARCH: dict[str, tuple[float, float]] = {}


def run(task: Task) -> nn.Module:
    """A new model that has seen the retain set only."""
    if task.recipe is None:
        raise InputError("retraining: the recipe of the model was not given; give it or choose another method")
    return train(task.recipe, task.kept, seed=task.seed, progress=task.progress)
