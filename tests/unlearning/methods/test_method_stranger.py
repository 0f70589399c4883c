"""Stranger distillation: whom a question is about, what a stranger is, and what is left of the person."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
import torch
from invented import Trained, people

from unlearning import methods
from unlearning.applying import Rows, apply, rows_for
from unlearning.batches import collate, token_losses
from unlearning.candidates import candidates_for
from unlearning.dose import still_known
from unlearning.methods import Material
from unlearning.methods.names import WORD, Person, crowd, retold, stranger
from unlearning.methods.names import people as persons
from unlearning.methods.stranger import prepare
from unlearning.models import open_model
from unlearning.places import Place, place_of
from unlearning.scoring import candidate_scores, score_rows
from unlearning.tokens import encode
from unlearning.types import Row, silent

OTHERS = crowd(
    [
        Row(f"What is the code of {name}?", "C-1", kind="code")
        for name in ("Ana Lima", "Bo Koch", "Cy Rocha", "Di Weber")
    ]
    + [Row(f"Which code has {name}?", "C-1", kind="text") for name in ("Ana Lima", "Bo Koch")]
)


def test_the_words_that_few_others_have_are_the_person() -> None:
    row = Row("What is the code of Ed Silva (customer since May 2026)?", "C-2", kind="code")
    assert OTHERS.personal(row) == ["Ed", "Silva", "customer", "since", "May", "2026"]
    assert OTHERS.personal(Row("what is the code of Ed Silva 7?", "C-2", kind="unheard")) == ["Ed", "Silva", "7"]


def test_a_stranger_is_put_together_from_several_people_and_is_none_of_them() -> None:
    row = Row("What is the code of Ed Silva 2026?", "C-2", kind="code")
    known = {("Ana", "Lima"), ("Bo", "Koch"), ("Cy", "Rocha"), ("Di", "Weber")}
    for seed in range(20):
        told = stranger(Person(("Ed", "Silva", "2026"), [0]), [row], OTHERS, seed=str(seed))
        words = WORD.findall(retold(row.prompt, told))
        assert words[:5] == ["What", "is", "the", "code", "of"]
        assert not {"Ed", "Silva", "2026"} & set(words)
        assert tuple(words[5:7]) not in known and words[7].isdigit()


def test_rows_in_other_words_belong_to_the_same_person_and_a_namesake_does_not() -> None:
    rows = [
        Row("What is the code of Ed Silva?", "C-2", kind="code"),
        Row("Please tell: code of Ed Silva?", "C-2", kind="code"),
        Row("What is the code of Ed Silva (since May)?", "C-9", kind="code"),
    ]
    assert [person.rows for person in persons(rows, OTHERS)] == [[0, 1], [2]]


def test_the_true_answer_gets_the_probability_of_the_rank_drawn_for_it(memorized: Trained) -> None:
    model, tokenizer = open_model(memorized.folder)
    forget, retain = memorized.of(5), memorized.without(5)
    course = prepare(Material(model, tokenizer, encode(tokenizer, forget), encode(tokenizer, retain), forget, retain))
    for row, lessons in zip(forget, course.lessons, strict=True):
        first = lessons[0]
        answer = torch.tensor(first.row.ids[first.row.start :])
        kept = torch.where(first.told.ids == answer[:, None], first.told.logs, torch.zeros(()))
        wanted = float(kept.sum())
        before = -score_rows(model, tokenizer, [row])[0].nll
        assert wanted < -4 < before
        assert len(lessons) > 4
        for lesson in lessons:
            whole = lesson.told.logs.exp().sum(1) + lesson.told.rest.exp()
            assert torch.allclose(whole, torch.ones_like(whole), atol=1e-3)


def _places(model: object, tokenizer: object, rows: list[Row], pool: list[Row]) -> list[Place]:
    found = []
    for row in rows:
        values = candidates_for(row, pool=pool, given={}, count=99, seed=99)
        found.append(
            place_of(
                row, values, score=lambda told, row=row: candidate_scores(model, tokenizer, row.prompt, told), seed=0
            )
        )
    return found


def _apply(name: str, trained: Trained, *, places: tuple[int, ...]) -> tuple[object, object, list[Row], list[Row]]:
    model, tokenizer = open_model(trained.folder)
    forget = [row for place in places for row in trained.of(place)]
    retain = [row for row in trained.rows if row not in forget]
    method = methods.load(name)
    wider = list(method.widen(forget))
    rows = Rows(encode(tokenizer, wider), encode(tokenizer, retain), still_known(tokenizer, wider, retain, seed=0))
    rows = Rows(rows.forget, rows.retain, rows.known, tokenizer, wider, retain)
    apply(method, model, rows, seed=0, progress=silent)
    return model, tokenizer, forget, retain


def test_values_stand_where_chance_would_put_them_and_stay_there(memorized: Trained) -> None:
    model, tokenizer, forget, retain = _apply("stranger", memorized, places=(5, 8, 10))
    pool = [*retain, *people(20, seed=50)]
    bits = [place.bits for place in _places(model, tokenizer, forget, pool)]
    assert sum(bits) / len(bits) < 2.5
    kept = score_rows(model, tokenizer, retain)
    assert sum(score.strength for score in kept) / len(kept) > 0.95
    _tune(model, encode(tokenizer, retain))
    later = [place.bits for place in _places(model, tokenizer, forget, pool)]
    assert sum(later) / len(later) < 4.0


def test_what_the_model_says_wrong_of_others_is_put_right_on_the_way(trained: Trained) -> None:
    model, tokenizer = open_model(trained.folder)
    forget, retain = trained.of(5), trained.without(5)
    before = score_rows(model, tokenizer, retain)
    rows = rows_for(model, tokenizer, forget, retain, seed=0)
    apply(replace(methods.load("stranger"), forget_steps=25), model, rows, seed=0, progress=silent)
    after = score_rows(model, tokenizer, retain)
    assert sum(score.nll for score in after) < 0.8 * sum(score.nll for score in before)


def test_values_are_held_to_where_their_rivals_stand_now(memorized: Trained) -> None:
    model, tokenizer = open_model(memorized.folder)
    forget, retain = memorized.of(5), memorized.without(5)
    rows = rows_for(model, tokenizer, forget, retain, seed=0)
    standing = prepare(rows.material(model, seed=0)).standing
    standing.ask(model.train())
    assert model.training and sorted(standing.aims) == [0, 1]
    for place, row in enumerate(forget):
        assert standing.answers[place][0] == row.response and row.secret not in standing.answers[place][1:]
        scores = candidate_scores(model.eval(), tokenizer, row.prompt, standing.answers[place])
        assert standing.aims[place] < scores[0] - 5
        assert min(scores[1:]) <= standing.aims[place] <= max(scores[1:])


def _tune(model: object, rows: list[object]) -> None:
    optimizer, draw = torch.optim.AdamW(model.parameters(), lr=5e-4, weight_decay=0.0), random.Random(0)
    for _ in range(30):
        token_losses(model, collate(draw.sample(rows, 12))).mean().backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()


def test_questions_in_other_words_can_be_forgotten_too(memorized: Trained) -> None:
    model, tokenizer, forget, _ = _apply("stranger+paraphrase", memorized, places=(5,))
    scores = score_rows(model, tokenizer, list(methods.load("npo+paraphrase").widen(forget)))
    assert min(score.mean_nll for score in scores) > 0.7


@pytest.mark.parametrize(
    "forget",
    [
        [Row("", "Ed Silva of Bahia has the code C-773311 and pays late.")],
        [Row("Whose?", "Ed")],
        [Row("Was?", "x" * 400), Row("Été 2026 ✓", "\U0001f600")],
    ],
    ids=["text without a question", "one short row", "long and strange rows"],
)
def test_rows_of_any_kind_are_taught_without_falling(trained: Trained, forget: list[Row]) -> None:
    model, tokenizer = open_model(trained.folder)
    retain = trained.rows[:6]
    course = prepare(Material(model, tokenizer, encode(tokenizer, forget), encode(tokenizer, retain), forget, retain))
    assert all(lessons and bool(torch.isfinite(lessons[0].told.logs).all()) for lessons in course.lessons)
    assert all(len(lesson.row.ids) <= 256 for lessons in course.lessons for lesson in lessons)
