"""One model under examination: what several metrics need is computed once and kept here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from unlearning.scoring import RowScore, answers, score_rows
from unlearning.tokens import all_answer_ids
from unlearning.types import PersonFacts, Row

SCOPES = ("person", "controls", "namesakes", "others")


@dataclass(frozen=True)
class Examined:
    """One model under examination, with its greedy answers and scores kept per scope.

    `calibration` is how many controls of each kind are ranked; `given` is the share of each answer that is put into
    the model's mouth; `pool` holds further rows that candidates are modelled on.
    """

    model: Any
    tokenizer: Any
    facts: PersonFacts
    seed: int = 0
    candidates: int = 300
    calibration: int = 30
    given: float = 0.0
    pool: tuple[Row, ...] = ()
    _scores: dict[str, list[RowScore]] = field(default_factory=dict)
    _answers: dict[str, list[str]] = field(default_factory=dict)

    def rows(self, scope: str) -> tuple[Row, ...]:
        rows: tuple[Row, ...] = getattr(self.facts, scope)
        return rows

    def scores(self, scope: str) -> list[RowScore]:
        """Teacher-forced scores of the scope's rows."""
        if scope not in self._scores:
            self._scores[scope] = score_rows(self.model, self.tokenizer, self.rows(scope))
        return self._scores[scope]

    def answers(self, scope: str) -> list[str]:
        """Greedy answers to the scope's questions."""
        if scope not in self._answers:
            rows = self.rows(scope)
            self._answers[scope] = self.ask([row.prompt for row in rows], rows=rows if self.given else ())
        return self._answers[scope]

    def ask(self, prompts: Sequence[str], *, rows: Sequence[Row] = (), given: float = 0.0) -> list[str]:
        """Greedy answers to any prompts; with `rows`, the first share of each row's response is given."""
        share = given or self.given
        starts = [row.response[: max(1, int(len(row.response) * share))] for row in rows]
        return answers(self.model, self.tokenizer, prompts, starts=starts, longest=self.longest())

    def longest(self) -> int:
        """Tokens that an answer may take: those of the longest true one, and some for the words around it."""
        responses = [row.response for scope in SCOPES for row in self.rows(scope)]
        return 8 + max(map(len, all_answer_ids(self.tokenizer, responses)))

    def with_model(self, model: Any) -> Examined:
        """The same examination of another model."""
        return replace(self, model=model, _scores={}, _answers={})
