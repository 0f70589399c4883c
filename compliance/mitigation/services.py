"""Floor 3's verbs: draft the plan, check that it is what was approved, carry it out step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType

from django.db import transaction
from django.utils import timezone

from compliance.accounts.models import User
from compliance.audit import services as audit
from compliance.intake import decisions
from compliance.intake.models import Decision, DecisionKind, ErasureRequest
from compliance.jobs.failures import in_words
from compliance.jobs.progress import Part, Progress
from compliance.mitigation import actions
from compliance.mitigation.drafting import affected, current_plan, draft, redraft
from compliance.mitigation.models import Leftover, Plan, Step
from compliance.mitigation.tasks import NotYet, Task
from compliance.provenance import answered, teaching
from compliance.provenance import services as provenance
from compliance.provenance.models import Trace
from compliance.rules import planning
from compliance.rules.errors import LeaseLost, MissingPart, PlanChanged
from compliance.rules.terms import Horizon, State, StepStatus

__all__ = [
    "affected",
    "answer_candidate",
    "answer_candidates",
    "approve",
    "bring_forward",
    "carry_out",
    "check_approved",
    "current_plan",
    "draft",
    "keep",
    "open_due",
    "open_steps",
    "redraft",
    "scheduled_days",
]


def answer_candidate(row: Trace, *, by: User, accept: bool) -> None:
    """The officer says whether a candidate is the person; a plan that is already there is drafted anew."""
    answer_candidates(row.request, {row.pk: accept}, by=by)


def answer_candidates(
    request: ErasureRequest, answers: Mapping[int, bool], *, by: User, teach: Mapping[int, bool] = MappingProxyType({})
) -> int:
    """The same for several at once; returns how many were answered.

    ``teach`` says of records whether their other identifiers are looked for too: once no candidate waits, the case is
    searched once more where an answer or such a consent asks for it.
    """
    with transaction.atomic():
        count = provenance.tick(request, answers, by=by)
        if teach:
            teaching.consent(request, teach, by=by)
        waits = Trace.objects.current(request).waiting().exists()
        why = "" if waits or State(request.state) is not State.PLANNED else _another_search(request)
        if why:
            decisions.look_again(request, by=by, reason=why)
        else:
            redraft(request)
    return count


def _another_search(request: ErasureRequest) -> str:
    """Why the answers given ask for another search; empty when none does."""
    if teaching.owed(request):
        return "What the search is to look for has changed with an officer's answer."
    heard = not answered.unheard_by_a_search(request)
    return "" if heard else "Models may have learned from a record that is the person's."


def approve(request: ErasureRequest, *, by: User, plan_digest: str) -> Decision:
    """Endorse or approve the plan that was read; refused while candidates still wait for the officer's answer."""
    waiting = Trace.objects.current(request).waiting().count()
    if waiting:
        raise MissingPart(
            f"{waiting} candidates (a name only, an unproven identifier, a near copy) still wait for an answer.",
            next_action="Say for each whether it is the person; the plan then follows.",
        )
    if teaching.owed(request):
        raise MissingPart(
            "The search has not looked for everything that an officer's answers let it look for.",
            next_action="Choose Search again; the plan then follows.",
        )
    plan = current_plan(request)
    current = plan.digest if plan else ""
    return decisions.approve(request, by=by, plan_digest=plan_digest, current_digest=current)


def keep(request: ErasureRequest, *, by: User, reasons: decisions.Reasons) -> None:
    """Keep one artifact under an exemption; a plan that is already there is drafted anew."""
    with transaction.atomic():
        decisions.keep(request, by=by, reasons=reasons)
        redraft(request)


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

    A failed step stops the run: what was done stays done, what was not is not called done. NotYet from a step that
    waits for other cases stops it too, until the day that it names.
    """
    plan = current_plan(request)
    if plan is None:
        return 0
    steps = [step for step in plan.steps.on(*horizons).undone() if not only_reversible or step.reversible]
    if Horizon.LONG_TERM in horizons:
        steps += left_by_earlier_plans(request)
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
    except NotYet as wait:
        with progress.commit():
            step.status, step.message = StepStatus.WAITING, wait.words[:300]
            step.save(update_fields=["status", "message"])
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


def left_by_earlier_plans(request: ErasureRequest) -> list[Step]:
    """Steps of replaced plans that promised a day to copies which are still there: looking again breaks no promise."""
    plan = current_plan(request)
    left = Leftover.objects.filter(step__plan__request=request, gone_at=None)
    pairs = set(left.exclude(step__plan=plan).values_list("step__plan", "step__artifact"))
    old = Step.objects.filter(plan__request=request, action="destroy_undo").exclude(plan=plan).undone()
    return [step for step in old.order_by("plan", "order") if (step.plan_id, step.artifact_id) in pairs]


def _later(request: ErasureRequest) -> list[Step]:
    """Every step of the case that is still to come and has its day."""
    plan = current_plan(request)
    mine = list(plan.steps.all().undone().exclude(scheduled_for=None)) if plan else []
    return [*mine, *left_by_earlier_plans(request)]


def open_due(request: ErasureRequest, on: date) -> int:
    """How many scheduled steps are due on a day and not done."""
    return sum(step.scheduled_for <= on for step in _later(request) if step.scheduled_for)


def scheduled_days(request: ErasureRequest) -> list[date | None]:
    """The days of the steps that are still to come."""
    return [step.scheduled_for for step in _later(request)]


def bring_forward(request: ErasureRequest, *, by: str, on: date) -> int:
    """Bring the day of every later step forward; undo copies and superseded models then go on ``on``."""
    later = [step for step in _later(request) if step.scheduled_for and step.scheduled_for > on]
    for step in later:
        # A copy is left by the step that erased, not by the one that destroys it.
        rows = Leftover.objects.filter(step__plan=step.plan_id, step__artifact=step.artifact_id, gone_at=None)
        rows.update(goes_on=on)
    moved = Step.objects.filter(pk__in=[step.pk for step in later]).update(scheduled_for=on)
    audit.record(
        "steps.brought_forward",
        case=request.reference,
        entity=request.entity.slug,
        by=by,
        detail={"steps": moved, "to": on.isoformat()},
    )
    return moved
