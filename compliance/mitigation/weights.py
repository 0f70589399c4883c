"""Model folders beside each other: the one that serves, the one made without the person, the superseded one."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from compliance.jobs import scratch
from compliance.mitigation.tasks import Task
from compliance.provenance import services as provenance
from compliance.provenance.models import Artifact, Derivation
from compliance.provenance.places import place_of
from compliance.rules.errors import MissingPart, NoSpace
from compliance.rules.terms import ArtifactKind


def fresh_folder(task: Task) -> Path:
    """Where the new model is written: beside the one that serves, named by the case or by the run that it shares."""
    old = Path(task.place.location)
    return old.with_name(f"{old.name}.without-{_by(task)}")


def superseded_folder(task: Task) -> Path:
    """Where the replaced model waits for its day."""
    old = Path(task.place.location)
    return old.with_name(f"{old.name}.superseded-{_by(task)}")


def _by(task: Task) -> str:
    return f"run-{task.shared.pk.hex[:12]}" if task.shared else f"{task.request.reference}-{task.step.plan.number}"


def digest_of(task: Task, folder: Path) -> str:
    """Digest of the weights in a folder, read by the model's connector."""
    return task.connector.describe(replace(task.place, location=str(folder))).digest


def training_set(artifact: Artifact) -> Artifact:
    """The data set that a model was trained on: what it was derived from, named in its options when there are more."""
    named = artifact.options.get("training_rows")
    parents = [d.parent for d in Derivation.objects.filter(child=artifact).select_related("parent")]
    rows = [p for p in parents if p.slug == named or (not named and p.connector == "files")]
    rows = [p for p in rows if ArtifactKind(p.kind) not in (ArtifactKind.MODEL, ArtifactKind.CHECKPOINT)]
    if len(rows) != 1:
        raise MissingPart(
            f"{artifact.name}: {len(rows)} registered data sets could be what it was trained on.",
            next_action="Name one in the artifact's options as training_rows, and register again.",
        )
    return rows[0]


def location_of(artifact: Artifact) -> Path:
    """The file of a training set."""
    return Path(place_of(artifact).location)


def excluded_keys(task: Task, rows: Artifact) -> list[str]:
    """Keys of the training rows that count, of everybody who goes in one run: own rows, and those to be blanked."""
    found = [provenance.records_of(request, rows) for request in task.together]
    return [key for own, shared in found for key in (*own, *shared)]


@contextmanager
def listed(lines: Sequence[str]) -> Iterator[Path]:
    """A file with one line each, readable by the owner only, gone afterwards, also when a kill forbids to remove it."""
    with NamedTemporaryFile("w", encoding="utf-8", dir=scratch.begin(), suffix=".keys", delete=False) as handle:
        handle.write("".join(f"{line}\n" for line in lines))
    path = Path(handle.name)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def rows_file(rows: Sequence[Mapping[str, Any]]) -> Iterator[Path]:
    """The same for rows as JSON lines."""
    with listed([json.dumps(row, ensure_ascii=False) for row in rows]) as path:
        renamed = path.with_suffix(".jsonl")
        os.replace(path, renamed)
        try:
            yield renamed
        finally:
            renamed.unlink(missing_ok=True)


def clear_unclaimed(folder: Path) -> None:
    """Remove a finished folder whose result a kill kept from being committed: nobody vouches for it."""
    if folder.is_dir():
        shutil.rmtree(folder)


def need_space_for(folder: Path) -> None:
    """Raise NoSpace unless the disk can take another copy of a model folder."""
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    status = os.statvfs(folder)
    if status.f_bavail * status.f_frsize < 2 * size:
        raise NoSpace(f"A new model needs {2 * size // 1_000_000} MB beside the old one, and the disk has less.")
