"""Linear, ridge and logistic models forget rows by one Newton step, and exactly by polishing it to a certificate."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.special import expit

from unlearning.errors import Diverged, InputError, RowsError

CERTIFICATE = 1e-8
ROUNDS = 200


@dataclass(frozen=True)
class Forgotten:
    """New weights [d], the gradient's norm at them (the certificate), how far from the optimum at most, seconds.

    The objective is strongly convex with modulus `penalty`, so the distance to the exact optimum is at most
    certificate / penalty (Guo et al. 2020, Certified Data Removal).
    """

    weights: np.ndarray
    certificate: float
    distance: float
    exactness: str
    seconds: float
    rounds: int


class Logistic:
    """L2-penalised logistic regression with a cached inverse Hessian; `penalty` is per objective, not per row.

    Objective: sum log(1 + exp(-y x·w)) + penalty / 2 |w|^2, y in {-1, 1}; the last column of x is the constant.
    """

    def __init__(self, features: np.ndarray, labels: np.ndarray, *, penalty: float = 1.0) -> None:
        if set(np.unique(labels)) - {-1, 1} or len(labels) != len(features):
            raise InputError("logistic regression: labels are -1 and 1, one a row")
        if penalty <= 0:
            raise InputError("logistic regression: a penalty above nought is what the certificate rests on")
        self.features = np.c_[features, np.ones(len(features))].astype(float)
        self.labels, self.penalty = labels.astype(float), penalty
        self.kept = np.ones(len(labels), dtype=bool)
        self.weights = self._fit(np.zeros(self.features.shape[1]))
        self.inverse = np.linalg.inv(self._hessian(self.weights))

    def _gradient(self, weights: np.ndarray, rows: np.ndarray) -> np.ndarray:
        x, y = self.features[rows], self.labels[rows]
        return np.asarray(-x.T @ (y * expit(-y * (x @ weights))))

    def _hessian(self, weights: np.ndarray) -> np.ndarray:
        x = self.features[self.kept]
        p = expit(x @ weights)
        return np.asarray((x * (p * (1 - p))[:, None]).T @ x + self.penalty * np.eye(x.shape[1]))

    def _fit(self, weights: np.ndarray) -> np.ndarray:
        for _ in range(50):
            gradient = self._gradient(weights, self.kept) + self.penalty * weights
            if np.linalg.norm(gradient) <= CERTIFICATE / 10:
                return weights
            weights = weights - cho_solve(cho_factor(self._hessian(weights)), gradient)
        raise Diverged("logistic regression: Newton's steps did not settle; scale the features or raise the penalty")

    def forget(self, rows: np.ndarray, *, exact: bool = True) -> Forgotten:
        """Take rows (places) out: Newton with Woodbury on the cached inverse, then polish to the certificate."""
        if not len(rows):
            return Forgotten(self.weights, 0.0, 0.0, "exact", 0.0, 0)
        if not self.kept[rows].all() or len(set(rows.tolist())) != len(rows):
            raise RowsError("forgetting rows: some are named twice or were forgotten before")
        start = time.perf_counter()
        weights, step = self._newton(rows)
        self.kept[rows] = False
        rounds, norm = 0, float("nan")
        if exact:
            weights, norm, rounds = self._polish(weights, step)
            self.weights = weights
        seconds = time.perf_counter() - start
        if not exact:  # the certificate costs a pass over all rows, which the first-order answer is there to avoid
            return Forgotten(weights, norm, float("nan"), "approximate", seconds, 0)
        exactness = "certified" if norm <= CERTIFICATE else "approximate"
        return Forgotten(weights, norm, norm / self.penalty, exactness, seconds, rounds)

    def _newton(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(weights after one step, inverse Hessian without the rows); Woodbury in the number of rows or of columns."""
        x = self.features[rows]
        p = expit(x @ self.weights)
        scaled = x * np.sqrt(p * (1 - p))[:, None]
        gradient = -self._gradient(self.weights, rows)
        if len(rows) < x.shape[1]:
            half = self.inverse @ scaled.T
            inner = np.eye(len(rows)) - scaled @ half
            step = self.inverse @ gradient
            step = step + half @ np.linalg.solve(inner, half.T @ gradient)
            return self.weights - step, half @ np.linalg.solve(inner, half.T)
        rest = np.linalg.inv(np.linalg.inv(self.inverse) - scaled.T @ scaled)
        return self.weights - rest @ gradient, rest - self.inverse

    def _polish(self, weights: np.ndarray, correction: np.ndarray) -> tuple[np.ndarray, float, int]:
        """Preconditioned steps with gradients over all kept rows; the inverse is corrected once, never factored."""
        self.inverse = self.inverse + correction
        x, y, kept = self.features, self.labels, self.kept  # no copy of the rows: what is gone weighs nought
        for number in range(ROUNDS):
            gradient = -((y * expit(-y * (x @ weights)) * kept) @ x) + self.penalty * weights
            norm = float(np.linalg.norm(gradient))
            if norm <= CERTIFICATE:
                return weights, norm, number
            weights = weights - self.inverse @ gradient
        return weights, norm, ROUNDS

    def certificate(self, weights: np.ndarray) -> float:
        """The gradient's norm over the kept rows: nought at the exact optimum."""
        return float(np.linalg.norm(self._gradient(weights, self.kept) + self.penalty * weights))

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Labels -1 or 1 [n]."""
        return np.where(np.c_[features, np.ones(len(features))] @ self.weights > 0, 1, -1)


class Ridge:
    """Ridge regression (penalty nought: least squares); taking rows out is exact linear algebra."""

    def __init__(self, features: np.ndarray, targets: np.ndarray, *, penalty: float = 1.0) -> None:
        self.features = np.c_[features, np.ones(len(features))].astype(float)
        self.targets, self.penalty = targets.astype(float), penalty
        x = self.features
        self.gram = x.T @ x + penalty * np.eye(x.shape[1])
        self.moment = x.T @ self.targets
        self.kept = np.ones(len(targets), dtype=bool)
        self.weights = self._solve()

    def _solve(self) -> np.ndarray:
        try:
            return np.asarray(cho_solve(cho_factor(self.gram), self.moment))
        except np.linalg.LinAlgError:
            raise Diverged("ridge regression: too few rows are left for these columns; raise the penalty") from None

    def forget(self, rows: np.ndarray) -> Forgotten:
        """Take rows out of the moments and solve again: the optimum without them, to rounding."""
        if not self.kept[rows].all() or len(set(rows.tolist())) != len(rows):
            raise RowsError("forgetting rows: some are named twice or were forgotten before")
        start = time.perf_counter()
        x, y = self.features[rows], self.targets[rows]
        self.gram = self.gram - x.T @ x
        self.moment = self.moment - x.T @ y
        self.kept[rows] = False
        self.weights = self._solve()
        norm = self.certificate(self.weights)
        distance = norm / self.penalty if self.penalty else float("nan")
        exactness = "certified" if norm <= CERTIFICATE else "approximate"
        return Forgotten(self.weights, norm, distance, exactness, time.perf_counter() - start, 1)

    def certificate(self, weights: np.ndarray) -> float:
        """The gradient's norm over the kept rows themselves: what was taken out of sums leaves rounding in them."""
        x, y = self.features, self.targets
        return float(np.linalg.norm(x.T @ ((x @ weights - y) * self.kept) + self.penalty * weights))
