"""From what a trace found to a plan: what is affected, the steps, and the plan drafted anew when answers change it."""

from __future__ import annotations

import hashlib

from django.conf import settings
from django.db.models import Max
from django.utils import timezone

from compliance.audit import services as audit
from compliance.intake.models import ErasureRequest
from compliance.intake.standing import Standing, standing
from compliance.jobs.progress import Progress, Unattended
from compliance.mitigation import earlier
from compliance.mitigation.models import Plan, Step
from compliance.provenance import services as provenance
from compliance.provenance.models import Artifact, SearchNote, Trace, TraceQuerySet
from compliance.provenance.places import artifacts_of, derivations, references
from compliance.rules import planning
from compliance.rules.affected import Affected
from compliance.rules.terms import ArtifactKind, EntityRole, State, Support


def current_plan(request: ErasureRequest) -> Plan | None:
    """The newest plan of the case's present round."""
    return Plan.objects.filter(request=request, round=request.round).order_by("-number").first()


def affected(request: ErasureRequest) -> list[Affected]:
    """What planning knows of each artifact in which the person was found, or that lineage reaches."""
    table = provenance.counts(request)
    notes = {n.artifact_id: n for n in SearchNote.objects.filter(request=request, round=request.round)}
    decided = standing(request)
    found = []
    for artifact in artifacts_of(request.entity):
        note = notes.get(artifact.pk)
        by = dict(table.get(artifact.slug, {}))
        if not by and not (note and note.by_lineage and _exposed(request, note)):
            continue
        found.append(_affected(request, artifact, by, note, decided))
    return found


def _exposed(request: ErasureRequest, note: SearchNote) -> bool:
    """Whether a model learned from what counts as the person's; a picture counts once the officer says that it goes."""
    if note.facts.get("exposed", True) or not note.facts.get("asked"):
        return bool(note.facts.get("exposed", True))
    rows = Trace.objects.current(request).filter(artifact__slug=note.facts.get("pictures", ""), candidate=True)
    return rows.filter(ticked=True).exists()


def _affected(
    request: ErasureRequest, artifact: Artifact, by: dict[Support, int], note: SearchNote | None, decided: Standing
) -> Affected:
    rows = Trace.objects.current(request).counted().filter(artifact=artifact)
    facts = {**(note.facts if note else {}), "shared_rows": rows.filter(owner=False).count()}
    facts["recipients"] = len(artifact.recipients)
    if ArtifactKind(artifact.kind) is ArtifactKind.MODEL:
        facts |= _forgotten_before(request, artifact)
    facts["records"] = digest_of(rows)
    lineage = by.get(Support.LINEAGE, 0) + (1 if note and note.by_lineage else 0)
    return Affected(
        artifact=artifact.slug,
        name=artifact.name,
        kind=ArtifactKind(artifact.kind),
        role=decided.role_of(artifact.slug, EntityRole(artifact.role)),
        exemption=decided.exemption_of(artifact.slug),
        exact=by.get(Support.EXACT, 0),
        normalised=by.get(Support.NORMALISED, 0),
        content=by.get(Support.CONTENT, 0),
        lineage=lineage,
        name_only_ticked=by.get(Support.NAME, 0),
        near_ticked=by.get(Support.NEAR, 0),
        rows_total=note.records if note and note.searched else None,
        facts=facts,
        connector=artifact.connector,
    )


def digest_of(rows: TraceQuerySet) -> str:
    """Which records count, as a digest: another record under the same count is another plan."""
    keys = sorted(rows.values_list("record_key", flat=True))
    return hashlib.sha256("\n".join(keys).encode()).hexdigest()


def _forgotten_before(request: ErasureRequest, artifact: Artifact) -> dict[str, int]:
    """How many cases made the model forget by training it on, and of how many the rows are still at hand."""
    before = earlier.forgotten_before(request, artifact)
    if not before:
        return {"forgotten_before": 0}
    return {"forgotten_before": len(before), "forgotten_again": len(earlier.still_kept(before, artifact))}


def _references(request: ErasureRequest) -> list[tuple[str, str]]:
    """Tables with a foreign key, each before the table it refers to."""
    notes = SearchNote.objects.filter(request=request, round=request.round).select_related("artifact")
    return references({note.artifact.slug: note.facts for note in notes})


def draft(request: ErasureRequest, progress: Progress) -> Plan:
    """Write the plan of this round; a second run returns the same plan unless the findings changed."""
    steps = planning.plan(
        affected(request),
        today=timezone.now().date(),
        # Rows that refer go before the rows they refer to: a foreign key orders steps as a derivation does.
        derivations=[*derivations(), *_references(request)],
        undo_days=settings.OUBLI_UNDO_DAYS,
    )
    digest = planning.digest(steps)
    existing = current_plan(request)
    if existing and existing.digest == digest:
        return existing
    artifacts = {artifact.slug: artifact for artifact in artifacts_of(request.entity)}
    with progress.commit():
        number = (Plan.objects.filter(request=request).aggregate(top=Max("number"))["top"] or 0) + 1
        limits = {
            step.artifact: {k: t.as_json() for k, t in step.thresholds.items()} for step in steps if step.thresholds
        }
        plan = Plan.objects.create(
            request=request, number=number, round=request.round, digest=digest, thresholds=limits
        )
        Step.objects.bulk_create([_step(plan, planned, artifacts) for planned in steps])
        audit.record(
            "plan.drafted",
            case=request.reference,
            entity=request.entity.slug,
            by="system",
            detail={"number": number, "digest": digest, "steps": len(steps)},
        )
    progress(0.5, f"Plan {number} drafted: {len(steps)} steps")
    return plan


def _step(plan: Plan, planned: planning.PlannedStep, artifacts: dict[str, Artifact]) -> Step:
    return Step(
        plan=plan,
        artifact=artifacts[planned.artifact],
        action=planned.action,
        horizon=planned.horizon,
        order=planned.order,
        reason=planned.reason,
        count=planned.count,
        cost=planned.cost,
        also_touched=planned.also_touched,
        scheduled_for=planned.scheduled_for,
        planned=planned.as_json(),
    )


def redraft(request: ErasureRequest) -> None:
    """Draft the plan again while it waits for approval: what changed has to be read and approved as it is now."""
    if State(request.state) is State.PLANNED:
        draft(request, Unattended())
