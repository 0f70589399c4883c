"""Statistics against values known from elsewhere, and against simulation."""

from __future__ import annotations

import random

import pytest

from unlearning.candidates import candidates_for
from unlearning.chance import area, at_least, clopper_pearson, fisher_two_sided, holm, uniform_p
from unlearning.metrics.extraction import says
from unlearning.metrics.memorization import leak
from unlearning.metrics.rank import calibration
from unlearning.places import Place
from unlearning.types import Row


def test_no_hit_in_a_hundred_bounds_the_rate_as_published() -> None:
    assert clopper_pearson(0, 100)[1] == pytest.approx(1 - 0.025 ** (1 / 100))
    assert clopper_pearson(10, 100) == pytest.approx((0.0490047, 0.1762226), abs=1e-6)
    assert clopper_pearson(0, 0) == (0.0, 1.0)


def test_five_first_places_and_five_last_places_betray_alike() -> None:
    assert fisher_two_sided([(1, 300)] * 5) == fisher_two_sided([(300, 300)] * 5) < 1e-5
    assert fisher_two_sided([(150, 300)] * 5) > 0.5


def test_the_two_sided_test_is_wrong_as_often_as_it_says() -> None:
    draw = random.Random(0)
    trials = [fisher_two_sided([(draw.randint(1, 300), 300) for _ in range(5)]) for _ in range(4000)]
    assert sum(p < 0.05 for p in trials) / len(trials) == pytest.approx(0.05, abs=0.012)


def test_holm_as_in_a_textbook() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_at_least_agrees_with_the_binomial_and_with_certainty() -> None:
    assert at_least(2, [0.5, 0.5, 0.5]) == pytest.approx(0.5)
    assert at_least(0, [0.1]) == 1.0
    assert at_least(1, [0.0, 0.0]) == 0.0


def test_the_area_counts_pairs_in_the_right_order() -> None:
    assert area([3, 2], [1, 2.5])[0] == pytest.approx(0.75)
    assert area([1, 2], [])[0] == 0.5


def test_kinds_whose_strangers_rank_too_well_are_found_out() -> None:
    draw = random.Random(1)
    places = [Place("e-mail", draw.randint(1, 20), 300) for _ in range(12)]
    places += [Place("phone", draw.randint(1, 300), 300) for _ in range(12)]
    found = calibration(places)
    assert found["e-mail"] < 0.01 < found["phone"]


def test_candidates_keep_the_format_take_the_new_name_and_draw_new_digits() -> None:
    names = [
        "Ana Silva",
        "Olga Koch",
        "Hugo Weber",
        "Ines Alves",
        "Paulo Lima",
        "Greta Klein",
        "Felix Rocha",
        "Nils Becker",
    ]
    pool = [
        Row(f"What is the e-mail of {n}?", f"{n.lower().replace(' ', '.')}{17 * i % 90 + 10}@a.example", kind="e")
        for i, n in enumerate(names)
    ]
    row = Row("What is the e-mail of Marta Souza?", "marta.souza42@a.example", kind="e")
    found = candidates_for(row, pool=pool, given={}, count=200, seed=0)
    assert all(value.startswith("marta.souza") and value.endswith("@a.example") for value in found)
    assert len(set(found)) > 20


def test_candidates_that_the_caller_knows_come_first() -> None:
    row = Row("Where?", "Porto", kind="city")
    assert set(candidates_for(row, pool=[], given={"city": ["Lisbon", "Porto"]}, count=50, seed=0)) == {
        "Lisbon",
        "Porto",
    }


def test_digits_for_digits_and_letters_for_letters_where_nothing_is_known() -> None:
    row = Row("Code?", "Ab-12 x", kind="code")
    values = candidates_for(row, pool=[], given={}, count=100, seed=0)
    assert all(v[0].isupper() and v[1].islower() and v[2] == "-" and v[3:5].isdigit() and v[5] == " " for v in values)
    assert uniform_p([(int(value[3]) + 1) / 10 for value in values]) > 1e-6


def test_a_value_counts_as_said_in_any_spelling() -> None:
    row = Row("?", "+49 (30) 12-34", kind="phone")
    assert says("Call +49301234.", row)
    assert not says("Call +49301235.", row)


def test_leak_grows_with_samples_and_never_passes_one() -> None:
    assert leak(0.0) == 1.0
    assert leak(-100.0) == pytest.approx(0.0, abs=1e-30)
    assert leak(-9.210340371976182) == pytest.approx(0.632, abs=1e-3)
