"""Verb `evaluate`: run metrics over one model; what several metrics need is computed once."""

from __future__ import annotations

from collections.abc import Sequence

from unlearning import metrics
from unlearning.examined import Examined
from unlearning.types import Measurement, Progress, silent


def evaluate(examined: Examined, *, names: Sequence[str] = (), progress: Progress = silent) -> tuple[Measurement, ...]:
    """The named metrics (all, when none is named), in the table's order."""
    found: list[Measurement] = []
    chosen = tuple(names) or tuple(metrics.TABLE)
    for place, name in enumerate(chosen):
        progress(place / len(chosen), f"measuring {name.replace('_', ' ')}")
        found.extend(metrics.load(name)(examined))
    progress(1.0, "measured")
    return tuple(found)
