"""``manage.py rotate_keys --stopped``: a new master key, everything sealed anew under it."""

from __future__ import annotations

import secrets
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from compliance.accounts.master_key import write_secret
from compliance.jobs.models import Job
from compliance.rules.errors import OubliError
from compliance.worker import key_rotation

_CURRENT, _PREVIOUS = "oubli_master_key", "oubli_master_key_previous"


class Command(BaseCommand):
    """Rotates the key that stands in ``OUBLI_KEYS``; with one from the environment it does the second half."""

    help = "Seal every kept key under a new master key. Stop web, workers and scheduler first; killed, run it again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Somebody says that nothing runs."""
        parser.add_argument("--stopped", action="store_true", help="web, workers and scheduler are stopped")

    def handle(self, *args: Any, **options: Any) -> None:
        """Rotate, and say what comes next."""
        must_stand_still(options["stopped"], or_else="would seal new cases under the old key, and they would be lost")
        keys = Path(settings.OUBLI_KEYS)
        in_file = (keys / _CURRENT).is_file() and (keys / _CURRENT).read_text() == settings.OUBLI_MASTER_KEY
        if in_file:
            _new_key(keys)
        elif not settings.OUBLI_MASTER_KEY_PREVIOUS:
            raise CommandError(
                "The master key comes from the environment.\nNext: set OUBLI_MASTER_KEY to a new key and "
                "OUBLI_MASTER_KEY_PREVIOUS to the one in use, and run this again."
            )
        try:
            done = key_rotation.rotate()
        except OubliError as error:
            raise CommandError(f"{error.cause}\nNext: {error.next_action}") from None
        self.stdout.write(
            f"Sealed anew: {done.cases} cases, {done.copies} undo copies, {done.second_factors} second factors."
        )
        if in_file:
            (keys / _PREVIOUS).unlink()
            self.stdout.write("The old key is gone. Start everything again, and back up OUBLI_KEYS.")
        else:
            self.stdout.write("Take OUBLI_MASTER_KEY_PREVIOUS out of the environment, and start everything again.")


def must_stand_still(said: bool, *, or_else: str) -> None:
    """CommandError unless somebody says that nothing runs, and no worker holds a job."""
    if not said:
        raise CommandError(
            f"A process that runs on {or_else}.\nNext: stop web, workers and scheduler, then say --stopped."
        )
    if Job.objects.filter(lease_until__gt=timezone.now()).exists():
        raise CommandError("A worker holds a job.\nNext: stop it, wait a minute, and try again.")


def _new_key(keys: Path) -> None:
    """The old key beside the new one; what a killed run left goes on from there."""
    if not (keys / _PREVIOUS).exists():
        write_secret(keys / _PREVIOUS, settings.OUBLI_MASTER_KEY.encode())
        write_secret(keys / _CURRENT, secrets.token_urlsafe(48).encode())
    elif (keys / _PREVIOUS).read_text() == (keys / _CURRENT).read_text():  # killed between the two
        write_secret(keys / _CURRENT, secrets.token_urlsafe(48).encode())
    settings.OUBLI_MASTER_KEY = (keys / _CURRENT).read_text()
    settings.OUBLI_MASTER_KEY_PREVIOUS = (keys / _PREVIOUS).read_text()
