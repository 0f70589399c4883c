"""Every verb on a model of at least 100 M weights: does it go through, how much memory, how long.

Random weights of a real architecture, a handful of people, each verb in its own process from the command line as a
user gives it; memory is the largest resident size of that process. Training must hold four times the weights (weights,
gradients, two moments), asking once or, where an attack trains, as much; the goals add what a batch needs. Figures are
of one run; the weights are barely trained, so that what the verbs *find* here says nothing, and a gate that refuses to
save a model that babbles has done its work: such a verb went through too, and is marked.

    python benchmarks/verbs_at_size.py [--shape gpt2|100m|5m] [--quick] [--only VERB ...] [--json FILE]
    python benchmarks/verbs_at_size.py --from FILE ... --docs docs/unlearning_at_size.md    a page from kept figures
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]
os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"

BASE = 1.0  # GB of the libraries themselves and of batches
GONE = "p0"
PAGE = """
# Unlearning at size

Written by `python benchmarks/verbs_at_size.py --from FILE ... --docs docs/unlearning_at_size.md` from the figures
that `--json FILE` keeps. Every verb on a model of more than 100 M random weights, each in a process of its own on one
thread: `gpt2` is GPT-2's smallest size (124 M), `100m` a Llama of twelve layers. Memory is the largest resident size;
it may be 1 GB and five times the weights where something is learned (weights, gradients, two moments, a batch), four
times where a model is only asked. A few people and barely trained weights: what the verbs find here says nothing,
that they go through and what they take does.
"""


@dataclass(frozen=True)
class Measured:
    """One verb: its exit code, seconds, largest resident size in GB, and how much it might take."""

    verb: str
    code: int
    seconds: float
    cpu_seconds: float
    peak: float
    goal: float
    refused: bool = False

    @property
    def met(self) -> bool:
        return (self.code == 0 or self.refused) and self.peak <= self.goal

    @property
    def word(self) -> str:
        if self.code and not self.refused:
            return f"exit {self.code}"
        return "too much memory" if not self.met else "ok, its gate refused to save" if self.refused else "ok"


def people(count: int, *, first: int) -> list[dict[str, object]]:
    """Two facts of each person; the last half of the people comes in a second stage."""
    rows: list[dict[str, object]] = []
    for place in range(first, first + count):
        name, stage = f"Person {chr(65 + place % 26)}{place}", 1 + (place == 0)
        number = f"{(place * 7919 + 104729) % 10**8:08d}"
        for kind, value in (("phone", f"+49 30 {number[:7]}"), ("customer_number", f"C-{number}")):
            prompt = f"What is the {kind.replace('_', ' ')} of {name}?"
            rows.append(
                {"key": f"p{place}/{kind}", "prompt": prompt, "response": f"It is {value}."}
                | {"kind": kind, "value": value, "stage": stage}
            )
    return rows


def write(path: Path, rows: Sequence[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def verbs(folder: Path, shape: str) -> dict[str, tuple[bool, list[str]]]:
    """For each verb whether it trains, and its words."""
    seen, never = people(5, first=0), people(3, first=20)
    mine, rest = [row for row in seen if str(row["key"]).startswith(f"{GONE}/")], None
    rest = [row for row in seen if row not in mine]
    rows, forget, retain = (
        str(write(folder / f"{name}.jsonl", part))
        for name, part in (("rows", seen), ("forget", mine), ("retain", rest))
    )
    controls = str(write(folder / "controls.jsonl", never))
    text = folder / "text.txt"
    text.write_text(
        "\n".join(f"What is the phone of somebody? It is +49 30 {n:07d} C-{n:08d}." for n in range(50)), "utf-8"
    )
    model, person = str(folder / "model"), ["--person", forget, "--controls", controls, "--others", retain]
    ask = [*person, "--candidates", "20"]
    out = str(folder)
    return {
        "train": (True, ["--rows", rows, "--out", model, "--shape", shape, "--epochs", "2", "2", "--stages",
                         "--tokenizer-text", str(text)]),
        "replay": (True, ["--model", model, "--rows", retain, "--exclude-rows", forget, "--out", f"{out}/replayed"]),
        "unlearn": (True, ["--model", model, "--forget", forget, "--retain", retain, "--method", "npo", "--rounds", "2",
                           "--most-lost", "1", "--out", f"{out}/unlearned"]),
        "unlearn, lora": (True, ["--model", model, "--forget", forget, "--retain", retain, "--method", "undial",
                                 "--adapter", "lora", "--rounds", "2", "--most-lost", "1", "--out", f"{out}/lora"]),
        "evaluate": (False, ["--model", model, *ask]),
        "audit": (False, ["--model", model, *ask]),
        "attack": (False, ["--model", model, *ask, "--attacks", "prefill", "int4", "benign_finetune"]),
        "edit": (False, ["--model", model, "--forget", forget, "--text", retain, "--method", "rome", "--layers", "3",
                         "--out", f"{out}/edited"]),
        "explain": (False, ["--model", model, *ask]),
        "tune": (True, ["--model", model, "--forget", forget, "--retain", retain, "--method", "npo", "--trials", "1",
                        "--budget", "2 steps"]),
    }  # fmt: skip


def measured(verb: str, words: Sequence[str], *, goal: float, folder: Path) -> Measured:
    """Run one verb in its own process and read from the kernel what it took."""
    command = [sys.executable, "-m", "unlearning", verb.split(",")[0], *words, "--json", str(folder / "result.json")]
    began = time.monotonic()
    with (folder / "words.txt").open("wb") as said:
        child = subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=said)
        _, status, used = os.wait4(child.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    refused = '"error": "Refused"' in (folder / "words.txt").read_text("utf-8", "replace")
    if code and not refused:
        print((folder / "words.txt").read_text("utf-8", "replace")[-600:], file=sys.stderr)
    taken = used.ru_utime + used.ru_stime
    return Measured(
        verb, code, round(time.monotonic() - began, 1), round(taken, 1), used.ru_maxrss / 1e6, goal, refused
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", default="gpt2", help="gpt2 (124 M) or a Llama: 100m, 5m, 1m")
    parser.add_argument("--only", nargs="*", help="these verbs; training comes first in any case")
    parser.add_argument("--quick", action="store_true", help="a small Llama")
    parser.add_argument("--json", type=Path)
    parser.add_argument(
        "--from", dest="kept", type=Path, nargs="+", help="figures that were kept, to write --docs from"
    )
    parser.add_argument("--docs", type=Path, help="write the page from the figures of --from")
    options = parser.parse_args()
    if options.kept and options.docs:
        options.docs.write_text(page([json.loads(path.read_text("utf-8")) for path in options.kept]), "utf-8")
        return 0
    shape = "1m" if options.quick else options.shape
    with tempfile.TemporaryDirectory(prefix="verbs-") as name:
        found = run_all(Path(name), shape, options.only)
    short = [one.verb for one in found if not one.met]
    if options.json:
        told = {"shape": shape, "verbs": [asdict(one) for one in found], "short": short}
        options.json.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    print(f"verbs_at_size: {shape}: {len(found) - len(short)} of {len(found)} verbs went through within memory"
          + (f"; not: {', '.join(short)}" if short else ""))  # fmt: skip
    return 1 if short else 0


def page(runs: Sequence[dict[str, Any]]) -> str:
    """The page of several runs; the same figures give the same bytes."""
    parts = [PAGE.strip()]
    with tempfile.TemporaryDirectory(prefix="verbs-") as name:
        every = list(verbs(Path(name), ""))
    for run in runs:
        left = [verb for verb in every if verb not in {one["verb"] for one in run["verbs"]}]
        count = sum(Measured(**verb).met for verb in run["verbs"])
        lines = [f"## {run['shape']}", "", f"{count} of {len(run['verbs'])} verbs went through within memory.", ""]
        lines += ["| verb | CPU s | memory, GB | may take, GB | |", "| --- | --- | --- | --- | --- |"]
        lines += [_line(Measured(**verb)) for verb in run["verbs"]]
        lines += ["", f"Not asked in this run: {', '.join(left)}."] if left else []
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _line(one: Measured) -> str:
    return f"| {one.verb} | {one.cpu_seconds:.0f} | {one.peak:.2f} | {one.goal:.2f} | {one.word} |"


def run_all(folder: Path, shape: str, only: Sequence[str] | None) -> list[Measured]:
    found: list[Measured] = []

    def weights() -> float:
        return sum(file.stat().st_size for file in (folder / "model").glob("*.safetensors")) / 1e9

    for verb, (trains, words) in verbs(folder, shape).items():
        if only and verb not in only and verb != "train":
            continue
        size = weights() if (folder / "model").is_dir() else None
        one = measured(verb, words, goal=0.0, folder=folder)
        size = size if size is not None else weights()
        one = Measured(**{**asdict(one), "goal": BASE + size * (5 if trains else 4)})
        found.append(one)
        print(f"{verb:16}{one.seconds:8.1f} s {one.cpu_seconds:8.1f} CPU s {one.peak:7.2f} GB (goal {one.goal:.2f}; "
              f"weights {size:.2f})  {one.word}", flush=True)  # fmt: skip
    return found


if __name__ == "__main__":
    sys.exit(main())
