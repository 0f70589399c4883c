"""``manage.py build_sample``: make the sample company, with progress bars."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from compliance.rules.errors import OubliError
from compliance.worker.sample.build import build

_TITLES = {
    "data": "Tickets, customers, training set",
    "search.embed_and_index": "Search index (MiniLM)",
    "training.train_in_stages": "Language model, two stages",
}


class Command(BaseCommand):
    """Makes Aurora Support, a company that does not exist, from a seed."""

    help = "Make the sample company: tickets, customers, training set, logs, cache, index and a trained model."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Where, from which seed, how large."""
        parser.add_argument("--out", type=Path, default=Path("var/sample"), help="folder to make (default var/sample)")
        parser.add_argument("--seed", type=int, default=7)
        parser.add_argument("--small", action="store_true", help="30 people and 300 tickets, for tests")
        parser.add_argument("--force", action="store_true", help="make it anew even if it is there")

    def handle(self, *args: Any, **options: Any) -> None:
        """Build with one bar for each part."""
        console = Console()
        bars = Progress(
            TextColumn("{task.description:<34}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(), TextColumn("{task.fields[message]}"), console=console,
        )  # fmt: skip
        with bars:
            known = {job: bars.add_task(title, total=1.0, message="") for job, title in _TITLES.items()}
            try:
                built = build(
                    options["out"],
                    seed=options["seed"],
                    small=options["small"],
                    force=options["force"],
                    report=lambda job, done, said: bars.update(known[job], completed=done, message=said[:40]),
                )
            except OubliError as error:
                raise CommandError(str(error)) from error
            if not built.fresh:
                for task in known.values():
                    bars.update(task, completed=1.0, message="already there")
        self.stdout.write(f"{options['out']}: {'made' if built.fresh else 'already there'}; systems.yaml describes it.")
