"""What the command line does with tables: fit, plan, forget by fitting again without the rows, and check that."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from unlearning.classifiers.audit import Audit
from unlearning.classifiers.examples import listed_ids
from unlearning.classifiers.outcome import Cost, Figure, Outcome, Provenance, Trained
from unlearning.classifiers.planning import Choice, Plan
from unlearning.classifiers.tables import folders
from unlearning.classifiers.tables.folders import TableRecipe, TableSet
from unlearning.classifiers.tables.refit import Fitted, fit, forget, notes_on
from unlearning.classifiers.tables.schema import Table
from unlearning.errors import InputError, RowsError, UnknownName
from unlearning.models import versions
from unlearning.types import Progress

ESTIMATORS: dict[str, Callable[[int], Any]] = {
    "logistic": lambda seed: LogisticRegression(solver="newton-cholesky", tol=1e-10, max_iter=1000),
    "forest": lambda seed: RandomForestClassifier(100, random_state=seed),
    "boosting": lambda seed: HistGradientBoostingClassifier(random_state=seed, early_stopping=False),
    "svm": lambda seed: SVC(),
    "neighbours": lambda seed: KNeighborsClassifier(),
}
METHODS = ("auto", "refit")
ADVICE = (
    "Whoever holds the model before and after can tell which rows went: withdraw the old version, and do deletions in"
    " batches.",
)


def estimator_of(recipe: TableRecipe) -> Any:
    """A fresh estimator; UnknownName for a kind that is not in the table."""
    if recipe.estimator not in ESTIMATORS:
        raise UnknownName(f"fitting a table: no estimator of that name; there are {', '.join(ESTIMATORS)}")
    return ESTIMATORS[recipe.estimator](recipe.seed)


def _train(options: argparse.Namespace, progress: Progress) -> Trained:
    data = folders.open_table(options.data)
    recipe = TableRecipe(options.estimator, max(1, options.shards), options.seed)
    progress(0.1, f"{len(data.train)} rows were read; fitting")
    model = fit(estimator_of(recipe), data.train, shards=recipe.shards)
    digest = folders.save(model, recipe, data.train, _out(options))
    progress(1.0, "Fitted")
    return Trained(str(options.out), digest, _accuracy(model, data.test), len(data.train))


def _plan(options: argparse.Namespace, progress: Progress) -> Plan:
    data, recipe, gone = _opened(options)
    if not gone:
        return Plan("none", None, (), ("Nothing is to be forgotten: the model stays as it is.",))
    few = data.train.take(np.arange(min(len(data.train), 2000)))
    start = time.perf_counter()
    fit(estimator_of(recipe), few)
    seconds = (time.perf_counter() - start) * len(data.train) / len(few)
    notes = notes_on(estimator_of(recipe))
    return Plan("rows", seconds, (Choice("refit", "exact: equal to a fit that never saw the rows"),), (*notes, *ADVICE))


def _unlearn(options: argparse.Namespace, progress: Progress) -> Outcome:
    if options.method not in METHODS:
        raise InputError("a table forgets by being fitted again, encoder and all: the method is auto or refit")
    start, spent = time.perf_counter(), time.process_time()
    data, recipe, gone = _opened(options)
    _, fitted_on, before = folders.open_recipe(options.model)
    if fitted_on != folders.digest_of_rows(data.train):
        raise RowsError(
            "forgetting rows of a table: the model was fitted on other rows; give the data it was fitted on"
        )
    estimator, out = estimator_of(recipe), _out(options)
    progress(0.1, f"{len(data.train)} rows were read; fitting the model before once more")
    old = fit(estimator, data.train, shards=recipe.shards)
    progress(0.4, "The model before was fitted again")
    found = forget(old, estimator, data.train, gone) if gone else None
    after, rest = (found.model, data.train.without(gone)) if found else (old, data.train)
    digest = folders.save(after, recipe, rest, out)
    progress(1.0, "Fitted without the rows")
    words = old.encoder.vocabulary() - after.encoder.vocabulary()
    was, now = _accuracy(old, data.test), _accuracy(after, data.test)
    shards = len(found.shards) if found else 0
    return Outcome(
        verb="classifier unlearn",
        out=str(out),
        method="refit" if gone else "none",
        parameters={"estimator": recipe.estimator, "shards": recipe.shards},
        scope="rows" if gone else "none",
        exactness="exact",
        gate="pass",
        reasons=(
            "Exact: encoder and estimator were fitted again by rows that do not hold those that went.",
            *(found.notes if found else ()),
            *(ADVICE if gone else ()),
        ),
        figures=(
            Figure("rows gone", len(data.train) - len(rest)),
            Figure("shards fitted again", shards, recipe.shards),
            Figure("words gone from the vocabulary", len(words)),
            Figure("held-out accuracy", now, len(data.test)),
            Figure("held-out accuracy", was, len(data.test), note="before"),
        ),
        cost=Cost(time.perf_counter() - start, time.process_time() - spent),
        provenance=Provenance(
            before, digest, folders.digest_of_ids(gone), folders.digest_of_rows(rest), recipe.seed, versions()
        ),
    )


def _audit(options: argparse.Namespace, progress: Progress) -> Audit:
    """Fit again without the rows and compare what was written: no file is loaded that could run code."""
    data, recipe, gone = _opened(options)
    if options.out is None:
        raise InputError("auditing: --out names the model that forgot, --model the one before")
    rest = data.train.without(gone) if gone else data.train
    written, fitted_on, digest = folders.open_recipe(options.out)
    progress(0.1, f"{len(rest)} rows are kept; fitting them")
    same_rows = written == recipe and fitted_on == folders.digest_of_rows(rest)
    fresh = folders.digest_of_fit(fit(estimator_of(recipe), rest, shards=recipe.shards))
    figures = (Figure("rows kept", len(rest)), Figure("equal to a fit that never saw the rows", float(fresh == digest)))
    if not same_rows:
        reason = "By its own record it was fitted on other rows than those that are to be kept."
        return Audit("rows", figures, "fail", (reason,))
    if fresh == digest:
        return Audit("rows", figures, "pass", ("Byte for byte what a fit without the rows writes.",))
    reason = "It says that it was fitted without the rows, and differs from such a fit: another version of the library?"
    return Audit("rows", figures, "inconclusive", (reason,))


def _tune(options: argparse.Namespace, progress: Progress) -> Any:
    raise InputError("a table has no dose to tune: it forgets exactly, by being fitted again")


COMMANDS: dict[str, Callable[[argparse.Namespace, Progress], Any]] = {
    "train": _train,
    "plan": _plan,
    "unlearn": _unlearn,
    "audit": _audit,
    "tune": _tune,
}


def _opened(options: argparse.Namespace) -> tuple[TableSet, TableRecipe, list[str]]:
    if options.model is None:
        raise InputError("--model is needed: the folder of the model that is to forget")
    recipe, _, _ = folders.open_recipe(options.model)
    if options.forget_class is not None or options.forget_ids is None:
        raise InputError("a table forgets rows: --forget-ids names a file with one id a line")
    data, ids = folders.open_table(options.data), listed_ids(options.forget_ids)
    learned, held = set(data.train.ids), set(data.test.ids)
    missing = sum(i not in learned and i not in held for i in ids)
    if missing:
        raise RowsError(f"taking rows out of a table: {missing} of {len(ids)} ids name no row; check the list")
    kept = data.test.without([i for i in ids if i in held]) if held.intersection(ids) else data.test
    return TableSet(data.train, kept), recipe, [i for i in ids if i in learned]


def _accuracy(model: Fitted, table: Table) -> float:
    return float((model.predict(table) == table.labels).mean())


def _out(options: argparse.Namespace) -> Path:
    if options.out is None:
        raise InputError("--out is needed: the folder that the new model is written to")
    return Path(options.out)
