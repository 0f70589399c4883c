"""`edit`: a stop-gap that changes what a model says within seconds."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from unlearning.types import Progress

HELP = "stop-gap: edit what a model says about some rows (ROME, MEMIT); no unlearning"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--forget", type=Path, required=True, help="rows that shall be refused")
    parser.add_argument("--text", type=Path, required=True, help="rows of other text that shall change little")
    parser.add_argument("--method", default="memit", help="rome or memit")
    parser.add_argument("--layers", type=int, nargs="*", default=[], help="layers to edit, counted from 0")
    parser.add_argument("--out", type=Path, required=True, help="new model folder")


def run(options: argparse.Namespace, *, progress: Progress) -> Any:
    from unlearning.edit import edit
    from unlearning.rows import read_rows

    return edit(
        options.model,
        rows=read_rows(options.forget),
        text=read_rows(options.text),
        out=options.out,
        method=options.method,
        layers=options.layers,
        seed=options.seed,
        threads=options.threads,
        progress=progress,
    )
