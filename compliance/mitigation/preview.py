"""A dry run: where a person is found and what a plan would do, without writing a row or touching a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.utils import timezone

from compliance.accounts.models import LegalEntity
from compliance.jobs.progress import Unattended
from compliance.provenance import search as searching
from compliance.provenance import services as provenance
from compliance.provenance.connectors import Match
from compliance.provenance.models import Artifact
from compliance.provenance.places import artifacts_of, derivations
from compliance.rules import planning
from compliance.rules.affected import Affected
from compliance.rules.identifiers import Identifier
from compliance.rules.terms import ArtifactKind, EntityRole, Support


@dataclass(frozen=True)
class Found:
    """One place: the person's own records, records that mention the person, candidates, and all records."""

    name: str
    kind: str
    own: int
    shared: int
    candidates: int
    total: int | None


@dataclass(frozen=True)
class Preview:
    """What a trace would find and a plan would do."""

    places: tuple[Found, ...]
    steps: tuple[planning.PlannedStep, ...]


def preview(entity: LegalEntity, wanted: Sequence[Identifier]) -> Preview:
    """Search every artifact of the entity for the identifiers, as if control of them had been proven."""
    search = searching.Search(region=entity.phone_region)
    for identifier in wanted:
        search.add(identifier.kind, identifier.value, trusted=True, origin="command")
    searching.learn(search, entity)
    findings = provenance.look_with(entity, search, Unattended())
    artifacts = artifacts_of(entity)
    return Preview(
        places=tuple(_found(a, findings) for a in artifacts),
        steps=planning.plan(
            [item for a in artifacts if (item := _affected(a, findings))],
            today=timezone.now().date(),
            derivations=derivations(),
            undo_days=settings.OUBLI_UNDO_DAYS,
        ),
    )


def _found(artifact: Artifact, findings: provenance.Findings) -> Found:
    records = findings.matches.get(artifact.slug, {}).values()
    judged = [_judge(found, findings.search) for found in records]
    model = findings.models.get(artifact.slug)
    own = sum(owner and not candidate for _, candidate, owner in judged) or int((model or {}).get("rows_seen", 0))
    return Found(
        name=artifact.name,
        kind=ArtifactKind(artifact.kind).label,
        own=own,
        shared=sum(not owner and not candidate for _, candidate, owner in judged),
        candidates=sum(candidate for _, candidate, _ in judged),
        total=findings.described[artifact.slug].records or None,
    )


def _judge(found: list[Match], search: searching.Search) -> tuple[Support, bool, bool]:
    support, candidate = searching.strongest(search.support(match) for match in found)
    return support, candidate, any(match.owner for match in found)


def _affected(artifact: Artifact, findings: provenance.Findings) -> Affected | None:
    judged = [_judge(found, findings.search) for found in findings.matches.get(artifact.slug, {}).values()]
    counted = [(support, owner) for support, candidate, owner in judged if not candidate]
    model = findings.models.get(artifact.slug)
    if not counted and not (model and model.get("exposed", True)):
        return None
    by = {support: sum(s is support for s, _ in counted) for support in Support}
    facts = {
        **(model or {}),
        "shared_rows": sum(not owner for _, owner in counted),
        "recipients": len(artifact.recipients),
    }
    return Affected(
        artifact=artifact.slug,
        name=artifact.name,
        kind=ArtifactKind(artifact.kind),
        role=EntityRole(artifact.role),
        exact=by[Support.EXACT],
        normalised=by[Support.NORMALISED],
        content=by[Support.CONTENT],
        lineage=by[Support.LINEAGE] + (1 if model else 0),
        rows_total=findings.described[artifact.slug].records or None,
        facts=facts,
        connector=artifact.connector,
    )
