"""The book of erasures: a file outside the database, so that a restored database cannot forget what was erased.

One JSON object a line, only ever appended: an exclusion (keyed hashes), "this case was treated at this artifact", "its
erasure there was undone" or "its identifiers may be used again" (an officer's decisions), "these weights serve since",
"this record was looked at", or "this case was forgotten". It names references, artifacts, officers and hashes, and no
data subject. Keep it where backups do not reach.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from django.conf import settings

from compliance.intake.models import CaseKey
from compliance.mitigation.models import Step
from compliance.provenance.models import Exclusion, Lift
from compliance.rules.errors import DamagedArtifact
from compliance.rules.terms import StepStatus

TREATING = ("erase_records", "redact_records", "rebuild_index", "purge_cache", "purge_log")


@dataclass(frozen=True)
class Book:
    """What was read: exclusions by (kind, key, case), pairs (case, artifact), references of cases.

    ``treated`` and ``undone`` are pairs, ``lifted`` says by whom and why for each pair (without artifact: the
    identifiers), ``weights`` are the digests that each model has served with since erasures, the newest last, and
    ``looked`` keyed hashes of records that resemble erased ones and are not the person's.
    """

    exclusions: dict[tuple[str, str, str], dict[str, str]] = field(default_factory=dict)
    treated: set[tuple[str, str]] = field(default_factory=set)
    lifted: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    weights: dict[str, list[str]] = field(default_factory=dict)
    looked: set[str] = field(default_factory=set)
    forgotten: set[str] = field(default_factory=set)

    @property
    def undone(self) -> set[tuple[str, str]]:
        """Pairs (case, artifact) of erasures that an officer called undone."""
        return {(case, artifact) for case, artifact in self.lifted if artifact}

    def take(self, row: dict[str, Any]) -> None:
        """Add a line; KeyError or TypeError when it is none."""
        ((kind, said),) = row.items()
        if kind == "exclusion":
            self.exclusions[said["kind"], said["key"], said["case"]] = said
        elif kind == "treated":
            self.treated.add((str(said["case"]), str(said["artifact"])))
        elif kind == "lifted":
            self.lifted[str(said["case"]), str(said["artifact"])] = said
        elif kind == "weights":
            self.weights.setdefault(str(said["artifact"]), []).append(str(said["digest"]))
        elif kind == "looked":
            self.looked.add(str(said))
        elif kind == "forgotten":
            self.forgotten.add(str(said))
        else:
            raise KeyError(kind)


def path() -> Path:
    """Where this installation keeps its book."""
    return Path(settings.OUBLI_VAR) / "erasures.jsonl"


def keep(looked: Collection[str] = ()) -> int:
    """Append what the database knows and the book does not; returns how many lines were added."""
    with path().open("a+b") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        _mend(handle)
        known = set(_lines(path()))
        told = [*_told(), *(_line("looked", key) for key in sorted(looked))]
        fresh = [line for line in dict.fromkeys(told) if line not in known]
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
    """Pairs (case, artifact) whose records this database knows to be erased, and nobody has undone."""
    done = Step.objects.filter(action__in=TREATING, status=StepStatus.DONE, artifact__isnull=False)
    undone = Lift.objects.exclude(artifact="").values_list("case", "artifact")
    return set(done.values_list("plan__request__reference", "artifact__slug")) - set(undone)


def weights_here() -> list[tuple[str, str]]:
    """Pairs (model, digest of the weights that were promoted), in the order of time."""
    promoted = Step.objects.filter(action="promote_model", status=StepStatus.DONE).order_by("finished_at")
    rows = promoted.values_list("artifact__slug", "receipt")
    return [(str(slug), str(receipt["serving"])) for slug, receipt in rows if receipt and "serving" in receipt]


def read(file: Path) -> Book:
    """The whole book; DamagedArtifact when it is not one. A last line that a kill cut short is left out."""
    book = Book()
    for number, line in enumerate(_lines(file), start=1):
        try:
            book.take(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise DamagedArtifact(
                f"Reading the book of erasures {file.name}, line {number}: it is damaged.",
                next_action="Take an older copy of the file and append the newer lines that are whole.",
            ) from None
    return book


def _told() -> Iterator[str]:
    for excluded in Exclusion.objects.order_by("id").iterator():
        yield _line("exclusion", _of(excluded))
    for case, artifact in sorted(treated_here()):
        yield _line("treated", {"case": case, "artifact": artifact})
    for row in Lift.objects.order_by("id"):
        yield _line("lifted", {"case": row.case, "artifact": row.artifact, "by": row.by, "reason": row.reason})
    for artifact, digest in weights_here():
        yield _line("weights", {"artifact": artifact, "digest": digest})
    gone = CaseKey.objects.filter(destroyed_at__isnull=False).values_list("request__reference", flat=True)
    for reference in sorted(gone):
        yield _line("forgotten", reference)


def _of(row: Exclusion) -> dict[str, str]:
    plain = {"kind": row.kind, "key": row.key, "case": row.case, "artifact": row.artifact}
    if row.own_key:
        plain["own_key"] = "yes"
    return {**plain, "signature": base64.b64encode(bytes(row.signature)).decode()} if row.signature else plain


def _line(kind: str, content: Any) -> str:
    return json.dumps({kind: content}, sort_keys=True)


def _lines(file: Path) -> Iterator[str]:
    if not file.exists():
        return
    with file.open(encoding="utf-8", errors="replace") as handle:
        yield from (line.rstrip("\n") for line in handle if line.endswith("\n") and line.strip())
