"""``manage.py register systems.yaml``: check the file and write it down."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance.provenance import registration
from compliance.provenance.catalogue import CatalogueError


class Command(BaseCommand):
    """Every problem is named with file, line and remedy; nothing is written while there is one."""

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
