"""`compare`: ask a new model and the one before the same rows."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from unlearning.types import Progress

HELP = "ask a new model and the one before the same rows"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, required=True, help="the new model")
    parser.add_argument("--before", type=Path, required=True)
    parser.add_argument("--rows", type=Path, required=True, help="rows that both should answer")


def run(options: argparse.Namespace, *, progress: Progress) -> Any:
    from unlearning.compare import compare
    from unlearning.rows import read_rows

    rows = read_rows(options.rows)
    return compare(options.model, before=options.before, rows=rows, threads=options.threads, progress=progress)
