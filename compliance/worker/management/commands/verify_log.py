"""``manage.py verify_log``: recompute the whole log and say in words whether it holds."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance.audit import checkpoint, services


class Command(BaseCommand):
    """Recompute every line, head and signature of the log; exits 1 when anything does not hold."""

    help = "Recompute every line, head and signature of the log; exits 1 when anything does not hold."

    def handle(self, *args: Any, **options: Any) -> None:
        """Sequence what waits, verify, report."""
        services.sequence()
        found = services.verify_all()
        for problem in found.problems:
            self.stderr.write(f"  {problem}")
        if not found.holds:
            raise CommandError(f"the log does not hold: {len(found.problems)} problems in {found.lines} lines")
        key = checkpoint.fingerprint(services.public_key())
        self.stdout.write(f"The log holds: {found.lines} lines under {found.heads} signed heads.")
        self.stdout.write(f"Root {found.root}, key {key}.")
