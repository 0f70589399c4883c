"""A model that cannot see the whole of a row: silence about the rest is not called an absence."""

from __future__ import annotations

from typing import Any

import pytest

from compliance.rules.terms import Verdict
from compliance.rules.thresholds import Threshold
from compliance.validation.checks import model_audit
from compliance.validation.readings import Subject

LIMIT = Threshold("rank_test_p", "at_least", 0.05, "p-value", "the true values rank like random ones")


def row(value: float) -> dict[str, Any]:
    return {"value": value, "n": 5, "low": None, "high": None, "detail": {}, "verdict": ""}


def rank_test(p: float, cut: float | None) -> Any:
    """The rank test's reading, of a model that told the person's values clearly before."""
    after = {
        (name, who): row(0.5)
        for name in ("exposure_bits", "exposure_bits_reversed", "membership_loss_auc")
        for who in ("person", "controls")
    }
    after |= {
        ("rank_p", "person"): row(p),
        ("leak_at_10000", "person"): {**row(0.0), "detail": {"largest of city": 0.0}},
    }
    if cut is not None:
        after["rows_cut", "person"] = row(cut)
    limits = {"rank_test_p": LIMIT}
    subject = Subject(request=None, plan=None, artifact=None, search=None, limits=limits, progress=None)  # type: ignore[arg-type]
    found = list(model_audit._judged(subject, after, {("rank_p", "person"): row(1e-6)}))
    return next(reading for reading in found if reading.name == "rank_test_p")


@pytest.mark.parametrize(
    ("p", "cut", "verdict"),
    [
        (0.4, None, Verdict.PASSED),
        (0.4, 2.0, Verdict.INCONCLUSIVE),
        (0.001, 2.0, Verdict.FAILED),
        (0.001, None, Verdict.FAILED),
    ],
)
def test_a_silent_test_of_rows_that_were_cut_has_no_power_and_a_firing_one_still_fails(
    p: float, cut: float | None, verdict: Verdict
) -> None:
    reading = rank_test(p, cut)
    assert reading.verdict == verdict
    assert reading.detail.get("rows_cut") == cut
