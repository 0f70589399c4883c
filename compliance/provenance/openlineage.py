"""RunEvents of the OpenLineage standard (https://openlineage.io/spec/2-0-2/OpenLineage.json) become lineage.

1. A data set is a registered artifact: namespace ``oubli`` and the artifact's short name, or the address at which it
   is registered (``file`` and a path, ``s3://bucket`` and a key). What fits nothing is written down as unmapped.
2. Its version is the standard facet ``version``; a step is the facet ``oubli_step`` ({"step": 1200}).
3. Every output of a run was made from every input. It is written down whatever comes of 4: the map tells the truth.
4. When an output is a model, a checkpoint or an index, the inputs are held against the exclusions; what holds something
   that was erased is refused, with the reason. Inputs over 50 MB, and what is no local
   file, wait for ``manage.py exclusions --check``; the answer says ``checked: false``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from compliance.accounts.models import LegalEntity
from compliance.audit import services as audit
from compliance.provenance import exclusion
from compliance.provenance.models import Artifact, Derivation
from compliance.provenance.runs import LineageRun, LineageUse
from compliance.rules.errors import InvalidInput, without_identifiers
from compliance.rules.terms import ArtifactKind

OURS: Final = "oubli"
MADE: Final = (ArtifactKind.MODEL, ArtifactKind.CHECKPOINT, ArtifactKind.INDEX)
LARGEST: Final = 50_000_000  # bytes of inputs that are read while the pipeline waits for the answer
MOST_UNMAPPED: Final = 1_000  # names that one run may leave behind, however often it is told
_ADDRESS: Final = re.compile(r"@[^\s@]+\.[a-z]{2}")  # an e-mail address, and not "image@sha256:…"
MARK: Final = "openlineage:"  # of derivations that pipelines reported: a new registration leaves them alone


@dataclass(frozen=True)
class DataSet:
    """A data set as an event names it."""

    namespace: str
    name: str
    version: str
    step: int | None


@dataclass(frozen=True)
class Event:
    """What is read of a RunEvent."""

    run: UUID
    job: str
    state: str
    at: datetime
    inputs: Sequence[DataSet]
    outputs: Sequence[DataSet]


def take_in(event: Event, entities: Collection[LegalEntity], *, by: str) -> LineageRun:
    """Write an event down, once however often it is sent; ``InputsRefused`` after that when it may not be used.

    Raises ``InvalidInput`` for an event that names artifacts of several legal entities, or of none.
    """
    named = {each: _artifact(each, entities) for each in (*event.inputs, *event.outputs)}
    found = [artifact for artifact in named.values() if artifact]
    owners = {artifact.entity_id: artifact.entity for artifact in found}
    if len(owners) != 1:
        raise InvalidInput(
            f"Reading a run event: its data sets belong to {len(owners)} legal entities here, not to one.",
            next_action="Name data sets as they are registered: namespace oubli and the short name, or the address.",
        )
    (entity,) = owners.values()
    with transaction.atomic():
        run = _run(event, entity, [each for each, artifact in named.items() if artifact is None])
        _uses(run, event, named)
        _derivations(run)
        if event.state == "COMPLETE":
            detail = {"job": run.job, "uses": run.uses.count(), "unmapped": len(run.unmapped)}
            audit.record("lineage.reported", case="", entity=entity.slug, by=by, detail=detail)
    _check(run, by=by)
    return run


def _storable(text: str) -> str:
    """A text that every database takes: no zero byte, no half of a character."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def _version(given: str) -> str:
    """A version as it is shown on the map; one that is named after a person's address loses it."""
    text = _storable(given)
    return (without_identifiers(text) if _ADDRESS.search(text) else text)[:200]


def _artifact(named: DataSet, entities: Collection[LegalEntity]) -> Artifact | None:
    rows = Artifact.objects.filter(entity__in=entities, retired_at=None).select_related("entity")
    if named.namespace == OURS:
        return rows.filter(slug=_storable(named.name)).first()
    joined = _storable(f"{named.namespace.rstrip('/')}/{named.name.lstrip('/')}")
    local = named.namespace == "file" or named.namespace.startswith("file:")
    address = _storable(named.name) if local else joined
    exact = rows.filter(location=address).order_by("id").first()
    return exact or (_around(address, rows) if local else None)


def _around(path: str, rows: QuerySet[Artifact]) -> Artifact | None:
    """The registered folder, pattern or single file of a folder that a path belongs to: the longest location wins."""
    name = path.rstrip("/")
    near = [row for row in rows.exclude(location__contains="://") if _belongs(name, row.location.rstrip("/"))]
    return max(near, key=lambda row: (len(row.location), -row.pk), default=None)


def _belongs(path: str, location: str) -> bool:
    if not location:
        return False
    return path == location or path.startswith(f"{location}/") or fnmatchcase(path, location)


def _run(event: Event, entity: LegalEntity, unmapped: Sequence[DataSet]) -> LineageRun:
    said = {"job": without_identifiers(_storable(event.job))[:400], "last_event": event.state, "at": event.at}
    run, fresh = LineageRun.objects.select_for_update().get_or_create(entity=entity, uid=event.run, defaults=said)
    names = {without_identifiers(_storable(f"{each.namespace} {each.name}"))[:300] for each in unmapped}
    run.unmapped = sorted(names.union(run.unmapped))[:MOST_UNMAPPED]
    if not fresh and event.at >= run.at:
        run.last_event, run.at = event.state, event.at
    run.save()
    return run


def _uses(run: LineageRun, event: Event, named: Mapping[DataSet, Artifact | None]) -> None:
    for output, sets in ((False, event.inputs), (True, event.outputs)):
        for each in sets:
            if artifact := named[each]:
                use, _ = LineageUse.objects.get_or_create(
                    run=run, artifact=artifact, output=output, version=_version(each.version), defaults={"at": event.at}
                )
                if each.step is not None and each.step > (use.step or -1):
                    LineageUse.objects.filter(pk=use.pk).update(step=each.step)


def _derivations(run: LineageRun) -> None:
    uses = list(run.uses.select_related("artifact"))
    read = {use.artifact_id for use in uses if not use.output}
    made = {use.artifact_id for use in uses if use.output}
    links = [
        Derivation(parent_id=parent, child_id=child, run=f"{MARK}{run.uid}", at=run.at, how=run.job[:300])
        for parent in sorted(read)
        for child in sorted(made - {parent})
    ]
    Derivation.objects.bulk_create(links, ignore_conflicts=True)


def _check(run: LineageRun, *, by: str) -> None:
    """Hold the inputs against the exclusions when the run makes something that learns or is searched."""
    uses = list(run.uses.select_related("artifact__entity"))
    made = [use.artifact for use in uses if use.output and ArtifactKind(use.artifact.kind) in MADE]
    data = [a for use in uses if not use.output and ArtifactKind((a := use.artifact).kind) not in exclusion.WEIGHTS]
    if not made or not data or sum(size_of(artifact) for artifact in data) > LARGEST:
        return
    try:
        exclusion.require_clean(made[0], inputs=data)
    except exclusion.InputsRefused as refused:
        with transaction.atomic():
            LineageRun.objects.filter(pk=run.pk).update(refused=refused.cause, checked=True)
            detail = {"job": run.job, "made": made[0].slug}
            audit.record("lineage.refused", case="", entity=run.entity.slug, by=by, detail=detail)
        raise
    LineageRun.objects.filter(pk=run.pk).update(refused="", checked=True)
    run.checked = True


def size_of(artifact: Artifact) -> int:
    """Bytes of a file or folder; what lies elsewhere has no size that is known without reading it."""
    path = Path(artifact.location)
    if not path.exists():
        return LARGEST + 1
    return sum(each.stat().st_size for each in ([path] if path.is_file() else path.rglob("*")) if each.is_file())


def dataset_of(given: Mapping[str, Any]) -> DataSet:
    """A data set of an event; facets that are not known here are not read."""
    facets = {**(given.get("facets") or {}), **(given.get("outputFacets") or {}), **(given.get("inputFacets") or {})}
    version, step = facets.get("version") or {}, (facets.get("oubli_step") or {}).get("step")
    known = isinstance(step, int) and not isinstance(step, bool) and 0 <= step < 1 << 62
    said = version.get("datasetVersion")
    return DataSet(given["namespace"], given["name"], said if isinstance(said, str) else "", step if known else None)
