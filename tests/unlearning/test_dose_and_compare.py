"""Not too much and not too little: how far a value is pushed down, and what other people's answers it may cost."""

from __future__ import annotations

from pathlib import Path

import pytest
from invented import Trained

from unlearning.compare import compare
from unlearning.dose import still_known
from unlearning.errors import RowsError
from unlearning.forecast import forecast
from unlearning.models import digest, open_model
from unlearning.places import Place


def test_a_value_at_the_end_of_the_list_is_as_exposed_as_one_at_its_top() -> None:
    last = Place("phone", 300, 300)
    assert last.bits == 0
    assert last.reversed.bits == Place("phone", 1, 300).bits > 8


def test_rows_known_by_heart_are_still_known_and_invented_ones_are_not(memorized: Trained) -> None:
    model, tokenizer = open_model(memorized.folder)
    mine, rest = memorized.of(11), memorized.without(11)
    assert still_known(tokenizer, mine, rest, seed=0)(model) == list(range(len(mine)))
    strangers = [type(row)(row.prompt, "zzzz qqqq", kind="other") for row in mine]
    assert still_known(tokenizer, strangers, rest, seed=0)(model) == []


def test_a_model_that_knows_less_is_counted_beside_the_one_before(memorized: Trained, trained: Trained) -> None:
    rows = memorized.without(11)
    same = compare(memorized.folder, before=memorized.folder, rows=rows)
    assert (same.answered, same.drop) == (same.answered_before, 0.0)
    assert compare(trained.folder, before=memorized.folder, rows=rows).drop > 0.5


def test_a_forecast_tells_a_model_that_knows_its_rows_from_one_that_does_not_and_changes_neither(
    memorized: Trained, trained: Trained
) -> None:
    gone, kept = memorized.of(11), memorized.without(11)
    before = digest(memorized.folder)
    knows = forecast(memorized.folder, forget=gone, retain=kept, questions=20)
    hardly = forecast(trained.folder, forget=gone, retain=kept, questions=20)
    assert knows.asked == hardly.asked == 20 and knows.answered > 15 > hardly.answered
    assert knows.seconds > 0 and digest(memorized.folder) == before
    with pytest.raises(RowsError):
        forecast(memorized.folder, forget=gone, retain=[])


def test_comparing_without_rows_is_refused(trained: Trained, tmp_path: Path) -> None:
    with pytest.raises(RowsError):
        compare(trained.folder, before=trained.folder, rows=[])
