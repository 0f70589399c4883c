"""Register another organisation's machine: a controller (OpenDSR), an agent (Data Rights Protocol), a recipient."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from compliance.accounts.models import LegalEntity
from compliance.audit import services as audit
from compliance.intake import partners
from compliance.intake.ledgers import Partner
from compliance.rules.errors import OubliError


class Command(BaseCommand):
    """``manage.py partner KIND ID --entity SLUG --name NAME [--key BASE64] [--host HOST] [--url URL] [--attests]``"""

    help = "Register a partner. A controller gets its bearer token here, shown once; an agent asks for its own."

    def add_arguments(self, parser: CommandParser) -> None:
        """Who it is, for whom, and what its word counts."""
        parser.add_argument("kind", choices=[str(kind) for kind in Partner.Kind])
        parser.add_argument("id", help="how the partner names itself in messages")
        parser.add_argument("--entity", required=True, help="slug of the legal entity")
        parser.add_argument("--name", required=True)
        parser.add_argument("--key", default="", help="Ed25519 public key, base64")
        parser.add_argument("--host", action="append", default=[], help="host that callbacks may go to; may repeat")
        parser.add_argument("--url", default="", help="where signed webhooks go (recipients)")
        parser.add_argument("--attests", action="store_true", help="its word that an identifier was verified counts")
        parser.add_argument("--identifiers", action="store_true", help="identifiers go to it over the webhook")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write it down; the log says that it was registered."""
        entity = LegalEntity.objects.filter(slug=options["entity"]).first()
        if entity is None:
            raise CommandError("No legal entity has that slug. See systems.yaml.")
        kind = Partner.Kind(options["kind"])
        try:
            with transaction.atomic():
                partner = self._register(entity, kind, options)
                detail = {"kind": str(kind), "id": options["id"], "attests": options["attests"]}
                audit.record("partner.registered", case="", entity=entity.slug, by="operator", detail=detail)
        except OubliError as error:
            raise CommandError(str(error)) from None
        audit.sequence()
        self.stdout.write(f"{partner.name} is registered as {kind.label}.")
        if kind is Partner.Kind.CONTROLLER:
            self.stdout.write(f"Its bearer token, shown once: {partners.new_token(partner)}")

    def _register(self, entity: LegalEntity, kind: Partner.Kind, options: dict[str, Any]) -> Partner:
        return partners.register(
            entity,
            kind=kind,
            name=options["name"],
            external_id=options["id"],
            public_key=options["key"],
            hosts=[host.lower() for host in options["host"]],
            url=options["url"],
            attests=options["attests"],
            gets_identifiers=options["identifiers"],
        )
