"""`unlearn`: forget approximately, where no recorded run exists."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from unlearning.types import Progress

HELP = "forget approximately, where no recorded run exists"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--forget", type=Path, required=True, help="rows to forget")
    parser.add_argument("--retain", type=Path, required=True, help="rows to keep")
    parser.add_argument("--method", default="alternating_wga", help="a method of the table, by name")
    parser.add_argument("--out", type=Path, required=True, help="new model folder")


def run(options: argparse.Namespace, *, progress: Progress) -> Any:
    from unlearning.rows import read_rows
    from unlearning.unlearn import unlearn

    return unlearn(
        options.model,
        forget=read_rows(options.forget),
        retain=read_rows(options.retain),
        out=options.out,
        method=options.method,
        seed=options.seed,
        threads=options.threads,
        progress=progress,
    )
