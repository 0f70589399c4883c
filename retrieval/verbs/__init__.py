"""The commands of ``python -m retrieval``: a module each, named here.

To add one: write ``retrieval/verbs/<name>.py`` with ``HELP``, ``arguments(parser)`` and ``run(given)``, which returns
(result, exit code), and add a line here; ``EXAMPLE``, where it has one, stands at the end of its help. A verb imports
what is heavy inside ``run``, so that ``--help`` is quick.
"""

import pkgutil
from argparse import ArgumentParser, Namespace
from typing import Final, Protocol, cast

VERBS: Final = {
    "build": "retrieval.verbs.build",
    "search": "retrieval.verbs.search",
    "locate": "retrieval.verbs.locate",
    "names": "retrieval.verbs.names",
    "hide": "retrieval.verbs.hide",
    "show": "retrieval.verbs.show",
    "about": "retrieval.verbs.about",
    "erase": "retrieval.verbs.erase",
    "empty": "retrieval.verbs.empty",
    "probe": "retrieval.verbs.probe",
    "absent": "retrieval.verbs.absent",
    "ingest": "retrieval.verbs.ingest",
    "scan": "retrieval.verbs.scan",
    "serve": "retrieval.verbs.serve",
    "exclude": "retrieval.verbs.exclude",
    "suppress": "retrieval.verbs.suppress",
}


class Verb(Protocol):
    """One command: what it says of itself, what it takes, what it does."""

    HELP: str

    def arguments(self, parser: ArgumentParser) -> None:
        """Add what the command takes; ``--json`` is there already."""

    def run(self, given: Namespace) -> tuple[object, int]:
        """Do it; return a row or a list of rows, and the exit code."""


def load(name: str) -> Verb:
    """Return the verb of that name."""
    return cast(Verb, pkgutil.resolve_name(VERBS[name]))
