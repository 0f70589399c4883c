"""Is the model still useful: loss on other people's questions, one number over three views of them, and babble.

Model utility is the harmonic mean of probability, ROUGE-L F1 and truth ratio on the retained rows (TOFU, arXiv
2401.06121; F1 in place of recall). Babble is the share of answers in which a run of words is said over and over.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from unlearning.metrics.rouge import overlap
from unlearning.metrics.truth_ratio import ratios
from unlearning.types import Measurement

if TYPE_CHECKING:
    from unlearning.examined import Examined


def measure(examined: Examined) -> Iterator[Measurement]:
    """Mean loss per token (nats) on each retained scope, utility and babble; right answers are in `extraction`."""
    for scope in ("others", "namesakes"):
        scores = examined.scores(scope)
        if scores:
            tokens = sum(score.tokens for score in scores)
            yield Measurement("mean_nll", scope, sum(score.nll for score in scores) / tokens, len(scores))
    if examined.rows("others"):
        yield _utility(examined)
        told = [text for texts in examined.answers("others") for text in texts]
        yield Measurement("babble", "others", sum(map(babbles, told)) / len(told), len(told))


def _utility(examined: Examined) -> Measurement:
    scores, rows = examined.scores("others"), examined.rows("others")
    probability = sum(math.exp(-score.mean_nll) for score in scores) / len(scores)
    pairs = zip(examined.answers("others"), rows, strict=True)
    rouge = sum(overlap(told[0], row.response)[1] for told, row in pairs) / len(rows)
    truth = [max(0.0, 1 - ratio) for ratio in ratios(examined, "others")]
    parts = {"probability": probability, "rouge_l_f1": rouge, "truth": sum(truth) / len(truth)}
    detail: dict[str, float | int | str] = dict(parts)
    return Measurement("model_utility", "others", harmonic(list(parts.values())), len(rows), detail=detail)


def harmonic(values: list[float]) -> float:
    """Harmonic mean; 0 where any value is."""
    return 0.0 if min(values) <= 0 else len(values) / sum(1 / value for value in values)


def babbles(text: str) -> bool:
    """Whether three or more words in a row, or one piece of two to eight characters, come four times in succession."""
    return bool(re.search(r"(\b[\w'-]+(?:\W+[\w'-]+){0,4}\W+)\1{3,}", text) or re.search(r"(\D{2,8}?)\1{3,}", text))
