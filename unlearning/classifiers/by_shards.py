"""What the command line does with a model that was trained by shards and slices."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from unlearning.classifiers import networks, sisa
from unlearning.classifiers.data import DataSet
from unlearning.classifiers.examples import Examples
from unlearning.classifiers.fitting import accuracy
from unlearning.classifiers.outcome import Cost, Figure, Outcome, Provenance, Recipe, Trained, weights_digest
from unlearning.classifiers.planning import scope_of
from unlearning.errors import InputError, ModelError, RowsError
from unlearning.models import versions
from unlearning.types import Progress


def is_sharded(folder: Path) -> bool:
    """Whether the folder's model was trained by shards; ModelError when it is no model's folder."""
    return int(networks.open_recipe(folder)[1].get("shards", 0) or 0) > 0


def trained(
    options: argparse.Namespace, data: DataSet, rows: Examples, recipe: Recipe, out: Path, progress: Progress
) -> Trained:
    """Train by shards and slices, and keep every checkpoint beside the model."""
    if options.folds:
        raise InputError("training by shards: out-of-fold models serve one whole model; leave --folds out")
    parts = sisa.train_sisa(
        recipe, rows, shards=max(1, options.shards), slices=max(1, options.slices), seed=options.seed, progress=progress
    )
    save(parts, rows, out)
    model = parts.model()
    return Trained(str(out), weights_digest(model), accuracy(model, data.test), len(rows))


def unlearned(
    options: argparse.Namespace, data: DataSet, forget: Examples, retain: Examples, out: Path, progress: Progress
) -> Outcome:
    """Go back to before the rows in the shards that held them, and learn on without."""
    if options.method not in ("auto", "sisa"):
        raise InputError("a model that was trained by shards forgets exactly, by its shards: the method is auto")
    start, spent = time.perf_counter(), time.process_time()
    parts, known = _load(options.model)
    rows = data.train
    if known != rows.digest():
        raise RowsError("forgetting by shards: the model was trained on other rows; give the data it was trained on")
    found = sisa.forget(parts, rows, forget.ids, progress=progress)
    save(found.parts, retain, out)
    before, after = parts.model(), found.parts.model()
    whole = parts.recipe.epochs * len(rows)
    return Outcome(
        verb="classifier unlearn",
        out=str(out),
        method="sisa",
        parameters={"shards": parts.shards, "slices": parts.slices},
        scope=scope_of(forget, retain),
        exactness="exact",
        gate="pass",
        reasons=("Exact: every shard that held one of the rows learned again from before it, without it.",),
        figures=(
            Figure("shards learned again", len(found.shards), parts.shards),
            Figure("share of the training's row passes", found.passes / max(1, whole)),
            Figure("held-out accuracy", accuracy(after, data.test), len(data.test)),
            Figure("held-out accuracy", accuracy(before, data.test), len(data.test), note="before"),
        ),
        cost=Cost(time.perf_counter() - start, time.process_time() - spent),
        provenance=Provenance(
            weights_digest(before), weights_digest(after), forget.digest(), retain.digest(), parts.seed, versions()
        ),
    )


def opened(folder: Path) -> sisa.Sisa:
    """The parts of a model's folder."""
    return _load(folder)[0]


def save(parts: sisa.Sisa, rows: Examples, out: Path) -> None:
    """The ensemble's folder with the checkpoints inside; what is not whole has no configuration."""
    notes = {"shards": parts.shards, "slices": parts.slices, "seed": parts.seed, "rows": rows.digest()}
    inside = {
        f"shard-{s}/slice-{r}": weights for s, shard in enumerate(parts.checkpoints) for r, weights in enumerate(shard)
    }
    networks.save(parts.model(), sisa.ensemble_recipe(parts.recipe, parts.shards), out, notes=notes, inside=inside)


def _load(folder: Path) -> tuple[sisa.Sisa, str]:
    recipe, notes = networks.open_recipe(folder)
    try:
        simple = Recipe(
            str(recipe.options["of"]),
            dict(recipe.options["options"]),
            recipe.epochs,
            recipe.learning_rate,
            recipe.batch,
        )
        shards, slices, seed = int(notes["shards"]), int(notes["slices"]), int(notes["seed"])
    except (KeyError, TypeError, ValueError):
        raise ModelError(
            f"opening {folder.name}: its configuration does not say how it was trained by shards"
        ) from None
    if not 1 <= shards <= 1000 or not 1 <= slices <= 1000:
        raise ModelError(f"opening {folder.name}: shards and slices are numbers from 1 to 1000")
    found = tuple(
        tuple(networks.load_weights(folder / f"shard-{s}" / f"slice-{r}", simple) for r in range(slices))
        for s in range(shards)
    )
    return sisa.Sisa(simple, found, seed), str(notes.get("rows", ""))
