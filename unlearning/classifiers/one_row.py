"""One row that was to go: how it looks beside models that never saw it, and how little one look can show.

A statement like that of differential privacy (a look gains a factor of at most e^epsilon) is a bound over all outcomes;
one model is one outcome. What is said is a test against strangers (a row that stands out fails), with the smallest
signal that so few references would have seen. A row that does not stand out is *inconclusive*, never passed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from unlearning.classifiers.gate import Judgement
from unlearning.classifiers.outcome import Exactness, Figure

LEAST = 8  # references below which a spread is a guess
ALARM = 0.01


@dataclass(frozen=True)
class Look:
    """The row's log-odds, the strangers' mean and spread, the p of the difference, and the signal that is seen."""

    value: float
    mean: float
    spread: float
    p: float
    seen_from: float
    references: int

    @property
    def figures(self) -> tuple[Figure, ...]:
        """What was measured."""
        width = self.spread * float(student.ppf(0.975, self.references - 1)) * (1 + 1 / self.references) ** 0.5
        return (
            Figure("log-odds of the row", self.value, 1),
            Figure("log-odds to strangers", self.mean, self.references, self.mean - width, self.mean + width),
            Figure("chance that a stranger differs as much", self.p, self.references),
            Figure("smallest shift that is seen four times in five", self.seen_from, self.references),
        )


def look(value: float, strangers: np.ndarray) -> Look:
    """Compare one log-odds with those of two or more models that never saw the row (Student's predictive test)."""
    n = len(strangers)
    mean, spread = float(strangers.mean()), max(float(strangers.std(ddof=1)), 1e-6)
    scale = spread * (1 + 1 / n) ** 0.5
    p = 2 * float(student.sf(abs(value - mean) / scale, n - 1))
    seen = scale * float(student.ppf(1 - ALARM / 2, n - 1) + student.ppf(0.8, n - 1))
    return Look(value, mean, spread, p, seen, n)


def judge_row(found: Look | None, *, lost: float, most_lost: float, exactness: Exactness) -> Judgement:
    """Pass only what is exact; fail what stands out; say of the rest that one row shows nothing."""
    if lost > most_lost:
        return Judgement("fail", (f"Accuracy on what is kept fell by {lost:.1%}.",))
    if exactness == "exact":
        return Judgement("pass", ("Exact: the model has not seen the row; no audit is needed.",))
    if found is None or found.references < LEAST:
        count = found.references if found else 0
        return Judgement("inconclusive", (f"Too few references ({count}) to say how strangers see this one row.",))
    if found.p < ALARM:
        side = "surer" if found.value > found.mean else "less sure"
        return Judgement("fail", (f"The model is {side} of the row than models that never saw it (p {found.p:.2g}).",))
    return Judgement(
        "inconclusive",
        (
            f"The row looks as it does to strangers (p {found.p:.2f}); a shift below {found.seen_from:.1f} in log-odds "
            "would not have been seen. One look at one row bounds no epsilon: only exact retraining needs no proof.",
        ),
    )
