"""Read delivery reports from a mailbox folder and write each on the case whose letter came back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from compliance.audit import services as audit
from compliance.intake import bounces


class Command(BaseCommand):
    """``manage.py read_bounces FOLDER``"""

    help = "Read delivery reports (a Maildir, or a folder of .eml files); what was matched is moved to FOLDER/read."

    def add_arguments(self, parser: CommandParser) -> None:
        """The folder."""
        parser.add_argument("folder", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        """Read each message; one that is no report of ours stays where it is."""
        folder: Path = options["folder"]
        if not folder.is_dir():
            raise CommandError(f"Reading delivery reports: {folder} is no folder. Name the mailbox's folder.")
        matched = read = 0
        for path in list(bounces.messages_in(folder)):
            read += 1
            report = bounces.read_report(path.read_bytes()) if path.stat().st_size <= bounces.LONGEST else None
            if report and bounces.note(report):
                matched += 1
                done = folder / "read"
                done.mkdir(exist_ok=True, mode=0o700)
                path.rename(done / path.name)
        audit.sequence()
        self.stdout.write(f"{read} messages read, {matched} letters came back.")
