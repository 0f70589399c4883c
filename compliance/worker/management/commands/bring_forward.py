"""``manage.py bring_forward REFERENCE``: the day on which undo copies and superseded models go is today."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from compliance.intake.models import ErasureRequest
from compliance.jobs import services as jobs
from compliance.mitigation import services as mitigation
from compliance.rules.terms import State, Work
from compliance.worker import tasks


class Command(BaseCommand):
    """Brings every later step of a case forward and carries it out, here, without waiting for a worker."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which case."""
        parser.add_argument("reference")

    def handle(self, *args: Any, **options: Any) -> None:
        """Bring forward, then do what is due."""
        case = ErasureRequest.objects.filter(reference=options["reference"].upper()).first()
        if case is None:
            raise CommandError("No case has this reference.")
        if State(case.state) is not State.ANSWERED:
            raise CommandError(f"The case stands in {case.state}; only an answered case has later steps.")
        with transaction.atomic():
            moved = mitigation.bring_forward(case, by="command line", on=timezone.now().date())
            jobs.enqueue(case.pk, Work.FOLLOW_UP)
        deadline = time.monotonic() + 120
        while mitigation.open_due(case, timezone.now().date()) and time.monotonic() < deadline:
            tasks.look()
            time.sleep(0.5)
        left = mitigation.open_due(case, timezone.now().date())
        if left:
            raise CommandError(f"{left} steps are still open; read the case's page.")
        self.stdout.write(f"{moved} steps brought forward and done.")
