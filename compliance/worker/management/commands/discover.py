"""``manage.py discover systems.yaml``: what lies in the stores that the map does not say; nothing is written."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance.provenance import catalogue, discovery
from compliance.provenance.catalogue import CatalogueError
from compliance.rules.errors import without_identifiers


class Command(BaseCommand):
    """Reads samples of every place; names fields, tables and files, never a value. Ends with 1 when it alarms."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which map."""
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        """Print alarms first, then proposals."""
        try:
            found = sorted(discovery.discover(catalogue.load(options["file"])), key=lambda row: not row.alarm)
        except CatalogueError as error:
            raise CommandError(str(error)) from error
        for row in found:
            self.stdout.write(f"{'ALARM   ' if row.alarm else 'proposal'} {row.place}: {without_identifiers(row.what)}")
            self.stdout.write(f"           {without_identifiers(row.proposal)}")
        alarms = sum(row.alarm for row in found)
        if alarms:
            raise CommandError(f"{alarms} alarms: correct the map, register it, and run this again.", returncode=1)
        self.stdout.write(f"Nothing is unmapped; {len(found)} proposals.")
