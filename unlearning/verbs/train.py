"""`train`: make a small model from rows and record the run."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from unlearning.types import Progress
from unlearning.verbs.words import lines_of

HELP = "train a small model and record the run"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rows", type=Path, required=True, help="JSONL or Parquet: key, prompt, response, stage")
    parser.add_argument("--out", type=Path, required=True, help="new model folder")
    parser.add_argument("--shape", default="1m", help="tiny, 400k, 1m, 5m, 100m, or gpt2")
    parser.add_argument("--epochs", type=int, nargs="+", default=[48, 22], help="epochs of each stage")
    parser.add_argument(
        "--tokenizer-text", type=Path, help="text to learn the vocabulary from; it must hold no person's facts"
    )
    parser.add_argument("--stages", action="store_true", help="train stage after stage, as the rows say")
    parser.add_argument(
        "--like", type=Path, help="repeat the recorded program and tokenizer of this model on these rows"
    )


def run(options: argparse.Namespace, *, progress: Progress) -> Any:
    from unlearning.ledger import Ledger
    from unlearning.models import open_tokenizer
    from unlearning.rows import read_rows
    from unlearning.schedule import plan_for
    from unlearning.tokens import make_tokenizer
    from unlearning.training import train

    rows = read_rows(options.rows, keyed=True)
    if not options.stages:
        rows = [replace(row, stage=1) for row in rows]
    if options.like:
        plan, tokenizer = Ledger(options.like / "ledger").plan(), open_tokenizer(options.like)
    else:
        plan = plan_for(
            rows, seed=options.seed, shape=options.shape, epochs=options.epochs, longest=options.context or 0
        )
        tokenizer = make_tokenizer(lines_of(options.tokenizer_text))
    return train(rows, out=options.out, plan=plan, tokenizer=tokenizer, progress=progress)
