"""Floor 3's verbs: draft the plan, check that it is what was approved, carry it out step by step."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from compliance.accounts.models import User
from compliance.audit import services as audit
from compliance.intake import decisions
from compliance.intake.models import Decision, DecisionKind, ErasureRequest
from compliance.jobs.failures import in_words
from compliance.jobs.progress import Part, Progress, Unattended
from compliance.mitigation import actions
from compliance.mitigation.models import Plan, Step
from compliance.mitigation.tasks import Task
from compliance.provenance import services as provenance
from compliance.provenance.models import Artifact, SearchNote, Trace
from compliance.provenance.places import artifacts_of, derivations
from compliance.rules import planning
from compliance.rules.affected import Affected
from compliance.rules.errors import LeaseLost, MissingPart, PlanChanged
from compliance.rules.terms import ArtifactKind, EntityRole, Exemption, Horizon, State, StepStatus, Support


def current_plan(request: ErasureRequest) -> Plan | None:
    """The newest plan of the case's present round."""
    return Plan.objects.filter(request=request, round=request.round).order_by("-number").first()


def affected(request: ErasureRequest) -> list[Affected]:
    """What planning knows of each artifact in which the person was found, or that lineage reaches."""
    table = provenance.counts(request)
    notes = {n.artifact_id: n for n in SearchNote.objects.filter(request=request, round=request.round)}
    kept = {d.artifact: d.exemption for d in request.decisions.filter(kind=DecisionKind.KEEP)}
    found = []
    for artifact in artifacts_of(request.entity):
        note = notes.get(artifact.pk)
        by = dict(table.get(artifact.slug, {}))
        if not by and not (note and note.by_lineage and note.facts.get("exposed", True)):
            continue
        found.append(_affected(request, artifact, by, note, kept.get(artifact.slug, "")))
    return found


def _affected(
    request: ErasureRequest, artifact: Artifact, by: dict[Support, int], note: SearchNote | None, exemption: str
) -> Affected:
    rows = Trace.objects.current(request).counted().filter(artifact=artifact)
    facts = {**(note.facts if note else {}), "shared_rows": rows.filter(owner=False).count()}
    facts["recipients"] = len(artifact.recipients)
    keys = sorted(rows.values_list("record_key", flat=True))
    facts["records"] = hashlib.sha256("\n".join(keys).encode()).hexdigest()
    lineage = by.get(Support.LINEAGE, 0) + (1 if note and note.by_lineage else 0)
    return Affected(
        artifact=artifact.slug,
        name=artifact.name,
        kind=ArtifactKind(artifact.kind),
        role=EntityRole(artifact.role),
        exemption=Exemption(exemption) if exemption else None,
        exact=by.get(Support.EXACT, 0),
        normalised=by.get(Support.NORMALISED, 0),
        content=by.get(Support.CONTENT, 0),
        lineage=lineage,
        name_only_ticked=by.get(Support.NAME, 0),
        rows_total=note.records if note and note.searched else None,
        facts=facts,
        connector=artifact.connector,
    )


def draft(request: ErasureRequest, progress: Progress) -> Plan:
    """Write the plan of this round; a second run returns the same plan unless the findings changed."""
    steps = planning.plan(
        affected(request),
        today=timezone.now().date(),
        derivations=derivations(),
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


def answer_candidate(row: Trace, *, by: User, accept: bool) -> None:
    """The officer says whether a candidate is the person; a plan that is already there is drafted anew."""
    answer_candidates(row.request, {row.pk: accept}, by=by)


def answer_candidates(request: ErasureRequest, answers: Mapping[int, bool], *, by: User) -> int:
    """The same for several at once; returns how many were answered."""
    with transaction.atomic():
        count = provenance.tick(request, answers, by=by)
        redraft(request)
    return count


def approve(request: ErasureRequest, *, by: User, plan_digest: str) -> Decision:
    """Endorse or approve the plan that was read; refused while candidates still wait for the officer's answer."""
    waiting = Trace.objects.current(request).waiting().count()
    if waiting:
        raise MissingPart(
            f"{waiting} candidates that only a name or an unproven identifier supports still wait for an answer.",
            next_action="Say for each whether it is the person; the plan then follows.",
        )
    plan = current_plan(request)
    current = plan.digest if plan else ""
    return decisions.approve(request, by=by, plan_digest=plan_digest, current_digest=current)


def keep(request: ErasureRequest, *, by: User, reasons: decisions.Reasons) -> None:
    """Keep one artifact under an exemption; a plan that is already there is drafted anew."""
    with transaction.atomic():
        decisions.keep(request, by=by, reasons=reasons)
        redraft(request)


def redraft(request: ErasureRequest) -> None:
    """Draft the plan again while it waits for approval: what changed has to be read and approved as it is now."""
    if State(request.state) is State.PLANNED:
        draft(request, Unattended())


def check_approved(request: ErasureRequest) -> Plan:
    """The plan, if its steps are still those that two people approved; PlanChanged otherwise."""
    plan = current_plan(request)
    approved = request.decisions.filter(kind=DecisionKind.APPROVE, round=request.round).order_by("-id").first()
    if plan is None or approved is None:
        raise PlanChanged("This case has no approved plan.", next_action="Have the plan approved.")
    steps = [step.planned for step in plan.steps.order_by("order", "id")]
    if planning.digest(steps) != approved.plan_digest or plan.digest != approved.plan_digest:
        raise PlanChanged("The plan is not the one that was approved.", next_action="Have it approved again.")
    return plan


def carry_out(
    request: ErasureRequest,
    progress: Progress,
    *,
    horizons: Sequence[Horizon],
    only_reversible: bool = False,
    due_on: date | None = None,
) -> int:
    """Run every step of these horizons that is not done, in order; returns how many were done now.

    A failed step stops the run: what was done stays done, what was not is not called done.
    """
    plan = current_plan(request)
    if plan is None:
        return 0
    steps = [step for step in plan.steps.on(*horizons).undone() if not only_reversible or step.reversible]
    if due_on is not None:
        steps = [step for step in steps if step.scheduled_for is None or step.scheduled_for <= due_on]
    for number, step in enumerate(steps):
        part = Part(progress, number / len(steps), (number + 1) / len(steps))
        _run(request, step, part)
    return sum(step.status == StepStatus.DONE for step in steps)


def _run(request: ErasureRequest, step: Step, progress: Progress) -> None:
    """One step: intent, act, receipt; the done-row commits under the fence."""
    with progress.commit():
        step.status, step.error, step.next_action = StepStatus.RUNNING, "", ""
        step.started_at = step.started_at or timezone.now()
        step.save(update_fields=["status", "error", "next_action", "started_at"])
    progress(0.0, f"{step.action.replace('_', ' ').capitalize()}: {step.artifact or ''}")
    try:
        outcome = actions.load(step.action).carry_out(Task(request, step, progress))
    except LeaseLost:
        raise
    except Exception as error:
        _stopped(step, error, progress)
        raise
    with progress.commit():
        step.status = StepStatus.DONE if outcome.done else StepStatus.WAITING
        step.receipt = dict(outcome.receipt)
        step.finished_at = timezone.now() if outcome.done else None
        step.fraction, step.message = 1.0 if outcome.done else 0.0, outcome.words[:300]
        step.save(update_fields=["status", "receipt", "finished_at", "fraction", "message"])
        audit.record(
            f"step.{step.status}",
            case=request.reference,
            entity=request.entity.slug,
            by="system",
            detail={"action": step.action, "artifact": step.artifact.slug if step.artifact else "", **outcome.receipt},
        )


def _stopped(step: Step, error: Exception, progress: Progress) -> None:
    known = in_words(error)
    with progress.commit():
        step.status = StepStatus.FAILED
        step.error = known.cause if known else "An unexpected error stopped this step."
        step.next_action = known.next_action if known else ""
        step.save(update_fields=["status", "error", "next_action"])
    progress(0.0, step.error if known else "Stopped")


def open_steps(request: ErasureRequest) -> int:
    """How many steps of the present plan do not count as done."""
    plan = current_plan(request)
    return plan.steps.all().undone().count() if plan else 0


def open_due(request: ErasureRequest, on: date) -> int:
    """How many scheduled steps are due on a day and not done."""
    plan = current_plan(request)
    return plan.steps.all().undone().filter(scheduled_for__lte=on).count() if plan else 0


def scheduled_days(request: ErasureRequest) -> list[date | None]:
    """The days of the steps that are still to come."""
    plan = current_plan(request)
    if plan is None:
        return []
    return list(plan.steps.all().undone().exclude(scheduled_for=None).values_list("scheduled_for", flat=True))


def bring_forward(request: ErasureRequest, *, by: str, on: date) -> int:
    """Bring the day of every later step forward; undo copies and superseded models then go on ``on``."""
    plan = current_plan(request)
    if plan is None:
        return 0
    later = plan.steps.all().undone().filter(scheduled_for__gt=on)
    for step in later:
        step.leftovers.filter(gone_at=None).update(goes_on=on)
    moved = later.update(scheduled_for=on)
    audit.record(
        "steps.brought_forward",
        case=request.reference,
        entity=request.entity.slug,
        by=by,
        detail={"steps": moved, "to": on.isoformat()},
    )
    return moved
