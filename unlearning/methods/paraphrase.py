"""Add-on: the questions to be forgotten in other words too (syntactic diversification, arXiv 2602.03379).

A row's own paraphrases are used where it has them; else its question is put into a few frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from unlearning.methods import Method
from unlearning.types import Row

FRAMES = ("Please tell me: {0}", "{0} Answer with the value only.", "I have to know this. {0}")


def worded(rows: Sequence[Row]) -> list[Row]:
    """The rows, and each again in every other wording; rows without a question stay alone."""
    others = [replace(row, prompt=text) for row in rows for text in wordings(row)]
    return [*rows, *others]


def wordings(row: Row) -> tuple[str, ...]:
    """Other wordings of a row's question."""
    if not row.prompt:
        return ()
    return row.paraphrases or tuple(frame.format(row.prompt) for frame in FRAMES)


def add(method: Method) -> Method:
    """The method with more forget rows; each step takes more of them."""
    return replace(method, widen=lambda rows: worded(method.widen(rows)))
