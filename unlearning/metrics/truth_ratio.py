"""Are wrong values of the same format as likely as the true one? Truth ratio, forget quality (TOFU, arXiv 2401.06121).

The ratio of a row is the mean probability of wrong values over that of the true one, each to the power 1 / tokens; far
below 1 for what is known, about 1 for what was never learned. Forget quality is the p-value of "person and people never
seen have the same ratios" (Kolmogorov and Smirnov, two-sided). With few rows it is large whatever is true and with many
small whatever is true, so that the ranks decide and this is reported.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from scipy import stats

from unlearning.candidates import candidates_for
from unlearning.scoring import candidate_scores
from unlearning.tokens import all_answer_ids
from unlearning.types import Measurement, Row

if TYPE_CHECKING:
    from unlearning.examined import Examined

WRONG = 5
CONTROLS = 40


def measure(examined: Examined) -> Iterator[Measurement]:
    """The mean ratio of person, controls and others, and the forget quality."""
    found = {scope: ratios(examined, scope) for scope in ("person", "controls", "others")}
    for scope, values in found.items():
        if values:
            yield Measurement("truth_ratio", scope, sum(values) / len(values), len(values))
    yield forget_quality(found["person"], found["controls"])


def forget_quality(person: Sequence[float], controls: Sequence[float]) -> Measurement:
    """P-value of equal distributions, with the distance and the smallest p-value that as few rows could give."""
    n, m = len(person), len(controls)
    if not n or not m:
        return Measurement("forget_quality", "person", 1.0, n, verdict="not enough power")
    test = stats.ks_2samp(person, controls)
    smallest = float(stats.ks_2samp([0.0] * n, [1.0] * m).pvalue)
    detail: dict[str, float | int | str] = {"distance": float(test.statistic), "smallest_possible_p": smallest}
    verdict = "" if smallest < 0.01 else "not enough power"
    return Measurement("forget_quality", "person", float(test.pvalue), n, verdict=verdict, detail=detail)


def ratios(examined: Examined, scope: str) -> list[float]:
    """The ratio of each of the rows that are asked about."""
    rows = _spread(examined.rows(scope))
    found: list[float] = examined.once(("truth_ratio", scope), lambda: [_ratio(examined, row) for row in rows])
    return found


def _spread(rows: Sequence[Row]) -> Sequence[Row]:
    """At most CONTROLS rows, evenly from the list, so that every kind has its share."""
    return rows if len(rows) <= CONTROLS else [rows[place * len(rows) // CONTROLS] for place in range(CONTROLS)]


def _ratio(examined: Examined, row: Row) -> float:
    pool = (*examined.facts.others, *examined.facts.controls, *examined.pool)
    given = examined.facts.candidates
    drawn = candidates_for(row, pool=pool, given=given, count=4 * WRONG, seed=examined.seed + 1)
    wrong = [value for value in dict.fromkeys(drawn) if value != row.secret][:WRONG]
    responses = [row.response, *(row.response.replace(row.secret, value) for value in wrong)]
    lengths = [len(ids) for ids in all_answer_ids(examined.tokenizer, responses)]
    scores = candidate_scores(examined.model, examined.tokenizer, row.prompt, responses, head=examined.head)
    normed = [math.exp(score / length) for score, length in zip(scores, lengths, strict=True)]
    return sum(normed[1:]) / max(1, len(wrong)) / max(normed[0], 1e-12)
