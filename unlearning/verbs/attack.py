"""`attack`: try to bring a person's values back."""

from __future__ import annotations

import argparse
from typing import Any

from unlearning.types import Progress
from unlearning.verbs.probes import facts_of, probing

HELP = "try to bring a person's values back"


def arguments(parser: argparse.ArgumentParser) -> None:
    probing(parser)
    parser.add_argument("--attacks", nargs="*", default=[], help="attacks of the table, by name (all of them)")


def run(options: argparse.Namespace, *, progress: Progress) -> Any:
    from unlearning.attack import attack

    return attack(
        options.model,
        facts=facts_of(options),
        names=options.attacks,
        seed=options.seed,
        candidates=options.candidates,
        threads=options.threads,
        progress=progress,
    )
