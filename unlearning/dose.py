"""When is a row forgotten enough: as soon as its value is no likelier than values that could have stood there.

Pushing further does not hide the value: it ends at the bottom of the list, and who reads the list from its end finds it
(the rank test is two-sided for this reason; "over-unlearning", arXiv 2407.06460). So ascent leaves a row alone once its
value ranks in the lower half of values of the same format, and takes it up again when healing brings it back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from unlearning.candidates import candidates_for
from unlearning.scoring import candidate_scores
from unlearning.types import Row

RIVALS = 24
SHARE = 0.75  # a step goes on past the point at which it is stopped, so it is stopped before the middle
StillKnown = Callable[[Any], list[int]]


def still_known(tokenizer: Any, forget: Sequence[Row], retain: Sequence[Row], *, seed: int) -> StillKnown:
    """A question to the model as it is now: which rows' values still rank in the upper half of their rivals."""
    rivals = [_responses(row, retain, seed) for row in forget]

    def ask(model: Any) -> list[int]:
        return [index for index, row in enumerate(forget) if _likely(model, tokenizer, row, rivals[index])]

    return ask


def _responses(row: Row, retain: Sequence[Row], seed: int) -> list[str]:
    """The row's own response, then those of its rivals, all different."""
    values = candidates_for(row, pool=retain, given={}, count=RIVALS, seed=seed)
    others = [row.response.replace(row.secret, value) for value in values if value != row.secret]
    return [row.response, *dict.fromkeys(others)]


def _likely(model: Any, tokenizer: Any, row: Row, responses: Sequence[str]) -> bool:
    mine, *others = candidate_scores(model, tokenizer, row.prompt, responses)
    return not others or sum(mine > other for other in others) > SHARE * len(others)
