"""Was this row in the training set: LiRA, RMIA, and U-LiRA for rows that were to be forgotten.

Every attack works on phi, the log-odds of the true label. Rates come with Clopper-Pearson intervals; what too few
references or too few negatives cannot show is called inconclusive by whoever reads them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import beta, norm
from sklearn.metrics import roc_auc_score
from torch import Tensor

from unlearning.classifiers.methods.oof_match import log_odds
from unlearning.errors import InputError

LEAST_REFERENCES, LEAST_NEGATIVES = 4, 1000
PRIOR = 4.0  # how many observations the spread of all rows counts for, beside a row's own


@dataclass(frozen=True)
class Attack:
    """An attack's power: AUC with the standard error under no signal, and TPR at 1 % FPR with its 95 % interval."""

    auc: float
    standard_error: float
    tpr: float
    low: float
    high: float
    positives: int
    negatives: int

    @property
    def conclusive(self) -> bool:
        """Whether there are enough negatives to speak of one false alarm in a hundred."""
        return self.negatives >= LEAST_NEGATIVES


def phi(logits: Tensor, labels: Tensor) -> Tensor:
    """Log-odds of the true label for logits [models, n, classes] or [n, classes]: [models, n] or [n]."""
    if logits.dim() == 2:
        return log_odds(logits, labels)
    return torch.stack([log_odds(one, labels) for one in logits])


def judged(positives: np.ndarray, negatives: np.ndarray) -> Attack:
    """The power of scores that should be higher for the positives; InputError when a side is empty."""
    n, m = len(positives), len(negatives)
    if not n or not m:
        raise InputError("judging an attack: it needs scores of both kinds of rows")
    auc = roc_auc_score(np.r_[np.ones(n), np.zeros(m)], np.r_[positives, negatives])
    hits = int((positives > np.quantile(negatives, 0.99, method="higher")).sum())
    low, high = clopper_pearson(hits, n)
    error = float(np.sqrt((1 / n + 1 / m) / 12))
    return Attack(float(auc), error, hits / n, low, high, n, m)


def clopper_pearson(hits: int, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Exact two-sided interval of a rate (Clopper and Pearson 1934)."""
    tail = (1 - level) / 2
    low = float(beta.ppf(tail, hits, n - hits + 1)) if hits else 0.0
    high = float(beta.ppf(1 - tail, hits + 1, n - hits)) if hits < n else 1.0
    return low, high


def lira(target: np.ndarray, references: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Likelihood ratio of each row [n] from references [models, n] and who saw what (Carlini et al. 2022).

    The spread of a row is a Bayesian mean of its own and that of all rows, which is what few references allow.
    """
    if references.shape[0] < LEAST_REFERENCES:
        raise InputError(f"LiRA needs {LEAST_REFERENCES} references or more; use RMIA with fewer, or train more")
    inside, outside = _moments(references, members), _moments(references, ~members)
    return np.asarray(norm.logpdf(target, *inside) - norm.logpdf(target, *outside))


def _moments(values: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and shrunken spread [n] of the chosen values of each column; empty columns take the mean of all."""
    count = chosen.sum(0)
    held = np.where(chosen, values, 0.0)
    mean = np.where(count > 0, held.sum(0) / np.maximum(count, 1), values[chosen].mean() if chosen.any() else 0.0)
    squares = (np.where(chosen, values - mean, 0.0) ** 2).sum(0)
    common = squares.sum() / max(1, (count - 1).clip(0).sum())
    return mean, np.sqrt((squares + PRIOR * common) / (np.maximum(count - 1, 0) + PRIOR) + 1e-12)


def rmia(
    target: np.ndarray, references: np.ndarray, population: np.ndarray, population_references: np.ndarray
) -> np.ndarray:
    """Share of the population that a row's ratio exceeds [n]; works from one reference on (Zarifzadeh et al. 2024)."""
    ratio = target - np.logaddexp.reduce(references, axis=0) + np.log(len(references))
    others = population - np.logaddexp.reduce(population_references, axis=0) + np.log(len(population_references))
    return np.asarray(np.searchsorted(np.sort(others), ratio) / len(others))


def ulira(
    unlearned: np.ndarray, saw: np.ndarray, never: np.ndarray, absent: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Scores of (rows forgotten, rows never seen), row by row, each value left out of what it is judged by.

    `unlearned` [models, n] are phi of models that forgot the rows marked in `saw`, `never` [models, n] of models in
    whose training the rows marked in `absent` had no part (Hayes et al. 2024, Inexact Unlearning Needs More Careful
    Evaluations). Every value is judged by equally many of both kinds, so that two sides that are alike score alike.
    """
    positives, negatives = [], []
    common_in, common_out = _spread(unlearned, saw), _spread(never, absent)
    for row in range(unlearned.shape[1]):
        forgot, strangers = unlearned[saw[:, row], row], never[absent[:, row], row]
        if len(forgot) < 3 or len(strangers) < 3:
            continue
        inside = _left_out(forgot, common_in)
        outside = _left_out(strangers, common_out)
        turns = np.arange(max(len(forgot), len(strangers)))
        mine, theirs = turns[: len(forgot)] % len(strangers), turns[: len(strangers)] % len(forgot)
        positives.append(norm.logpdf(forgot, *inside) - norm.logpdf(forgot, *(part[mine] for part in outside)))
        negatives.append(norm.logpdf(strangers, *(part[theirs] for part in inside)) - norm.logpdf(strangers, *outside))
    if not positives:
        return np.empty(0), np.empty(0)
    return np.concatenate(positives), np.concatenate(negatives)


def _spread(values: np.ndarray, chosen: np.ndarray) -> float:
    """Pooled variance within columns."""
    return float(_moments(values, chosen)[1].mean() ** 2)


def _left_out(values: np.ndarray, common: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean and shrunken spread [n] of all values but the n-th."""
    n = len(values)
    rest = np.broadcast_to(values, (n, n))[~np.eye(n, dtype=bool)].reshape(n, n - 1)
    mean = rest.mean(1)
    squares = ((rest - mean[:, None]) ** 2).sum(1)
    return mean, np.sqrt((squares + PRIOR * common) / (n - 2 + PRIOR)) + 1e-9
