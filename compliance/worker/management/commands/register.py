"""``manage.py register systems.yaml``: check the file and write it down."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance.provenance import registration
from compliance.provenance.catalogue import CatalogueError


class Command(BaseCommand):
    """Every problem is named with file, line and remedy; nothing is written while there is one.

    It ends with 1 when the file says that a model or index was made from something that was erased.
    """

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which file."""
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        """Register the file."""
        try:
            summary = registration.register(options["file"], by="command line")
        except CatalogueError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{summary.entities} legal entities, {summary.artifacts} artifacts, {summary.derivations} derivations "
            f"registered; {summary.retired} artifacts retired."
        )
        if summary.unchecked:
            names = " ".join(summary.unchecked)
            self.stdout.write(
                f"Not held against the exclusions (inputs too large to read meanwhile, or not readable): {names}.\n"
                f"Next: manage.py exclusions ENTITY --check {names}"
            )
        if summary.refused:
            raise CommandError(
                "Registered, and refused: " + "\n".join(summary.refused) + "\nNext: take the rows out (python -m "
                "retrieval exclude, or manage.py replay), make it again, and register the file again.",
                returncode=1,
            )
