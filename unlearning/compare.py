"""Verb `compare`: does a new model still answer what the old one answered, on rows that both should know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from unlearning.errors import RowsError
from unlearning.examined import Examined
from unlearning.metrics.extraction import says
from unlearning.models import open_model, pin
from unlearning.types import PersonFacts, Progress, Row, silent


@dataclass(frozen=True)
class Compared:
    """How many of `asked` rows each model answers with the true value, greedily; holds no value itself."""

    asked: int
    answered: int
    answered_before: int

    @property
    def drop(self) -> float:
        """Share of all questions that is answered no more; negative when more are answered."""
        return (self.answered_before - self.answered) / self.asked


def compare(
    model_dir: Path, *, before: Path, rows: Sequence[Row], threads: int = 1, progress: Progress = silent
) -> Compared:
    """Ask both models the same rows; raises RowsError without rows, ModelError for a folder that cannot be opened."""
    if not rows:
        raise RowsError("comparing two models: rows to ask about are needed")
    pin(threads)
    old = answered(before, rows)
    progress(0.5, "asked the model before")
    new = answered(model_dir, rows)
    progress(1.0, "asked the new model")
    return Compared(len(rows), new, old)


def answered(folder: Path, rows: Sequence[Row]) -> int:
    """How many of the rows the model in a folder answers with the true value, greedily."""
    model, tokenizer = open_model(folder)
    examined = Examined(model, tokenizer, PersonFacts(person=(), controls=(), others=tuple(rows)))
    return sum(says(told[0], row) for told, row in zip(examined.answers("others"), rows, strict=True))
