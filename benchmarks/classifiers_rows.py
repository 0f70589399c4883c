"""A person's rows, typical and mislabelled: retraining, out-of-fold matching and the flipping family under U-LiRA."""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass

import numpy as np
import torch

from unlearning.classifiers import methods
from unlearning.classifiers.audit import audit
from unlearning.classifiers.examples import Examples
from unlearning.classifiers.fitting import accuracy, logits_of, train
from unlearning.classifiers.folds import Folds, folds_by_person
from unlearning.classifiers.measures.membership import Attack, judged, phi, ulira
from unlearning.classifiers.outcome import Recipe, Task
from unlearning.classifiers.shadows import Shadows, train_references, train_shadows

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
    """A pool of rows, some mislabelled; models on random halves of it, and what each is asked to forget.

    `strangers` are the control: trained from nothing on other halves of which as many targets were taken out by the
    same law. A model on a plain half would hold more wrong labels than one that has forgotten, and be less sure.
    """

    pool: Examples
    test: Examples
    recipe: Recipe
    models: Shadows
    asked: torch.Tensor
    strangers: Shadows


def found(train_set: Examples, test: Examples, *, models: int, strangers: int, pool: int, seed: int) -> World:
    """Targets are the first rows of the pool, the mislabelled ones first among them."""
    chance = torch.Generator().manual_seed(seed)
    rows = train_set.sample(pool, generator=chance)
    pool = len(rows)
    labels = rows.labels.clone()
    turn = torch.randint(1, rows.classes, (MISLABELLED,), generator=chance)
    labels[:MISLABELLED] = (labels[:MISLABELLED] + turn) % rows.classes
    rows = Examples(rows.features.flatten(1), labels, rows.ids, rows.classes)
    recipe = Recipe("mlp", {"inputs": rows.features.shape[1], "classes": rows.classes}, 20, 1e-3, 64)
    members, asked = _halves(models, pool, chance)
    others, gone = _halves(strangers, pool, chance)
    flat = Examples(test.features.flatten(1), test.labels, test.ids, test.classes)
    trained = train_shadows(recipe, rows, members, seed=seed, rows_an_epoch=pool // 2)
    never = train_shadows(recipe, rows, others & ~gone, seed=seed + 333, rows_an_epoch=pool // 2 - FORGOTTEN)
    return World(rows, flat, recipe, trained, asked, never)


def _halves(models: int, pool: int, chance: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """(who is in which model's half, which of the targets among them are to go), both [models, pool]."""
    members = torch.rand(models, pool, generator=chance) < 0.5
    asked = torch.zeros_like(members)
    for number in range(models):
        mine = members[number, :TARGETS].nonzero().flatten()
        asked[number, mine[torch.randperm(len(mine), generator=chance)[:FORGOTTEN]]] = True
    return members, asked


def folds_of(world: World) -> list[Folds]:
    """Of each model's folds the one that holds the person who asks, trained on all others of its own rows.

    The rows that are to go are one person's and share a fold; the other folds' models have no part in the request, so
    that they are not trained here. All at once.
    """
    out = [_folds(world, number) for number in range(len(world.models))]
    masks = [mine & (of != of[gone][0]) for mine, gone, of in zip(world.models.members, world.asked, out, strict=True)]
    rows = world.asked.shape[1] // 2
    trained = train_shadows(world.recipe, world.pool, torch.stack(masks), seed=777, rows_an_epoch=rows)
    return [Folds((trained.model(number),), dict.fromkeys(_named(world, number), 0), 0) for number in range(len(out))]


def _folds(world: World, number: int) -> torch.Tensor:
    """The fold of every row of the pool, as one model's owner has cut them."""
    whose = dict.fromkeys(_named(world, number), f"person {number}")
    return torch.tensor(list(folds_by_person(world.pool.ids, whose, count=FOLDS, seed=0).values()))


def _named(world: World, number: int) -> list[str]:
    """Ids of the rows that a model is asked to forget."""
    return [world.pool.ids[place] for place in world.asked[number].nonzero().flatten().tolist()]


def retrained(world: World) -> Shadows:
    """Every model anew without what it is asked to forget, by the same program as the strangers."""
    rest = world.models.members & ~world.asked
    return train_shadows(world.recipe, world.pool, rest, seed=555, rows_an_epoch=rest.shape[1] // 2 - FORGOTTEN)


def read(world: World) -> list[RowsReading]:
    """Each method makes the models forget; never-seen values come from all strangers that lack the row."""
    folds, anew = folds_of(world), retrained(world)
    targets = world.pool.take(list(range(TARGETS)))
    readings = []
    for name in ("none", *METHODS):
        after, seconds, right = [], [], []
        for number in range(len(world.models)):
            model, spent = _forget(world, name, number, folds[number], anew)
            after.append(phi(logits_of(model, targets.features), targets.labels).numpy())
            seconds.append(spent)
            right.append(accuracy(model, world.test))
        typical, mislabelled = attacked(world, np.stack(after))
        readings.append(RowsReading(name, typical, mislabelled, float(np.mean(right)), float(np.nanmedian(seconds))))
    return readings


def attacked(world: World, after: np.ndarray) -> tuple[Attack, Attack]:
    """U-LiRA on typical and on mislabelled targets, for phi [models, targets] of models that forgot."""
    targets = world.pool.take(list(range(TARGETS)))
    never = phi(world.strangers.logits(targets.features), targets.labels).numpy()
    absent, asked = ~world.strangers.members[:, :TARGETS].numpy(), world.asked[:, :TARGETS].numpy()
    typical, mislabelled = (
        judged(*ulira(after[:, part], asked[:, part], never[:, part], absent[:, part]))
        for part in (slice(MISLABELLED, TARGETS), slice(0, MISLABELLED))
    )
    return typical, mislabelled


def _forget(world: World, name: str, number: int, folds: Folds, anew: Shadows) -> tuple[torch.nn.Module, float]:
    model = world.models.model(number)
    if name == "none":
        return model, 0.0
    if name == "retrain":  # by the same program as the models that never saw the rows; what one costs is timed apart
        return anew.model(number), predicted(world) if number == 0 else float("nan")
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


def audited(world: World, *, references: int) -> tuple[float, str]:
    """(CPU seconds, the gate's word) of an audit of one model that forgot, its references trained as part of it."""
    member, gone = world.models.members[0], world.asked[0]
    forget = world.pool.take(gone.nonzero().flatten())
    retain = world.pool.take((member & ~gone).nonzero().flatten())
    before = world.models.model(0)
    after = train(world.recipe, retain, seed=4)
    start = time.process_time()
    beside = train_references(world.recipe, retain, count=references)
    models = tuple(beside.model(number) for number in range(references))
    found = audit(after, forget, retain=retain, holdout=world.test, original=before, references=models, scope="rows")
    return time.process_time() - start, found.gate
