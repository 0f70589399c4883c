"""The book of erasures: a file outside the database, so that a restored database cannot forget what was erased.

One JSON object a line, only ever appended: an exclusion (keyed hashes), "this case was treated at this artifact", or
"this case was forgotten". It names references, artifacts and hashes, and nobody. Keep it where backups do not reach.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from django.conf import settings

from compliance.intake.models import CaseKey
from compliance.mitigation.models import Step
from compliance.provenance.models import Exclusion
from compliance.rules.errors import DamagedArtifact
from compliance.rules.terms import StepStatus

TREATING = ("erase_records", "redact_records", "rebuild_index", "purge_cache", "purge_log")


@dataclass(frozen=True)
class Book:
    """What was read: exclusions by (kind, key, case), treated pairs (case, artifact), references of forgotten cases."""

    exclusions: dict[tuple[str, str, str], dict[str, str]]
    treated: frozenset[tuple[str, str]]
    forgotten: frozenset[str]


def path() -> Path:
    """Where this installation keeps its book."""
    return Path(settings.OUBLI_VAR) / "erasures.jsonl"


def keep() -> int:
    """Append what the database knows and the book does not; returns how many lines were added."""
    with path().open("a+b") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        _mend(handle)
        known = set(_lines(path()))
        fresh = [line for line in dict.fromkeys(_told()) if line not in known]
        handle.write("".join(f"{line}\n" for line in fresh).encode())
        handle.flush()
        os.fsync(handle.fileno())
    return len(fresh)


def _mend(handle: IO[bytes]) -> None:
    """Take off a last line that a kill cut short: it is appended again, whole."""
    handle.seek(0)
    whole = handle.read()
    if whole and not whole.endswith(b"\n"):
        handle.truncate(whole.rfind(b"\n") + 1)
    handle.seek(0, os.SEEK_END)


def treated_here() -> set[tuple[str, str]]:
    """Pairs (case, artifact) whose records this database knows to be erased."""
    done = Step.objects.filter(action__in=TREATING, status=StepStatus.DONE, artifact__isnull=False)
    return set(done.values_list("plan__request__reference", "artifact__slug"))


def read(file: Path) -> Book:
    """The whole book; DamagedArtifact when it is not one. A last line that a kill cut short is left out."""
    exclusions: dict[tuple[str, str, str], dict[str, str]] = {}
    treated, forgotten = set(), set()
    for number, line in enumerate(_lines(file), start=1):
        try:
            row = json.loads(line)
            if kept := row.get("exclusion"):
                exclusions[kept["kind"], kept["key"], kept["case"]] = kept
            elif pair := row.get("treated"):
                treated.add((str(pair["case"]), str(pair["artifact"])))
            else:
                forgotten.add(str(row["forgotten"]))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise DamagedArtifact(
                f"Reading the book of erasures {file.name}, line {number}: it is damaged.",
                next_action="Take an older copy of the file and append the newer lines that are whole.",
            ) from None
    return Book(exclusions, frozenset(treated), frozenset(forgotten))


def _told() -> Iterator[str]:
    for row in Exclusion.objects.order_by("id").iterator():
        yield _line("exclusion", _of(row))
    for case, artifact in sorted(treated_here()):
        yield _line("treated", {"case": case, "artifact": artifact})
    gone = CaseKey.objects.filter(destroyed_at__isnull=False).values_list("request__reference", flat=True)
    for reference in sorted(gone):
        yield _line("forgotten", reference)


def _of(row: Exclusion) -> dict[str, str]:
    plain = {"kind": row.kind, "key": row.key, "case": row.case, "artifact": row.artifact}
    return {**plain, "signature": base64.b64encode(bytes(row.signature)).decode()} if row.signature else plain


def _line(kind: str, content: Any) -> str:
    return json.dumps({kind: content}, sort_keys=True)


def _lines(file: Path) -> Iterator[str]:
    if not file.exists():
        return
    with file.open(encoding="utf-8", errors="replace") as handle:
        yield from (line.rstrip("\n") for line in handle if line.endswith("\n") and line.strip())
