"""A person's rows, typical and mislabelled: retraining, out-of-fold matching and the flipping family under U-LiRA."""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass

import numpy as np
import torch

from unlearning.classifiers import methods
from unlearning.classifiers.examples import Examples
from unlearning.classifiers.fitting import accuracy, train
from unlearning.classifiers.folds import Folds, fold_of
from unlearning.classifiers.measures.membership import Attack, judged, phi, ulira
from unlearning.classifiers.outcome import Recipe, Task
from unlearning.classifiers.shadows import Shadows, train_shadows

TARGETS, MISLABELLED, FORGOTTEN, FOLDS = 200, 50, 40, 5
METHODS = ("retrain", "oof_match", "label_flip", "gradient_ascent", "salun", "neggrad_plus", "scrub")


@dataclass(frozen=True)
class RowsReading:
    """One method: attacks on typical and on mislabelled rows, test accuracy, seconds of CPU a request."""

    method: str
    typical: Attack
    mislabelled: Attack
    test: float
    seconds: float


@dataclass(frozen=True)
class World:
    """A pool of rows, some mislabelled; models on random halves of it; what each is asked to forget."""

    pool: Examples
    test: Examples
    recipe: Recipe
    models: Shadows
    asked: torch.Tensor


def found(train_set: Examples, test: Examples, *, models: int, pool: int, seed: int) -> World:
    """Targets are the first rows of the pool, the mislabelled ones first among them."""
    chance = torch.Generator().manual_seed(seed)
    rows = train_set.sample(pool, generator=chance)
    labels = rows.labels.clone()
    turn = torch.randint(1, rows.classes, (MISLABELLED,), generator=chance)
    labels[:MISLABELLED] = (labels[:MISLABELLED] + turn) % rows.classes
    rows = Examples(rows.features.flatten(1), labels, rows.ids, rows.classes)
    recipe = Recipe("mlp", {"inputs": rows.features.shape[1], "classes": rows.classes}, 20, 1e-3, 64)
    members = torch.rand(models, pool, generator=chance) < 0.5
    asked = torch.zeros_like(members)
    for number in range(models):
        mine = members[number, :TARGETS].nonzero().flatten()
        asked[number, mine[torch.randperm(len(mine), generator=chance)[:FORGOTTEN]]] = True
    flat = Examples(test.features.flatten(1), test.labels, test.ids, test.classes)
    return World(rows, flat, recipe, train_shadows(recipe, rows, members, seed=seed), asked)


def folds_of(world: World, numbers: range) -> list[Folds]:
    """The real folds of each model: five trainings on four fifths of its own rows, all of them at once."""
    fold = torch.tensor([fold_of(i, count=FOLDS, seed=0) for i in world.pool.ids])
    masks = [world.models.members[n] & (fold != k) for n in numbers for k in range(FOLDS)]
    rows = int(world.models.members.sum(1).max())
    trained = train_shadows(world.recipe, world.pool, torch.stack(masks), seed=777, rows_an_epoch=rows)
    of = dict(zip(world.pool.ids, fold.tolist(), strict=True))
    return [Folds(tuple(trained.model(at * FOLDS + k) for k in range(FOLDS)), of, 0) for at, _ in enumerate(numbers)]


def read(world: World, *, unlearned: int) -> list[RowsReading]:
    """Each method makes the first `unlearned` models forget; never-seen values come from all that lack the row."""
    numbers = range(unlearned)
    folds = folds_of(world, numbers)
    targets = world.pool.take(list(range(TARGETS)))
    never = phi(world.models.logits(targets.features), targets.labels).numpy()
    absent = ~world.models.members[:, :TARGETS].numpy()
    asked = world.asked[:unlearned, :TARGETS].numpy()
    rest = world.models.members[:unlearned] & ~world.asked[:unlearned]
    retrained = train_shadows(world.recipe, world.pool, rest, seed=555)
    readings = []
    for name in ("none", *METHODS):
        after, seconds, right = [], [], []
        for number in numbers:
            model, spent = _forget(world, name, number, folds[number], retrained)
            after.append(phi(model_logits(model, targets), targets.labels).numpy())
            seconds.append(spent)
            right.append(accuracy(model, world.test))
        typical, mislabelled = (
            judged(*ulira(np.stack(after)[:, part], asked[:, part], never[:, part], absent[:, part]))
            for part in (slice(MISLABELLED, TARGETS), slice(0, MISLABELLED))
        )
        readings.append(RowsReading(name, typical, mislabelled, float(np.mean(right)), float(np.nanmedian(seconds))))
    return readings


def model_logits(model: torch.nn.Module, examples: Examples) -> torch.Tensor:
    """Logits of one model."""
    from unlearning.classifiers.fitting import logits_of

    return logits_of(model, examples.features)


def _forget(world: World, name: str, number: int, folds: Folds, retrained: Shadows) -> tuple[torch.nn.Module, float]:
    model = world.models.model(number)
    if name == "none":
        return model, 0.0
    if name == "retrain":  # by the same program as the models that never saw the rows; what one costs is timed apart
        return retrained.model(number), predicted(world) if number == 0 else float("nan")
    member, gone = world.models.members[number], world.asked[number]
    forget = world.pool.take(gone.nonzero().flatten())
    retain = world.pool.take((member & ~gone).nonzero().flatten())
    task = Task(copy.deepcopy(model), forget, retain, "rows", 100 + number, world.recipe, folds)
    start = time.process_time()
    after = methods.load(name).run(task)
    return after, time.process_time() - start


def predicted(world: World) -> float:
    """CPU seconds of one retraining, measured."""
    rest = world.pool.take((world.models.members[0] & ~world.asked[0]).nonzero().flatten())
    start = time.process_time()
    train(world.recipe, rest, seed=3)
    return time.process_time() - start
