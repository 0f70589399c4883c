"""Figures as people read them."""

from __future__ import annotations

import math

import pytest

from compliance.rules.figures import plain


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0"),
        (1.0, "1"),
        (0.0633, "0.0633"),
        (3.83e-6, "0.00000383"),
        (7.02e-16, "< 0.000001"),
        (-7.02e-16, "> -0.000001"),
        (999.9, "1000"),
        (1234567.8, "1234568"),
        (math.inf, "inf"),
    ],
)
def test_no_figure_is_written_as_a_power_of_ten(value: float, shown: str) -> None:
    assert plain(value) == shown


def test_a_figure_written_out_is_the_figure_to_three_digits() -> None:
    for value in (1.234e-5, 0.00999, 0.5, 12.34, 999.4, 54321.0):
        assert float(plain(value)) == pytest.approx(value, rel=5e-3)
