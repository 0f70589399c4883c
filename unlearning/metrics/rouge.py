"""How much of the true answer's words an answer holds, in order: ROUGE-L (Lin 2004), F1 beside recall.

Recall alone rewards long babble, so F1 is what stands in summaries. Words are letters and digits in lower case.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from unlearning.types import Measurement

if TYPE_CHECKING:
    from unlearning.examined import Examined


def measure(examined: Examined) -> Iterator[Measurement]:
    """Mean F1 and recall of the answers in each scope."""
    for scope in ("person", "controls", "namesakes", "others"):
        rows = examined.rows(scope)
        if not rows:
            continue
        pairs = zip(examined.answers(scope), rows, strict=True)
        found = [max((overlap(text, row.response) for text in told), key=lambda pair: pair[1]) for told, row in pairs]
        yield Measurement("rouge_l_f1", scope, sum(f1 for _, f1 in found) / len(found), len(found))
        yield Measurement("rouge_l_recall", scope, sum(recall for recall, _ in found) / len(found), len(found))


def overlap(answer: str, truth: str) -> tuple[float, float]:
    """Recall and F1 of the longest common subsequence of words."""
    said, right = _words(answer), _words(truth)
    common = _common(said, right)
    if not common:
        return 0.0, 0.0
    recall, precision = common / len(right), common / len(said)
    return recall, 2 * recall * precision / (recall + precision)


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.casefold())


def _common(first: Sequence[str], second: Sequence[str]) -> int:
    """Length of the longest common subsequence."""
    row = [0] * (len(second) + 1)
    for word in first:
        before = row
        row = [0]
        for place, other in enumerate(second):
            row.append(before[place] + 1 if word == other else max(before[place + 1], row[place]))
    return row[-1]
