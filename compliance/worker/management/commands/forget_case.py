"""``manage.py forget_case REFERENCE``: destroy the key of a case and its personal data."""

from __future__ import annotations

import getpass
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance.intake.models import ErasureRequest
from compliance.rules.errors import OubliError
from compliance.worker import oblivion


class Command(BaseCommand):
    """Forget a case that has ended, or with ``--due`` every case whose time is over."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which case."""
        parser.add_argument("reference", nargs="?", default="", help="the case, as OUB-XXXX-XXXX")
        parser.add_argument(
            "--due", action="store_true", help="every case whose retention has ended (the schedule's work)"
        )
        parser.add_argument(
            "--early",
            action="store_true",
            help="also an answered case: its safety copies go now, its later sweeps are given up",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Forget, and say what went."""
        if options["due"]:
            self.stdout.write(f"{oblivion.forget_due()} cases forgotten.")
            return
        reference = options["reference"].strip().upper()
        request = ErasureRequest.objects.select_related("entity").filter(reference=reference).first()
        if request is None:
            raise CommandError("There is no case with that reference. Give it as it stands on the case's page.")
        try:
            if options["early"]:
                oblivion.end_early(request)
            gone = oblivion.forget(request, by=f"command line ({getpass.getuser()})")
        except OubliError as error:
            raise CommandError(f"{error.cause}\nNext: {error.next_action}") from error
        self.stdout.write(
            f"{reference} is forgotten: its key is destroyed; {gone.fields} personal fields, {gone.traces} traces, "
            f"{gone.words} openings of the log and {gone.letters} letters in the mail folder are gone."
        )
        self.stdout.write("The log still verifies: manage.py verify_log.")
