"""`audit`: measure what a model still holds of a person."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from unlearning.types import Progress
from unlearning.verbs.words import probing

HELP = "measure what a model still holds of a person"


def arguments(parser: argparse.ArgumentParser) -> None:
    probing(parser)
    parser.add_argument("--before", type=Path, help="the model before the work, to show the test's power")


def run(options: argparse.Namespace, *, progress: Progress) -> Any:
    from unlearning.audit import audit
    from unlearning.rows import read_facts

    return audit(
        options.model,
        facts=read_facts(options.probe),
        before=options.before,
        seed=options.seed,
        candidates=options.candidates,
        threads=options.threads,
        progress=progress,
    )
