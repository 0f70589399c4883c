"""Is the model still useful: loss on other people's questions, and on those of people with the same name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from unlearning.types import Measurement

if TYPE_CHECKING:
    from unlearning.examined import Examined


def measure(examined: Examined) -> Iterator[Measurement]:
    """Mean loss per token (nats) on each retained scope; rates of right answers are in `extraction`."""
    for scope in ("others", "namesakes"):
        scores = examined.scores(scope)
        if scores:
            tokens = sum(score.tokens for score in scores)
            yield Measurement("mean_nll", scope, sum(score.nll for score in scores) / tokens, len(scores))
