"""Probabilities are exact, whatever the batch, the padding or the cache."""

from __future__ import annotations

import pytest
import torch
from invented import Trained
from transformers import GPT2Config, GPT2LMHeadModel

from unlearning.answering import answers
from unlearning.models import open_model
from unlearning.scoring import candidate_scores, score_rows
from unlearning.tokens import answer_ids, prompt_ids
from unlearning.types import Row


def test_scores_in_a_batch_equal_one_full_forward_pass_each(trained: Trained) -> None:
    model, tokenizer = open_model(trained.folder)
    rows = [*trained.rows[:5], Row("Why?", "Because it is so, and it was always so.", key="x")]
    for row, score in zip(rows, score_rows(model, tokenizer, rows), strict=True):
        head, tail = prompt_ids(tokenizer, row.prompt), answer_ids(tokenizer, row.response)
        with torch.no_grad():
            logs = torch.log_softmax(model(torch.tensor([head + tail])).logits[0], dim=-1)
        expected = -sum(float(logs[len(head) - 1 + place, token]) for place, token in enumerate(tail))
        assert score.nll == pytest.approx(expected, rel=1e-4)
        assert score.tokens == len(tail)


def test_candidates_after_a_cached_prompt_score_as_without_the_cache(trained: Trained) -> None:
    model, tokenizer = open_model(trained.folder)
    prompt, values = trained.rows[0].prompt, ["C-1", "+49 30 1234567", "a", "C-999999"]
    cached = candidate_scores(model, tokenizer, prompt, values)
    plain = [-score.nll for score in score_rows(model, tokenizer, [Row(prompt, value) for value in values])]
    assert cached == pytest.approx(plain, rel=1e-4)


def test_answers_longer_than_the_model_sees_are_cut_before_they_are_begun(trained: Trained) -> None:
    _, tokenizer = open_model(trained.folder)
    config = GPT2Config(vocab_size=len(tokenizer), n_embd=16, n_layer=1, n_head=2, n_positions=24, resid_pdrop=0.0)
    model = GPT2LMHeadModel(config).eval()
    values = ["x y " * 40 + "1", "x y " * 40 + "2", "x z " * 40]
    found = candidate_scores(model, tokenizer, "What is it?", values)
    plain = [-score.nll for score in score_rows(model, tokenizer, [Row("What is it?", value) for value in values])]
    assert found == pytest.approx(plain, rel=1e-4)


def test_a_value_known_by_heart_is_answered_and_completes_itself(memorized: Trained) -> None:
    model, tokenizer = open_model(memorized.folder)
    told = answers(model, tokenizer, [row.prompt for row in memorized.rows])
    right = [text == row.response for text, row in zip(told, memorized.rows, strict=True)]
    assert sum(right) / len(right) >= 0.95
    for score, hit in zip(score_rows(model, tokenizer, memorized.rows), right, strict=True):
        assert (score.strength == 1.0) == hit, "greedy decoding and teacher forcing must agree"


def test_an_answer_is_the_same_alone_and_in_company(memorized: Trained) -> None:
    model, tokenizer = open_model(memorized.folder)
    prompts = ["Why?", *(row.prompt for row in memorized.rows)]
    together = answers(model, tokenizer, prompts)
    assert together == [answers(model, tokenizer, [prompt])[0] for prompt in prompts]
