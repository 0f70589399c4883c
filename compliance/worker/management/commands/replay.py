"""``manage.py replay [ARTIFACT ...]``: after a restore, do every past erasure again."""

from __future__ import annotations

import re
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance.provenance.models import Artifact
from compliance.rules.errors import OubliError
from compliance.worker import erasure_book, replaying


class Command(BaseCommand):
    """First our own database, from the book of erasures; then each artifact that was named, or all of them."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What was restored, and where the book is."""
        parser.add_argument("artifacts", nargs="*", help="artifacts that were restored; none: every one")
        parser.add_argument("--book", type=Path, help="the book of erasures, where it is not this installation's own")
        parser.add_argument(
            "--looked", action="store_true", help="near copies named here were looked at and are not the person's"
        )
        parser.add_argument("--dry-run", action="store_true", help="count in the sources, change nothing anywhere")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, one line for each artifact; ends with 1 when something needs a person."""
        file = options["book"] or erasure_book.path()
        if options["book"] and not file.is_file():
            raise CommandError(f"There is no book of erasures at {file}.\nNext: name the file that was kept outside.")
        try:
            left = self._replay(file, options["artifacts"], dry=options["dry_run"], looked=options["looked"])
        except OubliError as error:
            raise CommandError(f"{error.cause}\nNext: {error.next_action}") from error
        if left:
            raise CommandError(f"{left} artifacts need a person, as said above.", returncode=1)

    def _replay(self, file: Path, slugs: list[str], *, dry: bool, looked: bool) -> int:
        book, left, seen = erasure_book.read(file), 0, set[str]()
        chosen = _chosen(slugs)
        if not dry:
            own = replaying.own_database(book)
            self.stdout.write(f"own database: {own.exclusions} exclusions added, {_more(own)}")
        treated = replaying.treated(book)
        for artifact in chosen:
            try:
                done = replaying.source(artifact, treated.get(artifact.slug, set()), dry=dry, book=book)
            except OubliError as error:
                self.stdout.write(f"{artifact.slug}: NOT DONE. {error.cause} Next: {error.next_action}")
                left += 1
                continue
            self.stdout.write(_words(done, dry=dry))
            seen |= {each.key for each in done.near}
            left += bool((done.near and not looked) or done.note)
        if not dry:
            erasure_book.keep(looked=seen if looked else ())
        return left


def _chosen(slugs: list[str]) -> list[Artifact]:
    rows = Artifact.objects.filter(retired_at=None).select_related("entity")
    if missing := set(slugs) - set(rows.values_list("slug", flat=True)):
        raise CommandError(f"No artifact is registered as {', '.join(sorted(missing))}.\nNext: see systems.yaml.")
    return list(rows.filter(slug__in=slugs) if slugs else rows)


def _more(own: replaying.OwnDatabase) -> str:
    lifted = f"{own.lifted} lifts added, " if own.lifted else ""
    return f"{lifted}{own.forgotten} cases forgotten again"


def _words(done: replaying.Replayed, *, dry: bool) -> str:
    what = "would be " if dry else ""
    near = f"; {len(done.near)} near copies: an officer has to look{_where(done)}" if done.near else ""
    told = (
        f"{done.cases} cases, {done.records} records read, {done.removed} {what}removed, {done.redacted} {what}redacted"
    )
    return (
        f"{done.artifact}: {told}{near}{f', {done.level}' if done.level else ''}{f'; {done.note}' if done.note else ''}"
    )


def _where(done: replaying.Replayed) -> str:
    """Where the first of them stand, when that is a file and a line and nobody's name."""
    places = [each.where for each in done.near if re.fullmatch(r"[\w.-]+, line \d+", each.where)][:5]
    return f" ({'; '.join(places)})" if places else ""
