"""Everything else in scikit-learn forgets by refitting, whole or by shards; what keeps raw rows is named."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.base import clone

from unlearning.classifiers.tables.encoder import Encoder
from unlearning.classifiers.tables.schema import Table
from unlearning.errors import InputError

MOST_SUPPORT = 20_000  # rows
MOST_WEIGHTS = 6000  # classes times columns: the Newton step solves for all of them at once
KEEPS_ROWS = ("KNeighbors", "RadiusNeighbors", "SVC", "SVR", "GaussianProcess", "NearestCentroid")


@dataclass(frozen=True)
class Fitted:
    """Encoder and estimators, one a shard; answers are the mean of the shards' probabilities, or their votes."""

    encoder: Encoder
    estimators: tuple[Any, ...]
    shard_of: dict[str, int]
    classes: np.ndarray

    def predict(self, table: Table) -> np.ndarray:
        """The likeliest label of each row [n]."""
        rows = self.encoder.transform(table)
        if len(self.estimators) == 1:
            return np.asarray(self.estimators[0].predict(rows))
        votes = np.zeros((len(rows), len(self.classes)))
        for one in self.estimators:
            places = np.searchsorted(self.classes, one.classes_)
            if hasattr(one, "predict_proba"):
                votes[:, places] += one.predict_proba(rows)
            else:  # no probabilities: one vote a shard
                votes[np.arange(len(rows)), np.searchsorted(self.classes, one.predict(rows))] += 1
        return np.asarray(self.classes[votes.argmax(1)])


@dataclass(frozen=True)
class Refitted:
    """The new model, what was fitted anew, and seconds."""

    model: Fitted
    shards: tuple[int, ...]
    encoder_refitted: bool
    exactness: str
    seconds: float
    notes: tuple[str, ...]


def fit(estimator: Any, table: Table, *, shards: int = 1) -> Fitted:
    """Fit an encoder on all rows and one clone of the estimator on each shard; rows find their shard by a hash."""
    check(estimator, table)
    of = {i: _shard(i, shards) for i in table.ids}
    encoder = Encoder().fit(table)
    place = np.array([of[i] for i in table.ids])
    estimators = tuple(_fit(estimator, encoder, table.take(np.flatnonzero(place == n))) for n in range(shards))
    return Fitted(encoder, estimators, of, np.unique(table.labels))


def check(estimator: Any, table: Table) -> None:
    """InputError for rows that this kind of model cannot learn from, or not before the day is over."""
    name = type(estimator).__name__
    if len(np.unique(table.labels)) < 2:
        raise InputError("fitting a table: all rows that are left bear the same label, and a classifier needs two")
    if name == "SVC" and len(table) > MOST_SUPPORT:
        raise InputError(
            f"fitting a table: support vectors take time by the square of the rows; {len(table)} are more than"
            f" {MOST_SUPPORT}, choose logistic, forest or boosting"
        )


def forget(model: Fitted, estimator: Any, table: Table, ids: Collection[str]) -> Refitted:
    """Fit anew what saw the rows: exact when it equals a fit that never saw them.

    The encoder's scales and vocabulary come from all rows. Where leaving the rows out changes it, every shard is fitted
    anew; where it does not (no scaler, the same words), only the shards that held a row.
    """
    start = time.perf_counter()
    rest = table.without(list(ids))
    if not len(rest):
        raise InputError("forgetting: no row would be left; delete the model instead")
    check(estimator, rest)
    encoder = Encoder().fit(rest)
    same = encoder.equals(model.encoder)
    held = {model.shard_of[i] for i in ids}
    touched = sorted(held) if same else list(range(len(model.estimators)))
    place = np.array([model.shard_of[i] for i in rest.ids])
    estimators = list(model.estimators)
    for number in touched:
        estimators[number] = _fit(estimator, encoder, rest.take(np.flatnonzero(place == number)))
    of = {i: model.shard_of[i] for i in rest.ids}
    # A label that only the forgotten rows bore goes as well.
    fresh = replace(model, encoder=encoder, estimators=tuple(estimators), shard_of=of, classes=np.unique(rest.labels))
    return Refitted(fresh, tuple(touched), not same, "exact", time.perf_counter() - start, notes_on(estimator))


def notes_on(estimator: Any) -> tuple[str, ...]:
    """What a reader must know about this kind of model."""
    name = type(estimator).__name__
    if any(name.startswith(kind) for kind in KEEPS_ROWS):
        return (f"{name} keeps training rows as they are in its file: old versions must be destroyed, not archived.",)
    return ()


def _fit(estimator: Any, encoder: Encoder, table: Table) -> Any:
    if len(np.unique(table.labels)) < 2:
        raise InputError("fitting a shard: it holds rows of fewer than two classes; use fewer shards")
    rows = encoder.transform(table)
    classes = len(np.unique(table.labels))
    if (
        getattr(estimator, "solver", "") == "newton-cholesky"
        and (classes if classes > 2 else 1) * rows.shape[1] > MOST_WEIGHTS
    ):
        raise InputError(
            f"fitting a table: {classes} classes by {rows.shape[1]} encoded columns are too many for an exact logistic"
            " model; choose forest or boosting, or group classes and words"
        )
    return clone(estimator).fit(rows, table.labels)


def _shard(row_id: str, shards: int) -> int:
    digest = hashlib.blake2b(row_id.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % shards
