"""Out-of-fold models in a model's folder: trained with it, trained for it later, and read."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from unlearning.classifiers import by_shards, networks
from unlearning.classifiers.data import DataSet
from unlearning.classifiers.examples import Examples, listed_ids, part_ids
from unlearning.classifiers.fitting import accuracy
from unlearning.classifiers.folds import Folds, folds_by_person, people_of, train_folds
from unlearning.classifiers.outcome import Recipe, Trained, weights_digest
from unlearning.errors import InputError
from unlearning.types import Progress

FEWEST = 2


def save(
    model: Any,
    recipe: Recipe,
    rows: Examples,
    out: Path,
    *,
    count: int,
    people: Path | None,
    notes: dict[str, Any],
    progress: Progress,
) -> None:
    """Write the model with `count` out-of-fold models inside, all or nothing; their seed is the noted one."""
    inside = {}
    if count:
        if count < FEWEST:
            raise InputError("training out-of-fold models: there are two folds at least, and five are enough")
        whose, seed = people_of(people), int(notes["seed"])
        found = train_folds(recipe, rows, count=count, people=whose, seed=seed, progress=progress)
        inside = {f"fold-{number}": one.state_dict() for number, one in enumerate(found.models)}
    kept = {**notes, "folds": count, "by person": people is not None}
    networks.save(model, recipe, out, notes=kept, inside=inside)


def opened(
    folder: Path, recipe: Recipe, notes: dict[str, Any], ids: tuple[str, ...], people: Path | None
) -> Folds | None:
    """The folder's out-of-fold models, if it has any."""
    count = int(notes.get("folds", 0) or 0)
    if not count:
        return None
    seed = int(notes.get("seed", 0))
    if notes.get("by person") and people is None:
        raise InputError("the model's folds were cut by person: --people names the file that says whose a row is")
    parts = []
    for number in range(count):
        part = networks.build(recipe, seed=0)
        part.load_state_dict(networks.load_weights(folder / f"fold-{number}", recipe))
        parts.append(part.eval())
    whose = people_of(people) if notes.get("by person") else {}
    return Folds(tuple(parts), folds_by_person(ids, whose, count=count, seed=seed), seed)


def renewed(
    options: argparse.Namespace, out: Path, open_data: Callable[[Path], DataSet], progress: Progress
) -> Trained:
    """The same model, byte for byte, with out-of-fold models trained beside it on the rows that are there today.

    A model that forgot has none: those of before knew the rows that went. Rows that go soon are left out by name.
    """
    if options.model is None:
        raise InputError("--model is needed: the folder of the model that out-of-fold models are trained for")
    if by_shards.is_sharded(options.model):
        raise InputError("a model that was trained by shards forgets exactly: it needs no out-of-fold models")
    data, (model, recipe, notes) = open_data(options.data), networks.load(options.model)
    if recipe.options.get("classes") != data.train.classes:
        raise InputError("the model and the data have different numbers of classes; give the data it was trained on")
    rows = part_ids(data.train, listed_ids(options.forget_ids))[1] if options.forget_ids else data.train
    noted = {**notes, "seed": int(notes.get("seed", 0))}
    save(model, recipe, rows, out, count=options.folds or 5, people=options.people, notes=noted, progress=progress)
    return Trained(str(out), weights_digest(model), accuracy(model, data.test), len(rows))
