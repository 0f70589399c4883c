"""One model under examination: what several metrics need is computed once and kept here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from unlearning.answering import answers, sampled, seed_of
from unlearning.candidates import candidates_for
from unlearning.errors import RowsError
from unlearning.places import Place, place_of
from unlearning.scoring import RowScore, candidate_scores, score_rows
from unlearning.tokens import all_answer_ids
from unlearning.types import PersonFacts, Row

SCOPES = ("person", "controls", "namesakes", "others")
Wording = Callable[[Row], Sequence[str]]


def check_facts(facts: PersonFacts, *, doing: str, compared: bool = True) -> None:
    """Raise RowsError unless there is somebody to ask about, and nobody is called never seen who is asked about."""
    if not facts.person or (compared and not facts.controls):
        raise RowsError(f"{doing}: rows of the person and of never-seen controls are both needed")
    asked = {(row.prompt, row.response) for row in facts.person}
    if asked & {(row.prompt, row.response) for row in facts.controls}:
        raise RowsError(f"{doing}: a row of the person is among the never-seen controls; take it off one list")


@dataclass(frozen=True)
class Examined:
    """One model under examination, with its answers, scores and ranks kept per scope.

    A value of the person is ranked among `candidates`, one of a control among `control_candidates`, of `calibration`
    controls of each kind. `drawn` is how many answers are drawn for each row instead of the likeliest one; `given` is
    the share of each answer that is put into the model's mouth; `wording` turns a row into the prompts that an attacker
    would use for it (the row's own, where there is none); `head` are ids that stand before every prompt; `pool` holds
    further rows that candidates are modelled on; `reference` is another model of the same vocabulary that never saw the
    person. An attack that must be judged on facts which it did not use is several examinations of other rows each:
    `parts`.
    """

    model: Any
    tokenizer: Any
    facts: PersonFacts
    seed: int = 0
    candidates: int = 300
    control_candidates: int = 60
    calibration: int = 24
    given: float = 0.0
    drawn: int = 0
    wording: Wording | None = None
    head: tuple[int, ...] = ()
    pool: tuple[Row, ...] = ()
    reference: Any = None
    parts: tuple[Examined, ...] = ()
    kept: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    def rows(self, scope: str) -> tuple[Row, ...]:
        if self.parts:
            return tuple(row for part in self.parts for row in part.rows(scope))
        rows: tuple[Row, ...] = getattr(self.facts, scope)
        return rows

    def once(self, name: Any, work: Callable[[], Any]) -> Any:
        """The result of `work`, done at most once under this name."""
        if name not in self.kept:
            self.kept[name] = work()
        return self.kept[name]

    def scores(self, scope: str) -> list[RowScore]:
        """Teacher-forced scores of the scope's rows, under the wording that makes each answer likeliest."""
        if self.parts:
            return [score for part in self.parts for score in part.scores(scope)]
        found: list[RowScore] = self.once(("scores", scope), lambda: self._scored(self.rows(scope)))
        return found

    def answers(self, scope: str) -> list[tuple[str, ...]]:
        """Greedy answers to each of the scope's rows, one for each of its prompts."""
        if self.parts:
            return [told for part in self.parts for told in part.answers(scope)]
        found: list[tuple[str, ...]] = self.once(("answers", scope), lambda: self._answered(self.rows(scope)))
        return found

    def places(self, scope: str) -> list[Place]:
        """Ranks of the values of the scope's rows; of controls, of as many of each kind as are needed."""
        if self.parts:
            return [place for part in self.parts for place in part.places(scope)]
        rows = self.rows(scope) if scope == "person" else self._some_of_each_kind(scope)
        count = self.candidates if scope == "person" else min(self.candidates, self.control_candidates)
        found: list[Place] = self.once(("places", scope), lambda: self.ranked(rows, count=count))
        return found

    def ranked(self, rows: Sequence[Row], *, count: int = 0) -> list[Place]:
        """Ranks of any rows' values among `count` (as many as a person's are ranked among)."""
        return [self._place(row, count or self.candidates) for row in rows]

    def ask(self, prompts: Sequence[str], *, rows: Sequence[Row] = (), given: float = 0.0) -> list[str]:
        """Greedy answers to any prompts; with `rows`, the first share of each row's response is given."""
        share = given or self.given
        starts = [row.response[: max(1, int(len(row.response) * share))] for row in rows] if share else []
        return answers(self.model, self.tokenizer, prompts, starts=starts, head=self.head, longest=self.longest())

    def prompts(self, row: Row) -> tuple[str, ...]:
        """What is asked about the row."""
        return tuple(self.wording(row)) if self.wording else (row.prompt,)

    def longest(self) -> int:
        """Tokens that an answer may take: those of the longest true one, and some for the words around it."""

        def count() -> int:
            responses = [row.response for scope in SCOPES for row in self.rows(scope)]
            return 8 + min(128, max(map(len, all_answer_ids(self.tokenizer, responses)), default=0))

        tokens: int = self.once("longest", count)
        return tokens + (16 if self.wording else 0)

    def with_model(self, model: Any) -> Examined:
        """The same examination of another model."""
        return replace(self, model=model, kept={})

    def _scored(self, rows: Sequence[Row]) -> list[RowScore]:
        asked = [(place, replace(row, prompt=text)) for place, row in enumerate(rows) for text in self.prompts(row)]
        scores = score_rows(self.model, self.tokenizer, [row for _, row in asked], head=self.head)
        best: dict[int, RowScore] = {}
        for (place, _), score in zip(asked, scores, strict=True):
            if place not in best or score.nll < best[place].nll:
                best[place] = score
        return [best[place] for place in range(len(rows))]

    def _answered(self, rows: Sequence[Row]) -> list[tuple[str, ...]]:
        if self.drawn:
            return [self._drawn(row) for row in rows]
        asked = [(place, row, text) for place, row in enumerate(rows) for text in self.prompts(row)]
        told = self.ask([text for *_, text in asked], rows=[row for _, row, _ in asked])
        found: list[list[str]] = [[] for _ in rows]
        for (place, *_), text in zip(asked, told, strict=True):
            found[place].append(text)
        return [tuple(texts) for texts in found]

    def _drawn(self, row: Row) -> tuple[str, ...]:
        """Answers drawn from the model; the wordings take turns."""
        prompts, found = self.prompts(row), []
        for place, prompt in enumerate(prompts):
            count = self.drawn // len(prompts) + (place < self.drawn % len(prompts))
            seed = seed_of(self.seed, row.prompt, place)
            longest = self.longest()
            found += sampled(
                self.model, self.tokenizer, prompt, count=count, seed=seed, head=self.head, longest=longest
            )
        return tuple(found)

    def _place(self, row: Row, count: int) -> Place:
        """The rank under one of the row's wordings; which one depends on the row, so that all are used."""
        known = (*self.facts.others, *self.facts.controls, *self.facts.namesakes, *self.pool)
        given = self.facts.candidates
        values = candidates_for(row, pool=known, given=given, count=count - 1, seed=self.seed)
        prompts = self.prompts(row)
        asked = prompts[sum(row.prompt.encode()) % len(prompts)]

        def score(responses: Sequence[str]) -> list[float]:
            return candidate_scores(self.model, self.tokenizer, asked, responses, head=self.head)

        return place_of(row, values, score=score, seed=self.seed)

    def _some_of_each_kind(self, scope: str) -> list[Row]:
        """The first rows of each kind, as many as the examination affords."""
        taken: Counter[str] = Counter()
        rows = []
        for row in self.rows(scope):
            taken[row.kind] += 1
            if taken[row.kind] <= self.calibration:
                rows.append(row)
        return rows
