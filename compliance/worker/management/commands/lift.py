"""``manage.py lift REFERENCE --by OFFICER --reason WORDS``: somebody who was erased has come back as a customer."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance.accounts.models import User
from compliance.intake.models import ErasureRequest
from compliance.provenance import lifting
from compliance.provenance.models import Artifact
from compliance.rules.errors import OubliError
from compliance.worker import erasure_book


class Command(BaseCommand):
    """Frees a case's identifiers; with ``--undone ARTIFACT`` it says that the erasure there was undone by hand."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which case, who decides, and why."""
        parser.add_argument("reference")
        parser.add_argument("--by", required=True, help="the officer who decides: their user name")
        parser.add_argument("--reason", required=True, help="why, without naming the person")
        parser.add_argument("--undone", metavar="ARTIFACT", help="the place whose locked copy was put back")

    def handle(self, *args: Any, **options: Any) -> None:
        """Decide, log, and write it into the book of erasures."""
        case = ErasureRequest.objects.select_related("entity").filter(reference=options["reference"].upper()).first()
        officer = User.objects.filter(username=options["by"], is_active=True).first()
        if case is None or officer is None:
            raise CommandError("There is no such case, or no such user.\nNext: see the case's page and the staff list.")
        try:
            self._decide(case, officer, options["reason"], options["undone"] or "")
        except OubliError as error:
            raise CommandError(f"{error.cause}\nNext: {error.next_action}") from error
        erasure_book.keep()

    def _decide(self, case: ErasureRequest, officer: User, reason: str, slug: str) -> None:
        if slug:
            artifact = Artifact.objects.filter(slug=slug).first()
            if artifact is None:
                raise CommandError(f"No artifact is registered as {slug}.\nNext: see systems.yaml.")
            lifting.undone(case, artifact, by=officer, reason=reason)
            self.stdout.write(f"{case.reference} counts as not treated at {slug}.")
            return
        done = lifting.lift(case, by=officer, reason=reason)
        self.stdout.write(f"{done.identifiers} identifiers of {case.reference} may be used again; its records may not.")
        if done.held_by:
            self.stdout.write(f"Some are still excluded by {', '.join(done.held_by)}: decide about each.")
