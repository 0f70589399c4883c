"""``manage.py lineage ENTITY PATH ...``: what was made from what, as DVC, MLflow or a pipeline wrote it."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance.accounts.models import LegalEntity
from compliance.provenance import openlineage, told
from compliance.provenance.exclusion import InputsRefused
from compliance.rules.errors import InvalidInput, OubliError


class Command(BaseCommand):
    """Each PATH is a file of RunEvents (JSON lines), a folder with DVC files, or an MLflow file store."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whose lineage, and where it is written."""
        parser.add_argument("entity", help="the legal entity's short name")
        parser.add_argument("paths", nargs="+", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        """Take in every run; ends with 1 when one made something of what was erased."""
        entity = LegalEntity.objects.filter(slug=options["entity"]).first()
        if entity is None:
            raise CommandError("There is no such legal entity.\nNext: see systems.yaml.")
        runs = refused = passed = 0
        try:
            for event in (event for path in options["paths"] for event in _events(path)):
                try:
                    run = openlineage.take_in(event, [entity], by="command line")
                    runs += 1
                    for name in run.unmapped:
                        self.stdout.write(f"{event.job}: {name} is registered nowhere.")
                except InputsRefused as error:
                    refused += 1
                    self.stdout.write(f"REFUSED {event.job}: {error.cause} Next: {error.next_action}")
                except InvalidInput:
                    passed += 1
        except OubliError as error:
            raise CommandError(f"{error.cause}\nNext: {error.next_action}") from error
        self.stdout.write(f"{runs} runs taken in, {passed} of nothing that is registered here, {refused} refused.")
        if refused:
            raise CommandError(f"{refused} runs made something of what was erased.", returncode=1)


def _events(path: Path) -> Iterator[openlineage.Event]:
    if path.is_file():
        yield from told.events(path)
    elif path.is_dir():
        yield from told.dvc(path)
        for store in {path, path / "mlruns"}:
            yield from told.mlflow(store)
    else:
        raise CommandError(f"There is nothing at {path}.")
