"""Out-of-fold models: each row has one model of the same recipe that never saw it.

They are trained beside the model, before anybody asks to be forgotten, and double as references of the audit. They hold
the person's data: a fold model that saw a deleted row is itself in scope of the deletion, and `without` trains it anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from unlearning.classifiers.examples import Examples
from unlearning.classifiers.fitting import logits_of, train
from unlearning.classifiers.outcome import Recipe
from unlearning.errors import InputError
from unlearning.types import Progress, silent


@dataclass(frozen=True)
class Folds:
    """`models[k]` was trained on every row but those whose fold is k."""

    models: tuple[nn.Module, ...]
    of: dict[str, int]
    seed: int

    def out_of_fold(self, examples: Examples) -> Tensor:
        """Logits [n, classes] of the model that never saw the row; InputError when a row was in no fold."""
        if any(i not in self.of for i in examples.ids):
            raise InputError("asking out-of-fold models: they were not trained beside these rows; train them first")
        found = torch.empty(len(examples), examples.classes)
        fold = torch.tensor([self.of[i] for i in examples.ids])
        for number, model in enumerate(self.models):
            mine = fold == number
            if bool(mine.any()):
                found[mine] = logits_of(model, examples.features[mine])
        return found


def fold_of(row_id: str, *, count: int, seed: int) -> int:
    """The fold of a row, by a hash: it stays the same when other rows come and go."""
    digest = hashlib.blake2b(f"{seed}:{row_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % count


def train_folds(
    recipe: Recipe, examples: Examples, *, count: int = 5, seed: int = 0, progress: Progress = silent
) -> Folds:
    """`count` models, each on the other folds for as many steps as the model itself: as sure of itself as that one is.

    Costs `count` trainings of the recipe.
    """
    of = {i: fold_of(i, count=count, seed=seed) for i in examples.ids}
    place = torch.tensor([of[i] for i in examples.ids])
    models = []
    for number in range(count):
        rest = examples.take((place != number).nonzero().flatten())
        models.append(train(_longer(recipe, count), rest, seed=seed + 1000 + number))
        progress((number + 1) / count, f"Fold {number + 1} of {count}")
    return Folds(tuple(models), of, seed)


def without(folds: Folds, recipe: Recipe, examples: Examples, gone: Collection[str]) -> Folds:
    """The folds after a deletion: a model that saw a deleted row is trained anew without it."""
    rest = [place for place, i in enumerate(examples.ids) if i not in set(gone)]
    kept = examples.take(rest)
    count = len(folds.models)
    place = torch.tensor([folds.of[i] for i in kept.ids])
    models = list(folds.models)
    for number in range(count):
        if any(folds.of.get(i) not in (None, number) for i in gone):
            models[number] = train(
                _longer(recipe, count),
                kept.take((place != number).nonzero().flatten()),
                seed=folds.seed + 1000 + number,
            )
    return Folds(tuple(models), {i: folds.of[i] for i in kept.ids}, folds.seed)


def _longer(recipe: Recipe, count: int) -> Recipe:
    """The recipe with as many more epochs as a fold has fewer rows."""
    return replace(recipe, epochs=round(recipe.epochs * count / (count - 1)))
