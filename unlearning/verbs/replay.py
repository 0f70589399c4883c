"""`replay`: rebuild a model without some rows, from its recorded run."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from unlearning.types import Progress
from unlearning.verbs.words import lines_of

HELP = "rebuild a model without some rows, from its recorded run"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, required=True, help="model folder with a ledger")
    parser.add_argument("--rows", type=Path, required=True, help="the training rows as they are now")
    parser.add_argument("--exclude-keys", type=Path, help="file with one row key a line")
    parser.add_argument("--exclude-rows", type=Path, help="row file whose keys are excluded")
    parser.add_argument("--out", type=Path, required=True, help="new model folder")


def run(options: argparse.Namespace, *, progress: Progress) -> Any:
    from unlearning.replay import replay
    from unlearning.rows import read_rows

    keys = {row.key for row in read_rows(options.exclude_rows, keyed=True)} if options.exclude_rows else set()
    keys |= {line.strip() for line in lines_of(options.exclude_keys) if line.strip()}
    rows = read_rows(options.rows, keyed=True)
    return replay(options.model, rows=rows, exclude_keys=keys, out=options.out, progress=progress)
