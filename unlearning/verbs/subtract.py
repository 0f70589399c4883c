"""`subtract`: checkpoint arithmetic."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from unlearning.types import Progress

HELP = "subtract from a model what learning some rows does to a checkpoint from before them"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, required=True, help="model folder or state from before the person")
    parser.add_argument("--forget", type=Path, required=True, help="rows to forget")
    parser.add_argument("--retain", type=Path, required=True, help="rows to keep")
    parser.add_argument("--out", type=Path, required=True, help="new model folder")
    parser.add_argument("--alpha", type=float, default=1.0, help="how much of the forget change is taken away")
    parser.add_argument("--beta", type=float, default=0.0, help="how much of the retain change is added")
    parser.add_argument("--steps", type=int, default=60, help="steps of tuning the checkpoint, each time")
    parser.add_argument("--learning-rate", type=float, default=5e-4)


def run(options: argparse.Namespace, *, progress: Progress) -> Any:
    from unlearning.arithmetic import Weights, subtract
    from unlearning.rows import read_rows

    return subtract(
        options.model,
        checkpoint=options.checkpoint,
        forget=read_rows(options.forget),
        retain=read_rows(options.retain),
        out=options.out,
        weights=Weights(options.alpha, options.beta, options.steps, options.learning_rate),
        seed=options.seed,
        threads=options.threads,
        progress=progress,
    )
