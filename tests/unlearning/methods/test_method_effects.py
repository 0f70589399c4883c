"""What each method does to a model that knows twelve people by heart, one of whom is to be forgotten."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from invented import Trained

from unlearning import methods
from unlearning.answering import answers
from unlearning.applying import Rows, apply
from unlearning.dose import still_known
from unlearning.methods.refusal import ANSWERS
from unlearning.models import open_model
from unlearning.scoring import score_rows
from unlearning.tokens import encode
from unlearning.types import silent

FORGETTING = ("alternating_wga", "stranger", "npo", "soft_target", "undial", "gradient_difference")
DEAR = [pytest.param(name, marks=pytest.mark.slow) for name in ("simnpo", "max_entropy", "undo")]


@pytest.fixture(scope="module")
def after(memorized: Trained) -> Any:
    """The model after a method, made once for all tests."""

    @cache
    def model_after(name: str) -> tuple[Any, Any]:
        model, tokenizer = open_model(memorized.folder)
        forget, retain = memorized.of(5), memorized.without(5)
        method = methods.load(name)
        if method.retain_steps == 0 and method.rounds == 1:
            method = replace(method, forget_steps=min(method.forget_steps, 100))
        rows = Rows(
            encode(tokenizer, forget), encode(tokenizer, retain), still_known(tokenizer, forget, retain, seed=0)
        )
        rows = replace(rows, tokenizer=tokenizer, forget_rows=forget, retain_rows=retain)
        apply(method, model, rows, seed=0, progress=silent)
        return model, tokenizer

    return model_after


def _losses(made: tuple[Any, Any], trained: Trained) -> tuple[float, float]:
    """The forgotten rows' smallest mean loss, the others' mean."""
    model, tokenizer = made
    gone, kept = score_rows(model, tokenizer, trained.of(5)), score_rows(model, tokenizer, trained.without(5))
    return min(score.mean_nll for score in gone), sum(score.mean_nll for score in kept) / len(kept)


@pytest.mark.parametrize("name", [*FORGETTING, *DEAR])
def test_the_value_becomes_unlikely_and_the_others_stay(memorized: Trained, after: Any, name: str) -> None:
    gone, kept = _losses(after(name), memorized)
    assert gone > 0.6
    assert kept < 0.5 * gone


def test_ascent_alone_costs_the_others_more_than_ascent_with_retention(memorized: Trained, after: Any) -> None:
    alone, beside = _losses(after("gradient_ascent"), memorized), _losses(after("gradient_difference"), memorized)
    assert alone[0] > 0.1
    assert alone[1] / alone[0] > beside[1] / beside[0]


def test_a_refusal_is_learned_and_the_value_is_still_there_behind_it(memorized: Trained, after: Any) -> None:
    model, tokenizer = after("idk")
    rows = memorized.of(5)
    said = answers(model, tokenizer, [row.prompt for row in rows])
    assert any(text.startswith(tuple(answer[:5] for answer in ANSWERS)) for text in said)
    starts = [row.response[: len(row.response) // 2] for row in rows]
    finished = answers(model, tokenizer, [row.prompt for row in rows], starts=starts)
    assert any(row.response in text for row, text in zip(rows, finished, strict=True))


@pytest.mark.parametrize("name", ["jensun", "dpo"])
def test_the_refusal_gains_on_the_answer(memorized: Trained, after: Any, name: str) -> None:
    model, tokenizer = after(name)
    before, _ = open_model(memorized.folder)
    rows = memorized.of(5)
    refusing = [replace(row, response=ANSWERS[0]) for row in rows]

    def margin(asked: Any) -> float:
        won, lost = score_rows(asked, tokenizer, refusing), score_rows(asked, tokenizer, rows)
        return sum(score.nll for score in lost) - sum(score.nll for score in won)

    assert margin(model) > margin(before) + 5


def test_negation_goes_no_further_than_the_others_bear(memorized: Trained, after: Any) -> None:
    before, kept = _losses(open_model(memorized.folder), memorized)
    gone, later = _losses(after("task_vector"), memorized)
    assert gone > before
    assert later < kept + 0.15


def test_steering_moves_forgotten_answers_further_than_others(memorized: Trained, after: Any) -> None:
    before = _losses(open_model(memorized.folder), memorized)
    gone, kept = _losses(after("rmu"), memorized)
    assert gone - before[0] > kept - before[1]
