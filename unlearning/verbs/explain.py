"""`explain`: ask an unlearned model why, and flag reasons that contradict the tests."""

from __future__ import annotations

import argparse
from typing import Any

from unlearning.types import Progress
from unlearning.verbs.probes import facts_of, probing

HELP = "ask an unlearned model why it does not answer, and flag what contradicts the tests"


def arguments(parser: argparse.ArgumentParser) -> None:
    probing(parser)


def run(options: argparse.Namespace, *, progress: Progress) -> Any:
    from unlearning.explain import explain

    return explain(
        options.model,
        facts=facts_of(options),
        seed=options.seed,
        candidates=options.candidates,
        threads=options.threads,
        progress=progress,
    )
