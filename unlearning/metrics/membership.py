"""Can an attacker tell the person's rows from rows never trained on? Loss and Min-K%++ (arXiv 2404.02936) as scores.

Valid only because the controls come from the same distribution. The standard error is that of no difference; one
person has few rows, so the measurement says itself when it cannot support a claim.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from unlearning.chance import area
from unlearning.types import Measurement

if TYPE_CHECKING:
    from unlearning.examined import Examined

ENOUGH = 0.65  # an area that a sufficient test would detect (80 % power at 5 %: 2.8 standard errors)


def measure(examined: Examined) -> Iterator[Measurement]:
    """Area under the curve of each score, person against controls."""
    person, controls = examined.scores("person"), examined.scores("controls")
    yield _against("membership_loss_auc", [-s.mean_nll for s in person], [-s.mean_nll for s in controls])
    yield _against("membership_min_k_auc", [s.min_k for s in person], [s.min_k for s in controls])


def _against(name: str, person: list[float], controls: list[float]) -> Measurement:
    value, error = area(person, controls)
    detectable = min(1.0, 0.5 + 2.8 * error)
    detail: dict[str, float | int | str] = {
        "standard_error": error,
        "detectable": detectable,
        "controls": len(controls),
    }
    verdict = "" if detectable <= ENOUGH else "not enough power"
    low, high = max(0.0, value - 1.96 * error), min(1.0, value + 1.96 * error)
    return Measurement(name, "person", value, len(person), low, high, verdict=verdict, detail=detail)
