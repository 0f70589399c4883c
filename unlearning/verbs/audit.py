"""`audit`: measure what a model still holds of a person."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from unlearning.types import Progress
from unlearning.verbs.probes import facts_of, probing

HELP = "measure what a model still holds of a person"


def arguments(parser: argparse.ArgumentParser) -> None:
    probing(parser)
    parser.add_argument("--before", type=Path, help="the model before the work, to show the test's power")
    parser.add_argument("--receipt", type=Path, help="the --json result of the exact verb that made the model")
    parser.add_argument(
        "--attacks",
        nargs="*",
        default=[],
        help="attacks too: by name, `standard` (all but the long ones), or `all`",
    )


def run(options: argparse.Namespace, *, progress: Progress) -> Any:
    from unlearning.attacks import TABLE
    from unlearning.audit import STANDARD, audit

    groups = {"standard": STANDARD, "all": tuple(TABLE)}
    names = [name for word in options.attacks for name in groups.get(word, (word,))]
    return audit(
        options.model,
        facts=facts_of(options),
        before=options.before,
        receipt=options.receipt,
        attack_names=tuple(dict.fromkeys(names)),
        seed=options.seed,
        candidates=options.candidates,
        threads=options.threads,
        progress=progress,
    )
