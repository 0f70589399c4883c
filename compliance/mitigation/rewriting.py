"""Erase and redact in a store, keep an encrypted undo copy, purge what the store keeps after a delete."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from django.conf import settings
from django.utils import timezone

from compliance.intake import vault
from compliance.mitigation.models import Leftover
from compliance.mitigation.tasks import Outcome, Task
from compliance.provenance import search as searching
from compliance.provenance import services as provenance
from compliance.provenance.connectors import NEAR, Receipt
from compliance.provenance.connectors.rows import Total
from compliance.rules.errors import ProofFailed
from retrieval.types import Needle


def treat(task: Task, *, own: Collection[str], shared: Collection[str]) -> Outcome:
    """Take the person's own records out and blank the person in shared ones; others stay as they are."""
    _note_before(task)
    receipt = task.connector.erase(
        task.place,
        records=own,
        redactions=_redactions(task, shared),
        undo=task.undo_file(),
        region=task.search.region,
        progress=task.progress,
    )
    if receipt.remaining or not receipt.others_untouched:
        raise ProofFailed(
            f"{task.place.name}: {receipt.remaining} records remain, others "
            f"{'untouched' if receipt.others_untouched else 'CHANGED'}.",
            next_action="Look at the source: somebody may be writing to it. Then try again.",
        )
    # The level is measured: the store's own files are searched for the person once they are rewritten.
    purge = task.connector.purge(task.place, searching.patterns(task.search))
    _count(task)
    kept = keep_undo(task)
    return Outcome(merged(task, receipt, purge, kept), words=f"{receipt.removed} removed, {receipt.redacted} redacted")


def _note_before(task: Task) -> None:
    """How the place was before the first run of this step: a second run finds it changed already."""
    if "before" not in task.step.intent:
        seen = task.connector.describe(task.place)
        task.remember(before={"digest": seen.digest, "records": seen.records})


def _count(task: Task) -> None:
    """Count in the undo copy, before it is sealed: each record stands there once, however often the step was killed."""
    plain = task.undo_file()
    lines = [json.loads(line) for line in plain.read_bytes().splitlines()] if plain.exists() else []
    if lines:
        redacted = sum(bool(line["redacted"]) for line in lines)
        task.remember(
            counted={"removed": len(lines) - redacted, "redacted": redacted},
            renamed=_total(line["becomes"] for line in lines if "becomes" in line).hex(),
        )


def _total(digests: Iterable[str]) -> Total:
    total = Total()
    for digest in digests:
        total.drop(digest, -1)
    return total


def _redactions(task: Task, shared: Collection[str]) -> Mapping[str, Sequence[Needle]]:
    """All needles: a shared record counts by an identifier or by the officer's tick, so the name goes as well.

    Near copies go only where the officer has ticked one: in a record that merely mentions the person, a text that
    resembles the person's is its owner's.
    """
    needles = list(task.search.needles)
    near = [replace(needle, key=f"{needle.key}{NEAR}") for needle in needles if needle.kind == "content"]
    ticked = provenance.copies_of(task.request, task.artifact)
    return {record: [*needles, *near] if record in ticked else needles for record in shared}


def merged(task: Task, receipt: Receipt, purge: Receipt, kept: Leftover | None) -> dict[str, Any]:
    """The receipt of erase and purge as plain values; a second run adds to what the first one counted."""
    row = asdict(receipt)
    earlier = task.step.intent.get("counted", {})
    row["removed"] = max(receipt.removed, int(earlier.get("removed", 0)))
    row["redacted"] = max(receipt.redacted, int(earlier.get("redacted", 0)))
    row["level"] = purge.level
    row["notes"] = [*receipt.notes, *purge.notes]
    if (row["removed"], row["redacted"]) != (receipt.removed, receipt.redacted):
        before = task.step.intent["before"]
        row["digest_before"], row["records_before"] = before["digest"], before["records"]
        row["notes"] = ["the step was interrupted and finished by a second run", *purge.notes]
    row["digest_after"] = purge.digest_after or receipt.digest_after
    row["seconds"] = round(receipt.seconds + purge.seconds, 3)
    if kept:
        row["undo_until"] = kept.goes_on.isoformat()
    return row


def keep_undo(task: Task) -> Leftover | None:
    """Encrypt what was removed under a key of its own, and write down the day on which both go."""
    plain = task.undo_file()
    sealed = plain.with_suffix(".enc")
    existing = Leftover.objects.filter(step=task.step, path=str(sealed)).first()
    if not plain.exists():
        return existing
    key = Fernet.generate_key()
    _write(sealed, Fernet(key).encrypt(plain.read_bytes()))
    goes_on = timezone.now().date() + timedelta(days=settings.OUBLI_UNDO_DAYS)
    with task.progress.commit():
        row, _ = Leftover.objects.update_or_create(
            step=task.step,
            path=str(sealed),
            defaults={"kind": "undo", "wrapped_key": vault.wrap(key), "goes_on": goes_on},
        )
    plain.unlink()
    return row


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_suffix(".new")
    with temporary.open("wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    temporary.rename(path)
