"""Issue a key for a machine outside the company, or end one."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from compliance.accounts import tokens
from compliance.accounts.models import LegalEntity
from compliance.rules.errors import OubliError


class Command(BaseCommand):
    """``manage.py issue_token ENTITY NAME --scope unlearning --days 90``."""

    help = "Issue a key for a machine outside the company: it is printed once. --revoke ends it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Whose, for whom, for what, until when."""
        parser.add_argument("entity", help="slug of the company")
        parser.add_argument("name", help="who holds it")
        parser.add_argument("--scope", action="append", choices=tokens.SCOPES, default=[])
        parser.add_argument("--days", type=int, default=90)
        parser.add_argument("--revoke", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the key, or that it has ended."""
        entity = LegalEntity.objects.filter(slug=options["entity"]).first()
        if entity is None:
            raise CommandError("There is no such company; its slug stands in systems.yaml.")
        if options["revoke"]:
            if not tokens.revoke(entity, name=options["name"]):
                raise CommandError("There is no living token of that name.")
            self.stdout.write("The token has ended.")
            return
        scopes = options["scope"] or ["unlearning"]
        try:
            self.stdout.write(tokens.issue(entity, name=options["name"], scopes=scopes, days=options["days"]))
        except OubliError as error:
            raise CommandError(str(error)) from None
