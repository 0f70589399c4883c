"""``manage.py generate_docs [--check]``: documents that are made from the code, written or compared."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from compliance.rules import documents

PAGES = {
    "lifecycle.md": documents.lifecycle_markdown,
    "glossary.md": documents.glossary_markdown,
    "law.md": documents.law_markdown,
}


class Command(BaseCommand):
    """A page that differs from the code fails the check."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Write or compare."""
        parser.add_argument("--check", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the pages, or say which are stale."""
        stale = []
        for name, write in PAGES.items():
            path, text = settings.BASE_DIR / "docs" / name, write()
            if options["check"] and (not path.exists() or path.read_text() != text):
                stale.append(name)
            elif not options["check"]:
                path.write_text(text)
        if stale:
            raise CommandError(f"Stale: {', '.join(stale)}. Run manage.py generate_docs.")
