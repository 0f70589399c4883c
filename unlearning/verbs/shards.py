"""`shards`: one adapter per shard of people; train them, forget in one, or fold them all into a plain model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from unlearning.errors import InputError
from unlearning.types import Progress
from unlearning.verbs.words import lines_of

HELP = "train one adapter per shard of people, forget in one shard, or merge them"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=["train", "forget", "merge"])
    parser.add_argument("--base", type=Path, help="train: model folder that never saw these people")
    parser.add_argument("--shards", type=Path, help="forget, merge: folder of shards")
    parser.add_argument("--rows", type=Path, help="rows; a key's part before the first slash names the person")
    parser.add_argument("--exclude-keys", type=Path, help="forget: file with one row key a line")
    parser.add_argument("--out", type=Path, required=True, help="new folder")
    parser.add_argument("--count", type=int, default=8, help="train: how many shards")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--rank", type=int, default=8, help="train: rank of the adapters")
    parser.add_argument("--learning-rate", type=float, default=3e-3)
    parser.add_argument("--like", type=Path, help="train: folder of shards whose key and programs are repeated")


def run(options: argparse.Namespace, *, progress: Progress) -> Any:
    from unlearning.adapters import Lora
    from unlearning.rows import read_rows
    from unlearning.shard_training import ShardPlan, forget_in_shards, train_shards
    from unlearning.shards import merge

    if options.what == "merge":
        return merge(_given(options, "shards"), options.out)
    rows = read_rows(_given(options, "rows"), keyed=True)
    if options.what == "forget":
        keys = [line.strip() for line in lines_of(_given(options, "exclude_keys")) if line.strip()]
        return forget_in_shards(
            _given(options, "shards"), rows=rows, exclude_keys=keys, out=options.out, progress=progress
        )
    lora = Lora(rank=options.rank, alpha=2 * options.rank)
    plan = ShardPlan(options.count, options.epochs, options.learning_rate, lora, options.seed)
    return train_shards(_given(options, "base"), rows, out=options.out, plan=plan, like=options.like, progress=progress)


def _given(options: argparse.Namespace, name: str) -> Path:
    value = getattr(options, name)
    if value is None:
        raise InputError(f"shards {options.what}: --{name.replace('_', '-')} is needed")
    return Path(value)
