"""`forecast`: what a model knows of its training rows, and how long making it forget takes; nothing is changed."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from unlearning.types import Progress

HELP = "how much of its training rows a model answers, and how long a run will take; nothing is changed"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--forget", type=Path, required=True, help="rows to forget")
    parser.add_argument("--retain", type=Path, required=True, help="rows to keep; some are asked")
    parser.add_argument("--method", default="alternating_wga", help="timed where no recorded run can be replayed")
    parser.add_argument("--questions", type=int, default=100)


def run(options: argparse.Namespace, *, progress: Progress) -> Any:
    from unlearning.forecast import forecast
    from unlearning.rows import read_rows

    return forecast(
        options.model,
        forget=read_rows(options.forget),
        retain=read_rows(options.retain),
        method=options.method,
        questions=options.questions,
        seed=options.seed,
        threads=options.threads,
        progress=progress,
    )
