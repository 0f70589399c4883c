"""Replay gives the bytes of a training that never had the person, survives a kill, refuses what it cannot repeat."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from invented import Trained, write_rows

from unlearning.errors import LedgerError, OutputExists, RowsChanged
from unlearning.models import open_tokenizer, weights_digest
from unlearning.replay import replay, start_of
from unlearning.training import train


@pytest.mark.parametrize("place", [11, 2], ids=["someone of the last stage", "someone of the first stage"])
def test_replay_has_the_bytes_of_a_training_that_never_had_the_person(
    trained: Trained, tmp_path: Path, place: int
) -> None:
    keys = [row.key for row in trained.of(place)]
    result = replay(trained.folder, rows=trained.without(place), exclude_keys=keys, out=tmp_path / "replayed")
    tokenizer = open_tokenizer(trained.folder)
    control = train(trained.without(place), out=tmp_path / "control", plan=trained.plan, tokenizer=tokenizer)
    assert result.weights_digest == control.weights_digest == weights_digest(tmp_path / "replayed")
    assert result.weights_digest != weights_digest(trained.folder)


def test_someone_of_the_last_stage_costs_only_the_last_stage(trained: Trained) -> None:
    late, total = start_of(trained.folder, exclude_keys=[row.key for row in trained.of(11)])
    early, _ = start_of(trained.folder, exclude_keys=[row.key for row in trained.of(2)])
    assert (late, early, total) == (trained.plan.stages[0].steps, 0, trained.plan.steps)


def test_a_replayed_model_can_be_replayed_again(trained: Trained, tmp_path: Path) -> None:
    first, second = trained.of(11), trained.of(10)
    rest = [row for row in trained.rows if row not in first + second]
    replay(trained.folder, rows=trained.rows, exclude_keys=[row.key for row in first], out=tmp_path / "once")
    twice = replay(tmp_path / "once", rows=rest, exclude_keys=[row.key for row in second], out=tmp_path / "twice")
    both = replay(trained.folder, rows=rest, exclude_keys=[row.key for row in first + second], out=tmp_path / "both")
    assert twice.weights_digest == both.weights_digest


def test_the_new_ledger_does_not_know_the_person_any_more(trained: Trained, tmp_path: Path) -> None:
    keys = [row.key for row in trained.of(11)]
    replay(trained.folder, rows=trained.without(11), exclude_keys=keys, out=tmp_path / "out")
    with pytest.raises(LedgerError, match="none of the rows"):
        replay(tmp_path / "out", rows=trained.without(11), exclude_keys=keys, out=tmp_path / "again")


def test_rows_that_are_needed_must_be_there_unchanged(trained: Trained, tmp_path: Path) -> None:
    keys = [row.key for row in trained.of(11)]
    rest = trained.without(11)
    with pytest.raises(RowsChanged, match="1 are missing and 0 differ"):
        replay(trained.folder, rows=rest[1:], exclude_keys=keys, out=tmp_path / "out")
    with pytest.raises(RowsChanged, match="0 are missing and 1 differ"):
        changed = [replace(rest[0], response="something else"), *rest[1:]]
        replay(trained.folder, rows=changed, exclude_keys=keys, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_altered_program_is_refused(trained: Trained, copied: Callable[[], Path], tmp_path: Path) -> None:
    folder = copied()
    steps = folder / "ledger" / "steps.jsonl"
    first, *others = steps.read_text().splitlines(keepends=True)
    altered = json.dumps({**json.loads(first), "learning_rate": 1.0}, sort_keys=True) + "\n"
    steps.write_text("".join([altered, *others]))
    with pytest.raises(LedgerError, match="altered"):
        replay(folder, rows=trained.rows, exclude_keys=[trained.rows[0].key], out=tmp_path / "out")


def test_nothing_is_overwritten(trained: Trained, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(OutputExists):
        replay(trained.folder, rows=trained.rows, exclude_keys=[trained.rows[0].key], out=tmp_path / "out")


@pytest.mark.slow
def test_a_killed_replay_is_resumed_to_the_same_bytes(lengthy: Trained, tmp_path: Path) -> None:
    rows, gone = write_rows(tmp_path / "rows.jsonl", lengthy.without(2)), tmp_path / "gone.txt"
    gone.write_text("".join(row.key + "\n" for row in lengthy.of(2)))
    command = [sys.executable, "-m", "unlearning", "replay", "--model", str(lengthy.folder), "--rows", str(rows)]
    command += ["--exclude-keys", str(gone), "--json", str(tmp_path / "result.json"), "--out"]
    killed = subprocess.Popen([*command, str(tmp_path / "killed")], stderr=subprocess.DEVNULL)
    state = tmp_path / ".killed.partial" / "resume" / "state.json"
    deadline = time.monotonic() + 240
    while not state.is_file() and killed.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    assert state.is_file()
    assert not (tmp_path / "killed").exists()
    resumed = subprocess.run([*command, str(tmp_path / "killed")], stderr=subprocess.PIPE, text=True, check=True)
    first = json.loads(resumed.stderr.splitlines()[0])
    assert first["fraction"] > 0.1, "it started again from the beginning"
    whole = replay(
        lengthy.folder,
        rows=lengthy.without(2),
        exclude_keys=[row.key for row in lengthy.of(2)],
        out=tmp_path / "whole",
    )
    assert json.loads((tmp_path / "result.json").read_text())["weights_digest"] == whole.weights_digest
