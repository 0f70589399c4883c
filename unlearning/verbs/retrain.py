"""`retrain`: have the company's own program train again without some rows, and check what came back."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from unlearning.budget import read_budget
from unlearning.types import Progress
from unlearning.verbs.words import lines_of

HELP = "order a training without some rows from the company's own program, wait, and check what came back"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, required=True, help="the model before")
    parser.add_argument("--rows", type=Path, required=True, help="the training rows as they are now")
    parser.add_argument("--exclude-keys", type=Path, required=True, help="file with one row key a line")
    parser.add_argument("--out", type=Path, required=True, help="where the new model will be")
    parser.add_argument("--command", default="", help="program to run, with {rows} and {out}; without it, wait")
    parser.add_argument("--wait", help="how long to wait for a result: 90s, 10m, 2h, 3d")


def run(options: argparse.Namespace, *, progress: Progress) -> Any:
    from unlearning.retraining import retrain
    from unlearning.rows import read_rows

    return retrain(
        options.model,
        rows=read_rows(options.rows, keyed=True),
        exclude_keys={line.strip() for line in lines_of(options.exclude_keys) if line.strip()},
        out=options.out,
        command=options.command,
        wait=(read_budget(options.wait).seconds or 0.0) if options.wait else 0.0,
        progress=progress,
    )
