"""`tune`: search for the dose of a method."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from unlearning.budget import read_budget
from unlearning.types import Progress

HELP = "search for the dose of a method, on copies of the model"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--forget", type=Path, required=True, help="rows to forget")
    parser.add_argument("--retain", type=Path, required=True, help="rows to keep")
    parser.add_argument("--method", default="alternating_wga", help="a method of the table, by name")
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--budget", help="of all trials together: 90s, 10m, 2h or 400steps")


def run(options: argparse.Namespace, *, progress: Progress) -> Any:
    from unlearning.rows import read_rows
    from unlearning.tuning import tune

    return tune(
        options.model,
        forget=read_rows(options.forget),
        retain=read_rows(options.retain),
        method=options.method,
        trials=options.trials,
        budget=read_budget(options.budget) if options.budget else None,
        seed=options.seed,
        threads=options.threads,
        progress=progress,
    )
