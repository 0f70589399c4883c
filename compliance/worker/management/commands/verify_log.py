"""``manage.py verify_log``: recompute the whole log and say in words whether it holds."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance.accounts import services as accounts
from compliance.accounts.models import User
from compliance.audit import checkpoint, gaps, services
from compliance.audit.errors import NoSuchGap
from compliance.rules.terms import Role

WITH_GAPS = 3


class Command(BaseCommand):
    """Recompute every line, head and signature of the log; exits 1 when anything does not hold.

    A restore from an older backup leaves a gap: lines that were signed and are gone. An officer may answer for it; the
    log then holds again, every run says the gap all the same and exits 3, never 0.
    """

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Who answers for a gap, and why."""
        parser.add_argument("--acknowledge", metavar="REASON", help="why lines are gone; names no data subject")
        parser.add_argument("--by", default="", help="with --acknowledge: the officer who answers, by user name")

    def handle(self, *args: Any, **options: Any) -> None:
        """Sequence what waits, verify, report."""
        if options["acknowledge"] is not None:
            self._acknowledge(options["by"], options["acknowledge"])
        services.sequence()
        found = services.verify_all()
        for problem in found.problems:
            self.stderr.write(f"  {problem}")
        said = [_words(gap) for gap in gaps.acknowledged()]
        for words in said:
            self.stderr.write(f"  {words}")
        if not found.holds:
            raise CommandError(f"the log does not hold: {len(found.problems)} problems in {found.lines} lines")
        key = checkpoint.fingerprint(services.public_key())
        self.stdout.write(f"The log holds: {found.lines} lines under {found.heads} signed heads.")
        self.stdout.write(f"Root {found.root}, key {key}.")
        if said:
            count = "1 acknowledged gap" if len(said) == 1 else f"{len(said)} acknowledged gaps"
            raise CommandError(f"the log holds, with {count}: what was lost is not in it", returncode=WITH_GAPS)

    def _acknowledge(self, name: str, reason: str) -> None:
        officer = User.objects.filter(username=name, is_active=True).first()
        if officer is None or not accounts.entities_of(officer, [Role.OFFICER]):
            raise CommandError("Only a privacy officer answers for a gap.\nNext: name one with --by.")
        try:
            gaps.acknowledge(by=officer.get_username(), reason=reason)
        except NoSuchGap as error:
            raise CommandError(
                f"Nothing was acknowledged: {error}.\nNext: manage.py verify_log says what it finds."
            ) from error


def _words(gap: gaps.Gap) -> str:
    lost = "the copy of the last head was damaged, so what it proved is unknown"
    if gap.lines is not None:
        lost = f"{gap.lines} lines under root {gap.root[:16]}… had been signed and are not all in this log"
    return f"acknowledged gap: {lost}; {gap.by} on {gap.at:%Y-%m-%d}: {gap.reason or 'the reason is gone'}"
