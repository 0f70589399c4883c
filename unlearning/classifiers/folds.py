"""Out-of-fold models: each row has one model of the same recipe that never saw it.

They are trained beside the model, before anybody asks to be forgotten, and double as references of the audit. They hold
the person's data: a fold model that saw a deleted row is itself in scope of the deletion, and `without` trains it anew.

Rows of one person belong into one fold: a model that saw the person's other rows is no stranger to this one, and what
it teaches betrays that. `people` says whose a row is; a row that it does not name stands alone.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from unlearning.classifiers.examples import Examples
from unlearning.classifiers.fitting import logits_of, train
from unlearning.classifiers.outcome import Recipe
from unlearning.errors import InputError, RowsError
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


def folds_by_person(ids: Collection[str], people: Mapping[str, str], *, count: int, seed: int) -> dict[str, int]:
    """The fold of each row: that of its person, so that all rows of one person share it."""
    return {i: fold_of(people.get(i, i), count=count, seed=seed) for i in ids}


def train_folds(
    recipe: Recipe,
    examples: Examples,
    *,
    count: int = 5,
    people: Mapping[str, str] | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Folds:
    """`count` models, each on the other folds for as many steps as the model itself: as sure of itself as that one is.

    Costs `count` trainings of the recipe.
    """
    of = folds_by_person(examples.ids, people or {}, count=count, seed=seed)
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


def people_of(path: Path | None) -> dict[str, str]:
    """Row id to person, from CSV lines `row id,person` without a heading; nobody when no file is given."""
    if path is None:
        return {}
    try:
        with path.open(encoding="utf-8", newline="") as handle:
            lines = [line for line in csv.reader(handle) if line]
    except (OSError, UnicodeDecodeError, csv.Error):
        raise RowsError(f"reading {path.name}: no readable CSV in UTF-8 with lines of row id and person") from None
    if any(len(line) != 2 or not all(line) for line in lines):
        raise RowsError(f"reading {path.name}: every line is a row id, a comma and a person; check the others")
    return dict(lines)
