"""What the command line does with folders; results carry no row and no model, only what may be written down."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from unlearning.classifiers import answers, beside, by_shards, networks, tuning, vanishing
from unlearning.classifiers.audit import Audit, audit
from unlearning.classifiers.data import DataSet, open_folder
from unlearning.classifiers.examples import Examples, listed_ids, part_class, part_ids
from unlearning.classifiers.fitting import accuracy, train
from unlearning.classifiers.folds import Folds
from unlearning.classifiers.outcome import Budget, Outcome, Recipe, Trained, weights_digest
from unlearning.classifiers.planning import Plan, plan
from unlearning.classifiers.shadows import train_references
from unlearning.classifiers.unlearning import unlearn
from unlearning.errors import InputError
from unlearning.types import Progress


@dataclass(frozen=True)
class Tuned:
    """Doses that were tried; the model of the best one lies in `out`."""

    out: str
    method: str
    objective: str
    trials: tuple[tuning.Trial, ...]
    best: tuning.Trial
    seconds: float


def _train(options: argparse.Namespace, progress: Progress) -> Trained:
    data = open_folder(options.data)
    rows = data.train
    if options.without_class is not None:
        rows = part_class(rows, _label(data, options.without_class))[1]
    recipe = recipe_for(data, epochs=options.epochs, build=options.module or "strided_cnn")
    if options.module:
        answers.check(networks.build(recipe, seed=options.seed), rows.features, classes=rows.classes)
    if options.shards > 1 or options.slices > 1:
        return by_shards.trained(options, data, rows, recipe, _out(options), progress)
    model = train(recipe, rows, seed=options.seed, progress=progress)
    kept: dict[str, Any] = {"count": options.folds, "people": options.people, "notes": {"seed": options.seed}}
    out = _out(options)
    beside.save(model, recipe, rows, out, **kept, progress=progress)
    return Trained(str(out), weights_digest(model), accuracy(model, data.test), len(rows))


def recipe_for(data: DataSet, *, epochs: int, build: str = "strided_cnn") -> Recipe:
    """An architecture, a small convolutional network unless it is named, for images of this shape."""
    channels, side = data.train.features.shape[1:3]
    if data.train.features.shape[2] != data.train.features.shape[3]:
        raise InputError("training a classifier: images must be square; cut or scale them first")
    return Recipe(build, {"channels": int(channels), "side": int(side), "classes": data.train.classes}, epochs)


def _plan(options: argparse.Namespace, progress: Progress) -> Plan:
    data, forget, retain = _asked(options)
    _, recipe, _, folds = _opened(options, data)
    if gone := vanishing.emptied(data, forget, retain, by_ids=options.forget_ids is not None):
        return vanishing.plan(forget, retain, recipe, gone)
    return plan(forget, retain, recipe=recipe, folds=folds is not None, budget=_budget(options))


def _unlearn(options: argparse.Namespace, progress: Progress) -> Outcome:
    data, forget, retain = _asked(options)
    gone = vanishing.emptied(data, forget, retain, by_ids=options.forget_ids is not None)
    if options.model is not None and gone:
        return vanishing.unlearned(options, data, forget, retain, gone, _out(options), progress)
    if options.model is not None and by_shards.is_sharded(options.model):
        return by_shards.unlearned(options, data, forget, retain, _out(options), progress)
    model, recipe, notes, folds = _opened(options, data)
    out = _out(options)
    found = unlearn(
        model,
        forget,
        retain,
        method=options.method,
        recipe=recipe,
        folds=folds,
        holdout=data.test,
        references=_references(options),
        budget=_budget(options),
        seed=options.seed,
        progress=progress,
    )
    networks.save(found.model, recipe, out, notes={**notes, "folds": 0, "made by": found.method})
    return Outcome(
        verb="classifier unlearn",
        out=str(out),
        method=found.method,
        parameters=found.parameters,
        scope=found.scope,
        exactness=found.exactness,
        gate=found.gate,
        reasons=found.reasons,
        figures=found.figures,
        cost=found.cost,
        provenance=found.provenance,
    )


def _audit(options: argparse.Namespace, progress: Progress) -> Audit:
    data, forget, retain = _asked(options)
    if options.out is None:
        raise InputError("auditing: --out names the model that forgot, --model the one before")
    after, _, _ = networks.load(options.out)
    before, recipe = networks.load(options.model)[:2] if options.model else (None, None)
    references = _references(options)
    if options.shadows:
        if recipe is None:
            raise InputError("training references: --model is needed, the folder of the model before")
        shadows = train_references(recipe, retain, count=options.shadows, seed=options.seed, progress=progress)
        references = (*references, *(shadows.model(number) for number in range(len(shadows))))
    return audit(after, forget, retain=retain, holdout=data.test, original=before, references=references)


def _tune(options: argparse.Namespace, progress: Progress) -> Tuned:
    data, forget, retain = _asked(options)
    model, recipe, notes, folds = _opened(options, data)
    if not len(forget):
        raise InputError("tuning: the rows that were named are held out, the model never learned from them")
    if len(retain) < 2:
        raise InputError(
            "tuning: fewer than two rows are kept, and a dose is judged by some that are; withdraw the model"
        )
    chance = torch.Generator().manual_seed(options.seed)
    held = retain.sample(max(1, len(retain) // 10), generator=chance)
    rest = part_ids(retain, held.ids)[1]
    out, method = _out(options), options.method
    if method == "auto":
        raise InputError("tuning: name the method whose dose is to be found")
    found = tuning.tune(
        model,
        forget,
        rest,
        method=method,
        holdout=held,
        recipe=recipe,
        folds=folds,
        budget=Budget(_budget(options).seconds, options.trials),
        seed=options.seed,
        progress=progress,
    )
    networks.save(found.model, recipe, out, notes={**notes, "folds": 0, "made by": method})
    return Tuned(str(out), method, found.objective, found.trials, found.best, found.seconds)


def _folds(options: argparse.Namespace, progress: Progress) -> Trained:
    return beside.renewed(options, _out(options), open_folder, progress)


COMMANDS: dict[str, Callable[[argparse.Namespace, Progress], Any]] = {
    "train": _train,
    "plan": _plan,
    "unlearn": _unlearn,
    "audit": _audit,
    "tune": _tune,
    "folds": _folds,
}


def _opened(options: argparse.Namespace, data: DataSet) -> tuple[Any, Recipe, dict[str, Any], Folds | None]:
    if options.model is None:
        raise InputError("--model is needed: the folder of the model that is to forget")
    model, recipe, notes = networks.load(options.model)
    if recipe.options.get("classes") != data.train.classes:
        raise InputError("the model and the data have different numbers of classes; give the data it was trained on")
    return model, recipe, notes, beside.opened(options.model, recipe, notes, data.train.ids, options.people)


def _asked(options: argparse.Namespace) -> tuple[DataSet, Examples, Examples]:
    """(the data, what is to be forgotten, what is kept); a named row that was held out is taken from there."""
    data = open_folder(options.data)
    if (options.forget_class is None) == (options.forget_ids is None):
        raise InputError("name what is to be forgotten: --forget-class or --forget-ids, one of the two")
    if options.forget_class is not None:
        return data, *part_class(data.train, _label(data, options.forget_class))
    ids = listed_ids(options.forget_ids)
    held = set(data.test.ids).intersection(ids)
    test = part_ids(data.test, held)[1] if held else data.test
    return replace(data, test=test), *part_ids(data.train, [i for i in ids if i not in held])


def _label(data: DataSet, word: str) -> int:
    if word in data.names:
        return data.names.index(word)
    if word.isascii() and word.isdigit() and len(word) < 6 and int(word) < data.train.classes:
        return int(word)
    raise InputError(
        f"there is no such class: there are {len(data.names)}, named as the data names them or by number from 0 to"
        f" {len(data.names) - 1}"
    )


def _references(options: argparse.Namespace) -> tuple[Any, ...]:
    return tuple(networks.load(folder)[0] for folder in options.references)


def _budget(options: argparse.Namespace) -> Budget:
    word = options.budget
    if not word:
        return Budget()
    number = word.removesuffix("s")
    if not number.isascii() or not number.isdigit() or len(number) > 7:
        raise InputError("a budget is a number of seconds, such as 60s")
    return Budget(seconds=float(number))


def _out(options: argparse.Namespace) -> Path:
    if options.out is None:
        raise InputError("--out is needed: the folder that the new model is written to")
    return Path(options.out)
