"""California's deletion list: take a pulled file in, compare it with the records, write the codes that go back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from compliance.accounts.models import LegalEntity
from compliance.audit import services as audit
from compliance.intake.ledgers import ListPull
from compliance.rules.errors import OubliError
from compliance.worker import deletion_list


class Command(BaseCommand):
    """``manage.py deletion_list take-in|match|export|opted-out|not-found --entity SLUG [FILE|FOLDER|WORK_ITEM]``"""

    help = "Take in a pulled deletion list, match it with the registered records, export the status codes."

    def add_arguments(self, parser: CommandParser) -> None:
        """What to do, for whom, with which file."""
        parser.add_argument("verb", choices=["take-in", "match", "export", "opted-out", "not-found"])
        parser.add_argument("what", nargs="?", default=".", help="a file, a folder, or a work item")
        parser.add_argument("--entity", required=True, help="slug of the legal entity that is the data broker")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, and say how many."""
        entity = LegalEntity.objects.filter(slug=options["entity"]).first()
        if entity is None:
            raise CommandError("No legal entity has that slug. See systems.yaml.")
        try:
            self.stdout.write(self._do(entity, options["verb"], options["what"]))
        except OubliError as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(f"The file could not be read or written: {error.strerror}.") from None
        audit.sequence()

    def _do(self, entity: LegalEntity, verb: str, what: str) -> str:
        if verb == "take-in":
            pull = deletion_list.take_in(entity, Path(what))
            return f"{pull.items.count()} work items in {pull.name}."
        if verb == "opted-out":
            return f"{deletion_list.opted_out(entity, what)} work items opted out."
        if verb == "not-found":
            return f"{deletion_list.not_found(entity, what)} work items not found."
        pulls = ListPull.objects.filter(entity=entity)
        if verb == "match":
            found = [deletion_list.match(pull) for pull in pulls.filter(matched_at=None)]
            count = {name: sum(one[name] for one in found) for name in ("matched", "not_found", "not_compared")}
            said = f"{count['matched']} matched, {count['not_found']} not found."
            if not count["not_compared"]:
                return said
            return (
                f"{said} {count['not_compared']} records could not be compared (dates, letters of unknown spelling): "
                "what was not found is exported once an officer has looked (not-found WORK_ITEM)."
            )
        written = [deletion_list.export(pull, Path(what)).name for pull in pulls.exclude(matched_at=None)]
        return f"Written: {', '.join(written) or 'nothing'}."
