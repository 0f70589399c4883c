"""``manage.py trace --identifier email:…``: a dry run that says where a person is and what a plan would do."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.table import Table

from compliance.accounts.models import LegalEntity
from compliance.mitigation import preview
from compliance.rules import identifiers
from compliance.rules.errors import OubliError


class Command(BaseCommand):
    """Touches nothing: no row is written, no file is changed, no letter is sent."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whom to look for."""
        parser.add_argument("--identifier", action="append", required=True, help="KIND:VALUE, for instance email:…")
        parser.add_argument("--entity", default="", help="slug of the legal entity; all of them without it")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print places and steps."""
        entities = (
            LegalEntity.objects.filter(slug=options["entity"]) if options["entity"] else LegalEntity.objects.all()
        )
        if not entities:
            raise CommandError("No such legal entity is registered. Run manage.py register systems.yaml first.")
        console = Console()
        try:
            wanted = [identifiers.parse(text) for text in options["identifier"]]
            for entity in entities:
                self._show(preview.preview(entity, wanted), entity, console)
        except OubliError as error:
            raise CommandError(f"{error.cause}\nNext: {error.next_action}") from error

    def _show(self, found: preview.Preview, entity: LegalEntity, console: Console) -> None:
        places = Table("Place", "Kind", "Own", "Shared", "Candidates", "Of", title=f"{entity.name}: found")
        for place in found.places:
            numbers = (place.own, place.shared, place.candidates, place.total)
            places.add_row(place.name, place.kind, *("" if n is None else f"{n:,}" for n in numbers))
        console.print(places)
        console.print("\n[bold]What a plan would do[/]")
        horizon = ""
        for step in found.steps:
            if step.horizon.label != horizon:
                horizon = step.horizon.label
                console.print(f"[bold]{horizon}[/]" + (f" ({step.scheduled_for})" if step.scheduled_for else ""))
            cost = f" Cost: {step.cost}." if step.cost else ""
            console.print(f"  {step.order:>2}. {step.action} · {step.artifact} · {step.count:,} — {step.reason}{cost}")
        console.print("Dry run: nothing was touched.")
