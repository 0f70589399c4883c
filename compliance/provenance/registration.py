"""From ``systems.yaml`` to rows: what is registered, what changed, what is no longer there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from compliance.accounts.models import LegalEntity
from compliance.audit import services as audit
from compliance.provenance import catalogue, judging
from compliance.provenance.models import Artifact, Derivation
from compliance.provenance.openlineage import MARK


@dataclass(frozen=True)
class Summary:
    """How many rows there are now, how many artifacts were retired, and what was made from what was erased.

    ``refused`` says why; ``unchecked`` names what could not be held against the exclusions meanwhile.
    """

    entities: int
    artifacts: int
    derivations: int
    retired: int
    refused: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()


def register(path: Path, *, by: str) -> Summary:
    """Read and check the file, then write it down in one transaction; doing it twice changes nothing, the log neither.

    Models, checkpoints and indices that it newly says were made from something that was erased are refused: written
    down, with the reason in the answer, on the map and in the log.
    """
    found = catalogue.load(path)
    with transaction.atomic():
        known = _maps(entry.id for entry in found.entities)
        entities = {entry.id: _entity(entry) for entry in found.entities}
        artifacts = {entry.id: _artifact(entry, entities[entry.entity]) for entry in found.artifacts}
        gone = Artifact.objects.filter(entity__in=entities.values(), retired_at=None).exclude(slug__in=artifacts)
        retired = gone.update(retired_at=timezone.now())
        before = judging.links_of(artifacts.values())
        Derivation.objects.filter(child__in=artifacts.values()).exclude(run__startswith=MARK).delete()
        links = [
            Derivation(
                parent=artifacts[source],
                child=artifacts[entry.target],
                run=entry.run,
                at=parse_datetime(entry.at) if entry.at else None,
                how=entry.how,
            )
            for entry in found.derivations
            for source in entry.sources
        ]
        Derivation.objects.bulk_create(links, ignore_conflicts=True)
        judging.owe(list(artifacts.values()), before)
        summary = Summary(len(entities), len(artifacts), len(links), retired)
        for slug, there in _maps(entities).items():
            if there == known.get(slug):
                continue
            audit.record("systems.registered", case="", entity=slug, by=by, detail={"artifacts": len(artifacts)})
    judged = judging.judge(list(artifacts.values()), by=by)
    return replace(summary, refused=judged.refused, unchecked=judged.unchecked)


_MOVES = ("id", "digest", "described", "described_at")  # what a search writes, or nobody registered


def _maps(slugs: Iterable[str]) -> dict[str, Any]:
    """What stands registered of each company, its own line included, so that two states can be compared."""
    rows = {row["slug"]: row for row in LegalEntity.objects.filter(slug__in=list(slugs)).values()}
    places: dict[str, list[Any]] = {slug: [] for slug in rows}
    for row in Artifact.objects.filter(entity__slug__in=rows).order_by("slug").values("entity__slug", *_registered()):
        places[row["entity__slug"]].append(row)
    links = Derivation.objects.filter(child__entity__slug__in=rows).exclude(run__startswith=MARK)
    named = links.order_by("child__slug", "parent__slug")
    for row in named.values("child__entity__slug", "child__slug", "parent__slug", "run", "at", "how"):
        places[row["child__entity__slug"]].append(row)
    return {slug: (row, places[slug]) for slug, row in rows.items()}


def _registered() -> list[str]:
    return [field.name for field in Artifact._meta.concrete_fields if field.name not in _MOVES]


def _entity(entry: catalogue.LegalEntity) -> LegalEntity:
    row, _ = LegalEntity.objects.update_or_create(
        slug=entry.id,
        defaults={
            "name": entry.name,
            "laws": [str(law) for law in entry.law],
            "country": entry.country,
            "subdivision": entry.subdivision,
            "time_zone": entry.time_zone,
            "contact": entry.contact,
            "authority": entry.authority,
            "phone_region": entry.phone_region or entry.country,
        },
    )
    return row


def _artifact(entry: catalogue.ArtifactEntry, entity: LegalEntity) -> Artifact:
    row, _ = Artifact.objects.update_or_create(
        slug=entry.id,
        defaults={
            "name": entry.name,
            "entity": entity,
            "role": entry.role,
            "kind": entry.kind,
            "connector": entry.connector,
            "location": entry.location,
            "options": dict(entry.place().options),
            "purpose": entry.purpose,
            "lawful_basis": entry.lawful_basis,
            "retention": entry.retention,
            "recipients": list(entry.recipients),
            "retired_at": None,
        },
    )
    return row
