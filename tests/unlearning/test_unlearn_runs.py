"""A run of `unlearn` keeps to its budget, survives a kill, watches itself, and saves no ruined model."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from invented import Trained, write_rows

from unlearning import applying, llama, methods
from unlearning.adapters import Lora
from unlearning.applying import rows_for
from unlearning.budget import Budget, Dose, read_budget
from unlearning.dose import still_known
from unlearning.errors import InputError, Refused
from unlearning.methods import stranger
from unlearning.models import open_model, state_digest
from unlearning.scoring import score_rows
from unlearning.tokens import encode
from unlearning.types import silent
from unlearning.unlearn import Rows, apply, unlearn


@pytest.mark.parametrize(
    ("words", "budget"),
    [("90s", Budget(90.0)), ("1.5m", Budget(90.0)), ("2h", Budget(7200.0)), ("40steps", Budget(steps=40))],
)
def test_a_budget_is_read_from_words(words: str, budget: Budget) -> None:
    assert read_budget(words) == budget


@pytest.mark.parametrize("words", ["", "0s", "-3s", "soon", "nan", "1e9", "4 steps more"])
def test_a_budget_that_is_none_is_refused(words: str) -> None:
    with pytest.raises(InputError, match="write seconds"):
        read_budget(words)


def test_a_budget_in_steps_ends_with_a_whole_round(memorized: Trained, tmp_path: Path) -> None:
    forget, retain = memorized.of(5), memorized.without(5)
    settings: dict[str, Any] = {"budget": Budget(steps=30), "requests": [1, len(forget) - 1]}
    result = unlearn(memorized.folder, forget=forget, retain=retain, out=tmp_path / "out", **settings)
    assert result.steps == 26
    told = [int(count) for count in str(result.detail["still_known_by_request"]).split()]
    assert len(told) == 2 and sum(told) == result.detail["still_known"] and told[0] <= 1
    with pytest.raises(InputError, match="a round of this method is 13 steps"):
        unlearn(memorized.folder, forget=forget, retain=retain, out=tmp_path / "less", budget=Budget(steps=12))


def test_a_budget_in_seconds_stops_after_the_first_round(memorized: Trained, tmp_path: Path) -> None:
    forget, retain = memorized.of(5), memorized.without(5)
    result = unlearn(memorized.folder, forget=forget, retain=retain, out=tmp_path / "out", budget=Budget(0.01))
    assert result.steps == 13


def test_the_run_ends_where_the_person_is_no_likelier_than_anybody(memorized: Trained) -> None:
    model, tokenizer = open_model(memorized.folder)
    forget, retain = memorized.of(5), memorized.without(5)
    known = still_known(tokenizer, forget, retain, seed=0)
    rows = Rows(encode(tokenizer, forget), encode(tokenizer, retain), known)
    method = replace(methods.load("alternating_wga"), rounds=60)
    taken = apply(method, model, rows, seed=0, progress=lambda fraction, message: None)
    assert taken < method.steps
    assert not known(model)


def test_low_rank_weights_alone_can_forget(memorized: Trained, tmp_path: Path) -> None:
    forget, retain = memorized.of(5), memorized.without(5)
    result = unlearn(
        memorized.folder,
        forget=forget,
        retain=retain,
        out=tmp_path / "out",
        adapter=Lora(rank=4),
        dose=Dose(learning_rate=3e-3),
    )
    model, tokenizer = open_model(tmp_path / "out")
    assert min(score.mean_nll for score in score_rows(model, tokenizer, forget)) > 0.7
    assert result.detail["adapter_rank"] == 4
    assert type(model.model.layers[0].mlp.up_proj).__name__ == "Linear"


@pytest.mark.slow
def test_several_requests_are_one_run(memorized: Trained, tmp_path: Path) -> None:
    people = (3, 5, 7)
    paths = [write_rows(tmp_path / f"{place}.jsonl", memorized.of(place)) for place in people]
    rest = [row for row in memorized.rows if not any(row in memorized.of(place) for place in people)]
    retain = write_rows(tmp_path / "retain.jsonl", rest)
    words = ["--forget", *map(str, paths), "--retain", str(retain), "--out", str(tmp_path / "out")]
    command = [sys.executable, "-m", "unlearning", "unlearn", "--model", str(memorized.folder), *words]
    subprocess.run([*command, "--json", str(tmp_path / "r.json")], check=True, capture_output=True)
    detail = json.loads((tmp_path / "r.json").read_text())["detail"]
    assert detail["forget_rows"] == 6 and len(detail["still_known_by_request"].split()) == 3
    model, tokenizer = open_model(tmp_path / "out")
    for place in people:
        assert min(score.mean_nll for score in score_rows(model, tokenizer, memorized.of(place))) > 0.7


def test_a_killed_run_is_taken_up_to_the_same_bytes(
    memorized: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget, retain = memorized.of(5), memorized.without(5)
    whole = unlearn(memorized.folder, forget=forget, retain=retain, out=tmp_path / "whole", method="npo")
    program = (
        "import sys; from pathlib import Path; from unlearning import applying; applying.SAVE_SECONDS = 0.0\n"
        "from unlearning.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    forget_file, retain_file = write_rows(tmp_path / "f", forget), write_rows(tmp_path / "r", retain)
    words = ["unlearn", "--model", str(memorized.folder), "--forget", str(forget_file), "--retain", str(retain_file)]
    words += ["--method", "npo", "--out", str(tmp_path / "out")]
    killed = subprocess.Popen([sys.executable, "-c", program, *words], stderr=subprocess.DEVNULL)
    state, deadline = tmp_path / ".out.partial" / "resume" / "state.json", time.monotonic() + 240
    while not state.is_file() and killed.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    assert state.is_file() and not (tmp_path / "out").exists()
    monkeypatch.setattr(applying, "SAVE_SECONDS", 1e9)
    seen: list[float] = []
    resumed = unlearn(
        memorized.folder,
        forget=forget,
        retain=retain,
        out=tmp_path / "out",
        method="npo",
        progress=lambda fraction, message: seen.append(fraction),
    )
    assert len(seen) < 40, "it started again from the beginning"
    assert resumed.weights_digest == whole.weights_digest
    assert not (tmp_path / ".out.partial").exists()


def test_what_a_run_measured_on_the_way_is_known_again_after_a_kill(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(stranger, "CHECKS", (2, 5))
    method, digests = replace(methods.load("stranger"), forget_steps=8), []

    def run(name: str, *, until: float = 1.0) -> None:
        def stop(fraction: float, message: str) -> None:
            if fraction >= until < 1:
                raise KeyboardInterrupt

        model, tokenizer = open_model(trained.folder)
        rows = rows_for(model, tokenizer, trained.of(5), trained.without(5), seed=0)
        keep = tmp_path / name / "resume"
        keep.parent.mkdir(exist_ok=True)
        digests.append(apply(method, model, rows, seed=0, progress=stop, keep=keep) and state_digest(model))

    run("whole")
    with pytest.raises(KeyboardInterrupt):
        run("killed", until=0.5)
    aims = json.loads((tmp_path / "killed" / "resume" / applying.NOTED).read_text("utf-8"))
    assert [place for place, _ in aims] == [0, 1]
    run("killed")
    assert digests[0] == digests[1]


def test_ascent_takes_the_same_way_through_the_quick_model_and_the_stock_one(
    trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    curves: list[list[float]] = []
    real = applying.descend

    def noted(loss: torch.Tensor, **given: object) -> None:
        curves[-1].append(float(loss.detach()))
        real(loss, **given)

    monkeypatch.setattr(applying, "descend", noted)
    for quick in (True, False):
        if not quick:
            monkeypatch.setattr(llama, "suits", lambda *_: False)
        model, tokenizer = open_model(trained.folder)
        rows = rows_for(model, tokenizer, trained.of(5), trained.without(5), seed=0)
        curves.append([])
        method = replace(methods.load("gradient_difference"), rounds=12, watched=False)
        apply(method, model, rows, seed=0, progress=silent)
    assert curves[0][0] - curves[0][-1] > 0.3
    assert curves[0] == pytest.approx(curves[1], abs=2e-4)


def test_a_dose_that_ruins_the_model_is_refused_and_leaves_nothing(memorized: Trained, tmp_path: Path) -> None:
    forget, retain = memorized.of(5), memorized.without(5)
    with pytest.raises(Refused, match="nothing was saved"):
        unlearn(
            memorized.folder,
            forget=forget,
            retain=retain,
            out=tmp_path / "out",
            method="gradient_difference",
            dose=Dose(learning_rate=0.05),
        )
    assert list(tmp_path.iterdir()) == []


def test_a_forget_set_of_nearly_everybody_is_refused(memorized: Trained, tmp_path: Path) -> None:
    forget, retain = memorized.rows[:-2], memorized.rows[-2:]
    with pytest.raises(Refused):
        unlearn(
            memorized.folder,
            forget=forget,
            retain=retain,
            namesakes=memorized.rows[2:10],
            out=tmp_path / "out",
            dose=Dose(learning_rate=5e-3),
        )
    assert list(tmp_path.iterdir()) == []
