"""What earlier plans of a case did before anybody was answered: a new plan replaces what is to be done, not what was.

A search that runs again, after a proof that fell short or because a place was registered late, ends in a plan of what
it found. What an earlier plan erased is found no more; yet the answer has to say it, and the proof has to hold for it.
"""

from __future__ import annotations

from compliance.intake.models import DecisionKind
from compliance.mitigation.models import Plan, Step, StepQuerySet
from compliance.rules.claims import CHANGING
from compliance.rules.terms import StepStatus

_TELLING = ("notify_recipients",)
_AFTERWARDS = ("destroy_undo", *_TELLING)


def plans_since_answer(plan: Plan) -> list[Plan]:
    """The plans that this answer is about, oldest first; this one is the last."""
    signed = plan.request.decisions.filter(kind=DecisionKind.SIGN_OFF, round__lt=plan.round).order_by("-round").first()
    mine = Plan.objects.filter(request=plan.request_id, round__gt=signed.round if signed else 0)
    return list(mine.filter(number__lte=plan.number).order_by("number"))


def treated_before(plan: Plan) -> dict[int, Plan]:
    """Artifacts that an earlier plan changed and this one leaves alone, each with the newest plan that changed it."""
    own = plan.steps.exclude(artifact=None).exclude(action__in=_AFTERWARDS).values_list("artifact", flat=True)
    steps = _done_before(plan).exclude(artifact__in=list(own)).filter(artifact__retired_at=None)
    return {step.artifact_id: step.plan for step in steps if step.artifact_id is not None}


def steps_before(plan: Plan) -> list[Step]:
    """What earlier plans changed, and whom they had told or to tell about places that this one leaves alone."""
    told = plan.steps.filter(action__in=_TELLING).exclude(artifact=None).values_list("artifact", flat=True)
    telling = Step.objects.filter(plan__in=_earlier(plan), action__in=_TELLING).exclude(artifact__in=list(told))
    newest = {step.artifact_id: step for step in telling.order_by("plan__number", "order").select_related("artifact")}
    return [*_done_before(plan), *newest.values()]


def _done_before(plan: Plan) -> StepQuerySet:
    done = Step.objects.filter(plan__in=_earlier(plan), action__in=CHANGING, status=StepStatus.DONE)
    return done.exclude(artifact=None).select_related("plan", "artifact").order_by("plan__number", "order", "id")


def _earlier(plan: Plan) -> list[Plan]:
    return [each for each in plans_since_answer(plan) if each.pk != plan.pk]
