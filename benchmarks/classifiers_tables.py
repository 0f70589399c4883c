"""Tables forget: logistic regression by Newton beside scikit-learn's refit; forests and boosting equal to a refit."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from unlearning.classifiers.tables.commands import ESTIMATORS, estimator_of
from unlearning.classifiers.tables.folders import TableRecipe, open_table
from unlearning.classifiers.tables.newton import Logistic
from unlearning.classifiers.tables.refit import fit, forget
from unlearning.classifiers.tables.schema import Table


def adult_shaped(rows: int, *, columns: int = 94, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features like a one-hot census table (six numbers, the rest rare noughts and ones) and labels -1 or 1."""
    chance = np.random.default_rng(seed)
    numbers = chance.normal(size=(rows, 6))
    flags = (chance.random((rows, columns - 6)) < chance.uniform(0.01, 0.3, columns - 6)).astype(float)
    features = np.c_[numbers, flags]
    weights = chance.normal(size=columns) * 0.5
    labels = np.where(chance.random(rows) < expit(features @ weights - 1), 1, -1)
    return features, labels


def run(*, quick: bool) -> tuple[list[str], list[tuple[str, float, float, bool]]]:
    """(table, goals as (name, reached, goal, at least))."""
    features, labels = adult_shaped(24_000)
    model = Logistic(features, labels)
    lines = ["| rows | first order, ms | exact, ms | certificate | scikit-learn's refit, ms |", "|---|---|---|---|---|"]
    goals = []
    for count in (1, 100) if quick else (1, 10, 100, 1000):
        gone, repeats = np.arange(count), 3 if quick else 7
        first = _median(lambda gone=gone: copy.deepcopy(model).forget(gone, exact=False).seconds, repeats)
        exact = [copy.deepcopy(model).forget(gone) for _ in range(repeats)]
        spent, worst = median(one.seconds for one in exact), max(one.certificate for one in exact)
        beside = _median(lambda count=count: _refit(features[count:], labels[count:]), 1 if quick else 3)
        lines.append(f"| {count} | {1e3 * first:.3f} | {1e3 * spent:.1f} | {worst:.1e} | {1e3 * beside:.0f} |")
        if count == 100:
            goals += [("logistic, 100 rows, first order, ms", 1e3 * first, 1.0, False),
                      ("logistic, 100 rows, exact, ms", 1e3 * spent, 50.0, False),
                      ("logistic, certificate", worst, 1e-8, False)]  # fmt: skip
    for name, estimator in (("forest", RandomForestClassifier(30, random_state=0)),
                            ("boosting", HistGradientBoostingClassifier(max_iter=30, random_state=0))):  # fmt: skip
        goals.append(
            (f"{name}, answers that differ from a refit", _differences(estimator, features, labels), 0.0, False)
        )
    return lines, goals


def _refit(features: np.ndarray, labels: np.ndarray) -> float:
    start = time.perf_counter()
    LogisticRegression(C=1.0, tol=1e-8, max_iter=5000).fit(features, labels)
    return time.perf_counter() - start


def _median(work: Callable[[], float], repeats: int) -> float:
    return float(median(work() for _ in range(repeats)))


def _differences(estimator: Any, features: np.ndarray, labels: np.ndarray) -> float:
    """How many of 2,000 answers differ between forgetting and a fit that never saw the rows."""
    few, ids = slice(0, 6000), tuple(f"r{n}" for n in range(6000))
    table = Table({f"c{n}": features[few, n] for n in range(20)}, labels[few], ids)
    gone = ids[:100]
    after = forget(fit(estimator, table, shards=3), estimator, table, gone).model
    fresh = fit(estimator, table.without(gone), shards=3)
    asked = table.take(np.arange(2000, 4000))
    return float((after.predict(asked) != fresh.predict(asked)).sum())


def given(folder: Path) -> tuple[list[str], list[tuple[str, float, float, bool]]]:
    """The same for a table in a folder with its schema: each estimator forgets one id in a hundred.

    (table, goals as (name, reached, goal, at least)).
    """
    data = open_table(folder)
    ids = list(dict.fromkeys(data.train.ids))
    gone = ids[: max(1, len(ids) // 100)]
    lines = [f"{len(data.train)} rows, {len(gone)} of {len(ids)} ids forgotten", ""]
    lines += ["| estimator | accuracy before | after | words gone | seconds | a fit from nothing, s |"]
    lines += ["|---|---|---|---|---|---|"]
    goals = []
    for name in ESTIMATORS:
        estimator = estimator_of(TableRecipe(name, 1, 0))
        before = fit(estimator, data.train)
        found = forget(before, estimator, data.train, gone)
        start = time.perf_counter()
        fresh = fit(estimator, data.train.without(gone))
        seconds = time.perf_counter() - start
        was, now = ((one.predict(data.test) == data.test.labels).mean() for one in (before, found.model))
        words = len(before.encoder.vocabulary() - found.model.encoder.vocabulary())
        lines.append(f"| {name} | {was:.3f} | {now:.3f} | {words} | {found.seconds:.2f} | {seconds:.2f} |")
        apart = float((found.model.predict(data.test) != fresh.predict(data.test)).sum())
        goals.append((f"{name}, answers that differ from a refit", apart, 0.0, False))
    return lines, goals
