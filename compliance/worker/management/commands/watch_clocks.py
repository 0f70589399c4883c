"""The dead man's check: exit 1 when nobody has watched the clocks for a while."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from compliance.intake import watching


class Command(BaseCommand):
    """``manage.py watch_clocks``: for cron on another machine, or a monitor; ``/healthz/clocks`` says the same."""

    help = "Exit 1 when the worker has not watched the deadlines for --minutes (15)."

    def add_arguments(self, parser: CommandParser) -> None:
        """How long is too long."""
        parser.add_argument("--minutes", type=int, default=15)

    def handle(self, *args: Any, **options: Any) -> None:
        """Say when the clocks were last watched."""
        at = watching.last()
        when = at.isoformat(timespec="seconds") if at else "never"
        if watching.silent(after=timedelta(minutes=options["minutes"])):
            self.stderr.write(f"Nobody watches the clocks: last pass {when}. Start the worker and the scheduler.")
            sys.exit(1)
        self.stdout.write(f"The clocks are watched: last pass {when}.")
