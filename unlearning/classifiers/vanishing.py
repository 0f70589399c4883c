"""A class that is a folder goes with its last image: only training again makes a model of the classes that are left.

Every other method would leave an answer that nobody is behind any more, and the labels of the classes that follow would
move by one. The same holds for shards: each of them has that answer.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from unlearning.classifiers import by_shards, networks, sisa
from unlearning.classifiers.data import DataSet
from unlearning.classifiers.examples import Examples
from unlearning.classifiers.fitting import accuracy, predict_seconds, train
from unlearning.classifiers.gate import judge_rows
from unlearning.classifiers.outcome import Cost, Figure, Outcome, Provenance, Recipe, weights_digest
from unlearning.classifiers.planning import Choice, Plan, scope_of
from unlearning.errors import InputError
from unlearning.models import versions
from unlearning.types import Progress

LEAST = 2
WHY = "exact: {count} of the classes lose their last image, and only training again takes their answers away"


def emptied(data: DataSet, forget: Examples, retain: Examples, *, by_ids: bool) -> tuple[int, ...]:
    """Labels of the folders that would be left without an image; none where classes do not depend on rows."""
    if not by_ids or not data.classes_are_folders:
        return ()
    return tuple(sorted(set(forget.labels.tolist()) - set(retain.labels.tolist())))


def plan(forget: Examples, retain: Examples, recipe: Recipe, gone: tuple[int, ...]) -> Plan:
    """Training again, whatever it may cost."""
    seconds = predict_seconds(recipe, retain)
    return Plan(scope_of(forget, retain), seconds, (Choice("retrain", WHY.format(count=len(gone))),), ())


def unlearned(
    options: argparse.Namespace,
    data: DataSet,
    forget: Examples,
    retain: Examples,
    gone: tuple[int, ...],
    out: Path,
    progress: Progress,
) -> Outcome:
    """Train again on the classes that are left; equal to ``train`` on the folder once the images are gone.

    InputError for a method that is not exact, and when fewer than two classes would be left.
    """
    if options.method not in ("auto", "retrain", "sisa"):
        raise InputError(f"{options.method} cannot take a class's answer away; the method is auto or retrain")
    if data.train.classes - len(gone) < LEAST:
        raise InputError("fewer than two classes would be left to tell apart; withdraw the model instead")
    start, spent = time.perf_counter(), time.process_time()
    before, recipe, notes = networks.load(options.model)
    kept, held = left(retain, gone), left(data.test, gone)
    after, how = _trained(options, recipe, notes, kept, out, progress)
    was = accuracy(before, _of_labels(data.test, gone))
    lost = was - accuracy(after, held)
    found = judge_rows(None, lost=lost, exactness="exact", references=0, least_references=0)
    return Outcome(
        verb="classifier unlearn",
        out=str(out),
        method=how,
        parameters={"classes": kept.classes},
        scope="rows",
        exactness="exact",
        gate=found.gate,
        reasons=(WHY.format(count=len(gone)).capitalize() + ".", *found.reasons),
        figures=(
            Figure("classes", kept.classes),
            Figure("held-out accuracy", accuracy(after, held), len(held)),
            Figure("accuracy lost", lost, len(held)),
        ),
        cost=Cost(time.perf_counter() - start, time.process_time() - spent),
        provenance=Provenance(
            weights_digest(before), weights_digest(after), forget.digest(), retain.digest(), options.seed, versions()
        ),
    )


def left(examples: Examples, gone: tuple[int, ...]) -> Examples:
    """The rows of the other classes, which are numbered anew without gaps."""
    kept = _of_labels(examples, gone)
    labels = kept.labels - sum((kept.labels > label).long() for label in gone)
    return replace(kept, labels=torch.as_tensor(labels), classes=examples.classes - len(gone))


def _of_labels(examples: Examples, gone: tuple[int, ...]) -> Examples:
    return examples.take((~torch.isin(examples.labels, torch.tensor(gone))).nonzero().flatten())


def _trained(
    options: argparse.Namespace,
    recipe: Recipe,
    notes: Mapping[str, Any],
    kept: Examples,
    out: Path,
    progress: Progress,
) -> tuple[nn.Module, str]:
    """The model as its folder says it was trained, for the classes that are left; written to ``out``."""
    if not notes.get("shards"):
        fewer = replace(recipe, options={**recipe.options, "classes": kept.classes})
        model = train(fewer, kept, seed=options.seed, progress=progress)
        networks.save(model, fewer, out, notes={**notes, "folds": 0, "made by": "retrain"})
        return model, "retrain"
    parts = by_shards.opened(options.model)
    fewer = replace(parts.recipe, options={**parts.recipe.options, "classes": kept.classes})
    again = sisa.train_sisa(fewer, kept, shards=parts.shards, slices=parts.slices, seed=parts.seed, progress=progress)
    by_shards.save(again, kept, out)
    return again.model(), "sisa"
