"""`evaluate`: measure one model, without a verdict."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from unlearning.types import Progress
from unlearning.verbs.probes import facts_of, probing

HELP = "measure one model, without a verdict"


def arguments(parser: argparse.ArgumentParser) -> None:
    probing(parser)
    parser.add_argument("--metrics", nargs="*", default=[], help="metrics of the table, by name (all of them)")
    parser.add_argument("--reference", type=Path, help="a model of the same vocabulary that never saw the person")


def run(options: argparse.Namespace, *, progress: Progress) -> Any:
    from unlearning.evaluate import evaluate_folder

    return evaluate_folder(
        options.model,
        facts=facts_of(options),
        names=options.metrics,
        reference=options.reference,
        seed=options.seed,
        candidates=options.candidates,
        threads=options.threads,
        progress=progress,
    )
