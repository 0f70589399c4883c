"""``manage.py rotate_log_key --stopped``: heads, packs and webhooks are signed with a new key from now on."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance.audit import new_key
from compliance.audit.errors import BadSuccession
from compliance.worker.management.commands.rotate_keys import must_stand_still


class Command(BaseCommand):
    """Two halves: a new key, which the old one vouches for; then, when partners have it, the end of the old one."""

    help = "Sign the log with a new key. Stop web, workers and scheduler first; killed, run it again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Somebody says that nothing runs; and which half."""
        parser.add_argument("--stopped", action="store_true", help="web, workers and scheduler are stopped")
        parser.add_argument("--finish", action="store_true", help="partners have the new key: destroy the old one")

    def handle(self, *args: Any, **options: Any) -> None:
        """Rotate or finish, and say what comes next."""
        must_stand_still(options["stopped"], or_else="would go on signing with the old key, and its heads not hold")
        if options["finish"]:
            if not new_key.finish():
                raise CommandError("No rotation waits for its end.\nNext: nothing; the log has one key.")
            self.stdout.write("The former private key is destroyed. Start everything again, and back up OUBLI_KEYS.")
            return
        try:
            fingerprint = new_key.replace()
        except BadSuccession as error:
            raise CommandError(f"Nothing was rotated: {error}.") from None
        self.stdout.write(f"The log is signed with key {fingerprint} from now on; what was signed before still holds.")
        self.stdout.write(
            "Publish the fingerprint beside the former one, and give partners the new public key: webhooks are signed "
            "by both until you run --finish. Start everything again, and back up OUBLI_KEYS."
        )
