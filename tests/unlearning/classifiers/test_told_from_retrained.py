"""Is a model told from retrained ones, as the benchmark asks: its p is exact, and alike models meet spans by chance."""

from __future__ import annotations

import random

import pytest
from scipy.stats import mannwhitneyu

from benchmarks.classifiers_page import Line
from benchmarks.classifiers_spread import SEEDS, Spread, chances, holm, rank_p, smallest_found, told
from unlearning.classifiers.measures.whole_class import ClassReading

LABELS = (5, 8, 2)


def world(*, shift: float) -> tuple[list[Spread], list[Line]]:
    """Eleven retrained models and three of ours of each class, alike but for the probe of ours."""
    dice = random.Random(4)

    def read() -> ClassReading:
        return ClassReading(0.98, 0.0, dice.gauss(0.93, 0.01), dice.gauss(0.5, 0.1), dice.randint(9, 19))

    def js() -> tuple[tuple[float, ...], ...]:
        far = {frozenset((i, j)): dice.gauss(0.13, 0.02) for i in range(len(SEEDS)) for j in range(i)}
        return tuple(tuple(far.get(frozenset((i, j)), 0.0) for j in range(len(SEEDS))) for i in range(len(SEEDS)))

    spreads = [Spread(label, tuple(read() for _ in SEEDS), js()) for label in LABELS]
    lines = []
    for label in LABELS:
        for seed in range(3):
            one = read()
            probe, away = 100 * (one.probe + shift), dice.gauss(0.13, 0.02)
            lines.append(Line("renew", label, seed, 98, 98, probe, one.one_vs_rest, one.relearn, away, "pass", 1.0))
    return spreads, lines


def test_the_sum_of_ranks_in_one_class_has_the_exact_p_of_scipy() -> None:
    dice = random.Random(1)
    for _ in range(20):
        ours, theirs = ([dice.gauss(mean, 1) for _ in range(size)] for mean, size in ((0.7, 3), (0.0, 11)))
        assert rank_p([(ours, theirs)]) == pytest.approx(mannwhitneyu(ours, theirs, method="exact").pvalue)


def test_ties_tell_nothing_and_classes_are_added_up() -> None:
    assert rank_p([([1, 1, 1], [1] * 11)]) == 1.0
    apart = ([9.0, 9.5, 10.0], [float(n) / 2 for n in range(11)])
    assert rank_p([apart] * 3) == pytest.approx(2 / 364**3)


def test_a_probe_that_is_off_is_told_and_what_is_alike_is_not() -> None:
    found = {one.field: one for one in told(*world(shift=0.03))}
    assert found["probe"].holm < 0.001 and found["probe"].gap > 1
    assert min(one.holm for one in told(*world(shift=0.0))) > 0.05
    assert holm({"a": 0.01, "b": 0.02, "c": 0.5}) == {"a": 0.03, "b": 0.04, "c": 0.5}


def test_exact_models_meet_spans_of_two_by_chance_and_all_of_them_seldom() -> None:
    often = chances(world(shift=0.0)[0], draws=4000)
    assert all(0.3 < often[name] < 0.9 for name in ("js", "probe", "one_vs_rest", "relearn"))
    assert often["all"] < min(often[name] for name in ("js", "probe", "one_vs_rest", "relearn"))


def test_what_the_test_can_see_is_said_and_grows_with_classes() -> None:
    assert 1.0 < smallest_found(3, 11, draws=400) < 2.0 < smallest_found(1, 11, draws=400)
