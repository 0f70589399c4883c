"""What chance alone would do: p-values, intervals and corrections, each with its source."""

from __future__ import annotations

import math
from collections.abc import Sequence

from scipy import stats


def clopper_pearson(hits: int, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Exact interval of a rate (Clopper and Pearson 1934); (0, 1) where nothing was tried."""
    if n == 0:
        return 0.0, 1.0
    tail = (1 - level) / 2
    low = 0.0 if hits == 0 else float(stats.beta.ppf(tail, hits, n - hits + 1))
    high = 1.0 if hits == n else float(stats.beta.ppf(1 - tail, hits + 1, n - hits))
    return low, high


def fewer(hits: int, n: int, hits_before: int, n_before: int) -> float:
    """P-value of a rate having fallen (Fisher's exact test, one-sided): small where chance would not explain it."""
    table = [[hits, n - hits], [hits_before, n_before - hits_before]]
    return float(stats.fisher_exact(table, alternative="less").pvalue)


def fisher_two_sided(places: Sequence[tuple[int, int]]) -> float:
    """Combined p-value of independent ranks, given as (rank, out of how many); never learned means uniform ranks.

    Ranks pushed to the bottom betray a person as surely as ranks at the top, so both directions are combined with
    Fisher's method and the smaller p-value is doubled.
    """
    if not places:
        return 1.0
    top = _fisher([rank / count for rank, count in places])
    bottom = _fisher([(count - rank + 1) / count for rank, count in places])
    return min(1.0, 2 * min(top, bottom))


def _fisher(values: Sequence[float]) -> float:
    """Upper tail of the chi-squared distribution at -2 Σ log, in closed form for the even degrees of freedom here."""
    half = -sum(math.log(value) for value in values)
    term, total = 1.0, 1.0
    for place in range(1, len(values)):
        term *= half / place
        total += term
    return min(1.0, math.exp(-half) * total)


def holm(values: Sequence[float]) -> list[float]:
    """P-values adjusted for having asked several times (Holm 1979), in the order given."""
    order = sorted(range(len(values)), key=lambda index: values[index])
    adjusted, running = [0.0] * len(values), 0.0
    for place, index in enumerate(order):
        running = max(running, min(1.0, values[index] * (len(values) - place)))
        adjusted[index] = running
    return adjusted


def at_least(hits: int, chances: Sequence[float]) -> float:
    """Probability of `hits` or more successes when each trial has its own chance (Poisson binomial, exact)."""
    counts = [1.0]
    for chance in chances:
        padded = [*counts, 0.0]
        counts = [padded[k] * (1 - chance) + (counts[k - 1] * chance if k else 0.0) for k in range(len(padded))]
    return min(1.0, sum(counts[hits:]))


def area(members: Sequence[float], strangers: Sequence[float]) -> tuple[float, float]:
    """Area under the curve that separates members (higher) from strangers, and its standard error under no difference.

    The error is sqrt((1/n + 1/m) / 12): one person's few rows seldom support any claim.
    """
    if not members or not strangers:
        return 0.5, 0.5
    wins = float(stats.mannwhitneyu(members, strangers).statistic)
    return wins / (len(members) * len(strangers)), math.sqrt((1 / len(members) + 1 / len(strangers)) / 12)


def stratified_area(groups: Sequence[tuple[Sequence[float], Sequence[float]]]) -> tuple[float, float]:
    """Area over groups that are compared within themselves, each with the weight that makes the error smallest."""
    weights = [1 / (1 / len(members) + 1 / len(strangers)) for members, strangers in groups]
    if not weights:
        return 0.5, 0.5
    found = [area(members, strangers)[0] for members, strangers in groups]
    total = sum(weights)
    return sum(w * value for w, value in zip(weights, found, strict=True)) / total, math.sqrt(1 / total / 12)


def uniform_p(values: Sequence[float]) -> float:
    """P-value of "these numbers in (0, 1] are uniform" (Kolmogorov and Smirnov)."""
    return float(stats.kstest(values, "uniform").pvalue) if values else 1.0
