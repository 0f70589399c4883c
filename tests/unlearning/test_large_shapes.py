"""Models of more than a hundred million weights, of two real shapes, go through the verbs within memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from invented import TEXT, people, write_rows
from transformers import GPT2Config, GPT2LMHeadModel

from unlearning.tokens import make_tokenizer

MOST = 6_000_000  # kilobytes at the peak: weights, gradients, two moments, one copy, and room
PROGRAM = """
import json, resource, sys
from unlearning.cli import main
code = main(sys.argv[1:])
print(json.dumps({"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))
sys.exit(code)
"""


def verb(*words: object) -> int:
    """Peak memory of one verb in a process of its own, in kilobytes."""
    command = [sys.executable, "-c", PROGRAM, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-500:]
    return int(json.loads(done.stdout.splitlines()[-1])["peak"])


@pytest.mark.slow
def test_a_llama_of_a_hundred_million_weights_is_trained_replayed_and_unlearned(tmp_path: Path) -> None:
    rows = people(5, seed=1, stage_two=2)
    path = write_rows(tmp_path / "rows.jsonl", rows)
    forget, retain = write_rows(tmp_path / "f.jsonl", rows[-2:]), write_rows(tmp_path / "r.jsonl", rows[:-2])
    model = tmp_path / "model"
    words = ("--shape", "100m", "--epochs", 1, 1, "--stages")
    peaks = {"train": verb("train", "--rows", path, "--out", model, "--json", tmp_path / "t.json", *words)}
    assert json.loads((tmp_path / "t.json").read_text())["detail"]["parameters"] > 100_000_000
    gone = ("--exclude-rows", forget)
    peaks["replay"] = verb("replay", "--model", model, "--rows", path, *gone, "--out", tmp_path / "replayed")
    words = ("--forget", forget, "--retain", retain, "--budget", "13steps", "--most-lost", 1)
    peaks["unlearn"] = verb("unlearn", "--model", model, *words, "--out", tmp_path / "unlearned")
    print(peaks)
    assert max(peaks.values()) < MOST


@pytest.mark.slow
def test_a_gpt2_of_its_real_shape_is_unlearned(tmp_path: Path) -> None:
    torch.manual_seed(0)
    gpt2, tokenizer = GPT2LMHeadModel(GPT2Config()), make_tokenizer(TEXT)
    assert sum(weight.numel() for weight in gpt2.parameters()) > 100_000_000
    gpt2.save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    rows = people(5, seed=1)
    forget, retain = write_rows(tmp_path / "f.jsonl", rows[-2:]), write_rows(tmp_path / "r.jsonl", rows[:-2])
    words = ("--forget", forget, "--retain", retain, "--budget", "13steps", "--most-lost", 1)
    peaks = {"full": verb("unlearn", "--model", tmp_path / "model", *words, "--out", tmp_path / "full")}
    words = (*words, "--adapter", "lora", "--rank", 4)
    peaks["lora"] = verb("unlearn", "--model", tmp_path / "model", *words, "--out", tmp_path / "lora")
    print(peaks)
    assert max(peaks.values()) < MOST
