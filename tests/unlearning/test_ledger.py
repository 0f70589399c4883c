"""The recorded run repeats, and gives nobody away."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from invented import Trained

from unlearning.errors import LedgerError, OutputExists, RowsError
from unlearning.ledger import Ledger, has_ledger
from unlearning.models import open_tokenizer, weights_digest
from unlearning.schedule import program
from unlearning.training import train


def test_the_ledger_holds_no_key_question_or_value_in_clear(trained: Trained) -> None:
    texts = [text for row in trained.rows for text in (row.key, row.prompt, row.response)]
    for path in (trained.folder / "ledger").rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        assert not [text for text in texts if text.encode() in content], path.name


def test_the_vocabulary_holds_no_value_and_spells_numbers_digit_by_digit(trained: Trained) -> None:
    tokenizer = open_tokenizer(trained.folder)
    words = tokenizer.get_vocab()
    assert not [row for row in trained.rows if row.response in words]
    assert not [word for word in words if sum(char.isdigit() for char in word) > 1]
    assert tokenizer.decode(tokenizer("+49 30 0000123")["input_ids"]) == "+49 30 0000123"


def test_the_key_is_readable_by_its_owner_only(trained: Trained) -> None:
    mode = (trained.folder / "ledger" / "key").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_the_same_program_gives_the_same_bytes_and_another_seed_does_not(trained: Trained, tmp_path: Path) -> None:
    from dataclasses import replace

    tokenizer = open_tokenizer(trained.folder)
    same = train(trained.rows, out=tmp_path / "same", plan=trained.plan, tokenizer=tokenizer)
    other = train(trained.rows, out=tmp_path / "other", plan=replace(trained.plan, seed=1), tokenizer=tokenizer)
    assert same.weights_digest == weights_digest(trained.folder)
    assert other.weights_digest != same.weights_digest


def test_nobodys_place_depends_on_who_else_is_there(trained: Trained) -> None:
    names = {row.key: row.key for row in trained.rows}
    gone = {row.key for row in trained.of(3)}
    whole = program(trained.rows, plan=trained.plan, names=names)
    rest = program(trained.without(3), plan=trained.plan, names=names)
    assert [step.rows for step in rest] == [tuple(key for key in step.rows if key not in gone) for step in whole]


def test_each_row_of_a_stage_is_seen_once_an_epoch_and_nobody_of_stage_two_before(trained: Trained) -> None:
    ledger = Ledger(trained.folder / "ledger")
    late = set(ledger.hashed(row.key for row in trained.rows if row.stage == 2))
    first = [step for step in ledger.steps() if step.stage == 1]
    shown = [name for step in first for name in step.rows]
    assert not late.intersection(shown)
    assert {shown.count(name) for name in shown} == {trained.plan.stages[0].epochs}


def test_a_checkpoint_stands_at_the_end_of_the_first_stage(trained: Trained) -> None:
    assert [step for step, _ in Ledger(trained.folder / "ledger").checkpoints()] == [trained.plan.stages[0].steps]


def test_a_folder_without_a_run_has_no_ledger(tmp_path: Path) -> None:
    assert not has_ledger(tmp_path)
    with pytest.raises(LedgerError):
        Ledger(tmp_path / "ledger").run()


def test_rows_that_share_a_key_are_refused(trained: Trained, tmp_path: Path) -> None:
    with pytest.raises(RowsError, match="key"):
        train([*trained.rows, trained.rows[0]], out=tmp_path / "out", plan=trained.plan)
    assert not (tmp_path / "out").exists()


def test_an_existing_model_is_never_overwritten(trained: Trained) -> None:
    before = weights_digest(trained.folder)
    with pytest.raises(OutputExists):
        train(trained.rows, out=trained.folder, plan=trained.plan)
    assert weights_digest(trained.folder) == before
