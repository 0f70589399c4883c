"""What an editor is given: where in a question its subject ends, and what is to be answered instead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from unlearning.errors import RowsError
from unlearning.languages import subject_of
from unlearning.targets.make import targets_for
from unlearning.tokens import all_answer_ids, prompt_ids
from unlearning.types import Row


@dataclass(frozen=True)
class Fact:
    """A question as ids, the place of its subject's last token, the new answer's first ids, and the old one's."""

    ids: tuple[int, ...]
    place: int
    new: tuple[int, ...]
    old: tuple[int, ...]


def facts_from(rows: Sequence[Row], *, tokenizer: Any, context: Sequence[Row], longest: int) -> list[Fact]:
    """A fact for each row; the new answer is the template's refusal, cut to `longest` ids. Raises RowsError."""
    targets = targets_for(rows, context=context)
    news = all_answer_ids(tokenizer, [target.refusal for target in targets])
    olds = all_answer_ids(tokenizer, [row.response for row in rows])
    found = []
    for row, new, old in zip(rows, news, olds, strict=True):
        if not row.prompt:
            raise RowsError("editing: a row has no question; editing needs `prompt` and `response`")
        ids = prompt_ids(tokenizer, row.prompt)
        place = _end_of_subject(tokenizer, ids, subject_of(row, alike=tuple(context)))
        found.append(Fact(tuple(ids), place, tuple(new[:longest]), tuple(old[:longest])))
    return found


def _end_of_subject(tokenizer: Any, ids: Sequence[int], subject: str) -> int:
    """The place of the token in which the subject's last letter stands; the question's last where it is not found."""
    text, ends = "", []
    for token in range(len(ids)):
        text = tokenizer.decode(ids[: token + 1])
        ends.append(len(text))
    start = text.rfind(subject)
    if start < 0:
        return len(ids) - 1
    return next(place for place, end in enumerate(ends) if end >= start + len(subject))


def rectangle(facts: Sequence[Fact], answers: Sequence[Sequence[int]]) -> tuple[Any, Any]:
    """Questions with answers as ids `(row, time)`, and the targets of the answers with -100 elsewhere."""
    width = max(len(fact.ids) + len(answer) for fact, answer in zip(facts, answers, strict=True))
    ids = torch.zeros((len(facts), width), dtype=torch.long)
    wanted = torch.full((len(facts), width), -100, dtype=torch.long)
    for row, (fact, answer) in enumerate(zip(facts, answers, strict=True)):
        whole = [*fact.ids, *answer]
        ids[row, : len(whole)] = torch.tensor(whole)
        wanted[row, len(fact.ids) - 1 : len(whole) - 1] = torch.tensor(list(answer))
    return ids, wanted
