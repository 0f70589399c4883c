"""``manage.py exclusions ENTITY FOLDER``: what may not come back, as a list and its key for training machines."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance.accounts.models import LegalEntity
from compliance.intake import vault
from compliance.provenance import exclusion, renewing
from compliance.provenance.models import Artifact
from compliance.rules.errors import OubliError
from compliance.worker import erasure_book


class Command(BaseCommand):
    """Writes ``exclusions.json`` and ``exclusions.key``; with ``--check`` it looks at what artifacts were made from."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whose list, and where to; or what to check."""
        parser.add_argument("entity", help="the legal entity's short name")
        parser.add_argument("folder", nargs="?", type=Path, help="where list and key are written")
        parser.add_argument("--renew", action="store_true", help="hash older entries under the list's own key first")
        parser.add_argument("--check", nargs="+", default=[], metavar="ARTIFACT", help="refuse these if made from it")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write, or check; a refused artifact ends it with 1 and the reason."""
        entity = LegalEntity.objects.filter(slug=options["entity"]).first()
        if entity is None:
            raise CommandError("There is no such legal entity.\nNext: see systems.yaml.")
        if not (options["folder"] or options["check"] or options["renew"]):
            raise CommandError("Nothing to do.\nNext: name a folder, --check artifacts, or --renew.")
        if options["renew"]:
            done = renewing.renew(entity, by="command line")
            erasure_book.keep()
            self.stdout.write(
                f"{done.renewed} entries hashed anew under the list's own key; {done.left} older ones stay as they are "
                "(their cases are forgotten, or hold no plaintext of them)."
            )
        if options["folder"]:
            self._write(entity, options["folder"])
        refused = [slug for slug in options["check"] if not self._clean(entity, slug)]
        if refused:
            raise CommandError(f"Refused: {', '.join(refused)}.", returncode=1)

    def _write(self, entity: LegalEntity, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        listed, key = exclusion.list_of(entity), vault.exclusion_key()
        listed.write(folder / "exclusions.json", key)
        file = folder / "exclusions.key"
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as target:
            target.write(key)
        file.chmod(0o600)
        self.stdout.write(f"{len(listed.entries)} keyed hashes in {folder / 'exclusions.json'}.")
        if older := exclusion.in_force([entity]).filter(own_key=False).count():
            self.stdout.write(
                f"{older} older ones are hashed under another key that stays here, and are NOT in the list: "
                "this installation's own checks (--check, replay) still know them."
            )
        self.stdout.write(
            "Whoever has the key beside it can ask the list about anybody: keep it as you keep passwords."
        )

    def _clean(self, entity: LegalEntity, slug: str) -> bool:
        artifact = Artifact.objects.select_related("entity").filter(slug=slug, entity=entity).first()
        if artifact is None:
            raise CommandError(f"{slug} is not registered for this legal entity.\nNext: see systems.yaml.")
        try:
            exclusion.require_clean(artifact)
        except OubliError as error:
            self.stdout.write(f"{error.cause}\nNext: {error.next_action}")
            return False
        self.stdout.write(f"{slug}: nothing excluded in what it was made from.")
        return True
