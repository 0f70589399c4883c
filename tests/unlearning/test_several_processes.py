"""Several processes at one `unlearn` end with the weights that one process ends with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from invented import Trained, write_rows
from safetensors.torch import load_file

from unlearning import methods
from unlearning.batches import answer_logits, collate, joined
from unlearning.models import open_model
from unlearning.processes import IN_SHARES, rows_of
from unlearning.tokens import encode

LAUNCH = ["-m", "accelerate.commands.launch", "--num_processes", "2", "--main_process_port", "0"]
LONG = 50  # steps of a round
CLOSE = 1e-3  # of how far the weights went: the same sums in another order


def test_rows_passed_apart_give_the_logits_of_the_whole_batch(trained: Trained) -> None:
    model, tokenizer = open_model(trained.folder)
    rows = encode(tokenizer, trained.rows)
    batch = joined([collate(rows[:3]), collate(rows[3:14])])
    every = answer_logits(model, batch)
    for size in (2, 3, 5):
        ends = [0, *(len(batch.ids) * (rank + 1) // size for rank in range(size))]
        parts = [answer_logits(model, rows_of(batch, begin, end)) for begin, end in pairwise(ends)]
        torch.testing.assert_close(torch.cat(parts), every)


@pytest.fixture(scope="module")
def work(memorized: Trained, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("rows")
    forget = write_rows(folder / "forget.jsonl", memorized.rows[:5])
    retain = write_rows(folder / "retain.jsonl", memorized.rows[5:])
    words = ["-m", "unlearning", "unlearn", "--model", str(memorized.folder), "--most-lost", "1"]
    return [*words, "--forget", str(forget), "--retain", str(retain)]


def run(words: list[str], *, launch: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    before = [*LAUNCH, *launch] if launch else []
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *before, *words], capture_output=True, text=True, env=environment, timeout=300, check=False
    )


def apart(one: Path, other: Path, *, original: Path) -> float:
    """How far two models are from each other, beside how far one of them went."""
    first, second, before = (load_file(folder / "model.safetensors") for folder in (one, other, original))
    assert first.keys() == second.keys()
    went = sum(float((first[name] - before[name]).abs().sum()) for name in first)
    assert went > 0, "nothing was unlearned"
    return sum(float((first[name] - second[name]).abs().sum()) for name in first) / went


def unlearned(work: list[str], folder: Path, method: str, *, launch: tuple[str, ...] = ()) -> Path:
    out = folder / f"{method}{len(launch)}"
    done = run([*work, "--method", method, *short(method), "--out", str(out)], launch=launch)
    assert done.returncode == 0, done.stderr[-800:]
    return out


def short(method: str) -> list[str]:
    """One round; where that is many steps, in small ones: in large ones AdamW makes much of how sums were rounded."""
    recipe = methods.load(method)
    steps = max(4, recipe.forget_steps + recipe.retain_steps)
    return ["--budget", f"{steps}steps", *(["--learning-rate", "1e-5"] if steps > LONG else [])]


@pytest.mark.slow
def test_two_processes_unlearn_what_one_unlearns_and_only_the_first_writes(
    work: list[str], memorized: Trained, tmp_path: Path
) -> None:
    one = unlearned(work, tmp_path, "npo")
    words = [*work, "--method", "npo", *short("npo"), "--out", str(tmp_path / "two"), "--json", str(tmp_path / "said")]
    done = run(words, launch=("--multi_gpu",))
    assert done.returncode == 0, done.stderr[-800:]
    told: dict[str, Any] = json.loads((tmp_path / "said").read_text())
    assert told["detail"]["processes"] == 2 and told["steps"] > 0
    assert apart(one, tmp_path / "two", original=memorized.folder) < CLOSE
    assert {path.name for path in tmp_path.iterdir()} == {"npo0", "two", "said"}
    finished = [line for line in done.stderr.splitlines() if '"step 4 of 4"' in line]
    assert len(finished) == 1, "one of them speaks"


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_a_killed_process_ends_the_others_in_a_minute_with_a_word_and_the_run_goes_on(
    work: list[str], tmp_path: Path, rank: int
) -> None:
    words = [*work, "--method", "npo", "--rounds", "4000", "--learning-rate", "1e-7", "--out", str(tmp_path / "out")]
    words += ["--budget", "60s"]  # longer than until a state is saved, on any machine
    launched = subprocess.Popen(
        [sys.executable, *LAUNCH, "--multi_gpu", *words],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    until = time.monotonic() + 200
    while not list(tmp_path.glob(".out*/resume/state.json")):
        assert launched.poll() is None and time.monotonic() < until, "no state was saved"
        time.sleep(0.2)
    victim = next(pid for pid in children(launched.pid) if f"RANK={rank}" in environment(pid))
    os.kill(victim, signal.SIGKILL)
    killed = time.monotonic()
    _, said = launched.communicate(timeout=100)
    assert time.monotonic() - killed < 60 and launched.returncode != 0
    assert "one of them ended" in said and "unexpected" not in said
    assert not (tmp_path / "out").exists()
    done = run(words, launch=("--multi_gpu",))
    assert done.returncode == 0, done.stderr[-800:]
    first = next(json.loads(line)["message"] for line in done.stderr.splitlines() if '"step ' in line)
    assert int(first.split()[1]) > 1, "it goes on and does not begin anew"


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()]


def environment(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/environ").read_text(encoding="utf-8").split("\0")


@pytest.mark.slow
def test_a_verb_that_is_not_divided_is_done_by_the_first_process(memorized: Trained, tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", memorized.rows[:4])
    words = ["-m", "unlearning", "train", "--rows", str(rows), "--shape", "tiny", "--epochs", "1"]
    done = run([*words, "--out", str(tmp_path / "model")], launch=("--multi_gpu",))
    assert done.returncode == 0 and "one process does it" in done.stderr
    assert (tmp_path / "model" / "model.safetensors").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("method", [*methods.TABLE, "npo+sam", "npo+int4"])
def test_every_method_is_the_same_in_two_processes(
    work: list[str], memorized: Trained, tmp_path: Path, method: str
) -> None:
    one = unlearned(work, tmp_path, method)
    two = unlearned(work, tmp_path, method, launch=("--multi_gpu",))
    assert apart(one, two, original=memorized.folder) < CLOSE


@pytest.mark.slow
@pytest.mark.parametrize("method", sorted(IN_SHARES))
def test_weights_held_in_shares_become_the_same(
    work: list[str], memorized: Trained, tmp_path: Path, method: str
) -> None:
    one = unlearned(work, tmp_path, method)
    two = unlearned(work, tmp_path, method, launch=("--use_fsdp", "--fsdp_version", "2"))
    assert apart(one, two, original=memorized.folder) < CLOSE


@pytest.mark.slow
def test_a_method_that_looks_at_whole_weights_is_refused_where_they_are_held_in_shares(
    work: list[str], tmp_path: Path
) -> None:
    words = [*work, "--method", "rmu", "--out", str(tmp_path / "out")]
    done = run(words, launch=("--use_fsdp", "--fsdp_version", "2"))
    assert done.returncode != 0 and "held in shares" in done.stderr and not (tmp_path / "out").exists()
