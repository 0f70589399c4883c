"""Verbs of the command line, one module each. To add one: write the file, add a line to TABLE.

Modules are imported before torch is: what is heavy is imported inside `run`.
"""

from __future__ import annotations

import argparse
import pkgutil
from typing import Any, Protocol, cast

from unlearning.types import Progress


class Verb(Protocol):
    """What a verb's module offers: one line of help, its words, and the work, which returns a frozen dataclass."""

    HELP: str

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the verb's own words; `--json`, `--threads` and `--seed` are there already."""

    def run(self, options: argparse.Namespace, *, progress: Progress) -> Any:
        """Do the work."""


TABLE = {
    "train": "unlearning.verbs.train",
    "replay": "unlearning.verbs.replay",
    "unlearn": "unlearning.verbs.unlearn",
    "shards": "unlearning.verbs.shards",
    "subtract": "unlearning.verbs.subtract",
    "retrain": "unlearning.verbs.retrain",
    "tune": "unlearning.verbs.tune",
    "compare": "unlearning.verbs.compare",
    "forecast": "unlearning.verbs.forecast",
    "ask": "unlearning.verbs.ask",
    "audit": "unlearning.verbs.audit",
    "attack": "unlearning.verbs.attack",
    "evaluate": "unlearning.verbs.evaluate",
    "targets": "unlearning.verbs.targets",
    "explain": "unlearning.verbs.explain",
    "edit": "unlearning.verbs.edit",
    "classifier": "unlearning.verbs.classifier",
}


def load(name: str) -> Verb:
    """The verb of that name, which must be in the table."""
    return cast(Verb, pkgutil.resolve_name(TABLE[name]))
