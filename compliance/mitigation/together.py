"""An officer binds several cases into one run of the model that they all reach, while none of them has begun.

Forgetting several people at once keeps the earlier of them forgotten, which one run after the other does not, and costs
a fraction of as many runs. Each case keeps its plan, its approval, its measurements and its verdict.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from django.db import transaction
from django.db.models import F, Max
from django.utils import timezone

from compliance.accounts import services as accounts
from compliance.accounts.models import User
from compliance.audit import services as audit
from compliance.intake.models import ErasureRequest
from compliance.mitigation import turns
from compliance.mitigation.drafting import current_plan
from compliance.mitigation.models import Membership, SharedRun, Step
from compliance.provenance.models import Artifact
from compliance.rules.errors import IllegalMove, InvalidInput, NotFoundHere
from compliance.rules.terms import Role, State, StepStatus
from compliance.rules.thresholds import BY_JOB

OPEN = (State.PLANNED, State.APPROVED)


@dataclass(frozen=True)
class Companion:
    """A case that could go, or goes, in the same run."""

    reference: str
    state: str
    promised_on: date


@dataclass(frozen=True)
class Sharing:
    """A model that the case waits for: the run that it shares, who is in it, and who else could join.

    ``begins_by`` is the last day on which the run begins: nobody waits longer for those who are not approved. An
    ``approximate`` route trains the model on.
    """

    artifact: Artifact
    run: SharedRun | None
    members: tuple[Companion, ...]
    others: tuple[Companion, ...]
    begins_by: date | None
    approximate: bool

    @property
    def earliest(self) -> date | None:
        """The earliest promised date of the others that could join, or of those in the run."""
        return min((case.promised_on for case in (*self.members, *self.others)), default=None)


def sharings(request: ErasureRequest) -> list[Sharing]:
    """What the case shares, or could share, with others: one line for each language model that it waits for."""
    models = dict.fromkeys([*_models(request), *(run.artifact for run in _runs_of(request))])
    return [_sharing(request, model) for model in models]


def bind(request: ErasureRequest, *, by: User, artifact: str, references: Collection[str]) -> SharedRun:
    """Bind other cases of the entity to this one's run; InvalidInput for a case that cannot wait or has begun."""
    accounts.require(by, request.entity, [Role.OFFICER])
    with transaction.atomic():
        model = _model(request, artifact)
        turns.hold_still(model.pk)
        if not references:
            raise InvalidInput("Forgetting together: no other case was named.", next_action="Choose at least one.")
        others = {case.reference: case for case in _waiting(request, model)}
        missing = sorted(set(references) - set(others))
        if missing:
            raise InvalidInput(
                f"Forgetting together: {', '.join(missing)} cannot join.",
                next_action="Choose cases that are planned or approved, have not begun to treat this model, share no "
                f"other run, and whose promised date is more than {turns.RESERVE} days away.",
            )
        _may_wait(request)
        run = _run_of(request, model) or SharedRun.objects.create(artifact=model)
        if run.begun_at:
            raise IllegalMove("The run has begun; nobody can join it any more.", next_action="Let the case go alone.")
        for case in (request, *(others[reference] for reference in sorted(set(references)))):
            if not run.members.filter(request=case, left_at=None).exists():
                Membership.objects.create(run=run, request=case)
                _record(case, "run.joined", run, by=by)
    return run


def leave(request: ErasureRequest, *, by: User, artifact: str) -> None:
    """Take the case out of its run: before it begins, or while it has made nothing, because something stops it.

    Of two that share a run the other is then alone as well, and free for another run.
    """
    accounts.require(by, request.entity, [Role.OFFICER])
    with transaction.atomic():
        run = _run_named(request, artifact)
        if run is None:
            raise NotFoundHere("Leaving a shared run: this case shares none.")
        turns.hold_still(run.artifact_id)
        run.refresh_from_db()
        if run.result:
            raise IllegalMove("The shared run has made its model; the case is part of it.")
        staying = run.members.filter(left_at=None).exclude(request=request)
        alone = list(staying) if staying.count() == 1 and run.begun_at is None else []
        turns.wake(run)
        for case in (request, *(member.request for member in alone)):
            run.members.filter(request=case, left_at=None).update(left_at=timezone.now())
            _record(case, "run.left", run, by=by)


def call(request: ErasureRequest, *, by: User, artifact: str) -> None:
    """Begin the case's run now, with those that are approved; the others then go alone."""
    accounts.require(by, request.entity, [Role.OFFICER])
    with transaction.atomic():
        run = _run_named(request, artifact)
        if run is None or run.begun_at:
            raise IllegalMove("Beginning a shared run: this case waits for none.")
        if not turns.gathered(run)[0]:
            raise IllegalMove("Beginning a shared run: none of its cases is approved.", next_action="Approve one.")
        SharedRun.objects.filter(pk=run.pk).update(called_at=timezone.now())
        _record(request, "run.called", run, by=by)
        turns.wake(run)


def _sharing(request: ErasureRequest, model: Artifact) -> Sharing:
    run, plan = _run_of(request, model), current_plan(request)
    cases = [m.request for m in run.members.filter(left_at=None).select_related("request")] if run else []
    others = [] if run and run.begun_at else _waiting(request, model)
    by_reference = sorted((case for case in cases if case.pk != request.pk), key=lambda case: case.reference)
    return Sharing(
        artifact=model,
        run=run,
        members=tuple(_companion(case) for case in by_reference),
        others=tuple(_companion(case) for case in others),
        begins_by=turns.begin_by(cases) if cases and run and not run.begun_at else None,
        approximate=plan is not None and plan.steps.filter(artifact=model, action="unlearn_model").exists(),
    )


def _companion(case: ErasureRequest) -> Companion:
    return Companion(case.reference, str(State(case.state).label), case.promised_on)


def _models(request: ErasureRequest) -> list[Artifact]:
    """Language models that the present plan treats and that it has not begun to treat."""
    if State(request.state) not in OPEN or (plan := current_plan(request)) is None:
        return []
    steps = plan.steps.filter(action__in=turns.MAKING, artifact__isnull=False).select_related("artifact")
    return [step.artifact for step in steps if step.artifact and _not_begun(step)]


def _not_begun(step: Step) -> bool:
    begun = step.status == StepStatus.DONE or "made_from" in step.intent
    return not begun and step.artifact is not None and step.artifact.connector not in BY_JOB


def _model(request: ErasureRequest, slug: str) -> Artifact:
    mine = {model.slug: model for model in _models(request)}
    if slug not in mine:
        raise NotFoundHere("This case does not wait for a model of that name.")
    return mine[slug]


def _runs_of(request: ErasureRequest) -> list[SharedRun]:
    """The runs that the case is in and that have neither ended nor made what a gate refused."""
    if State(request.state) not in OPEN:
        return []
    mine = SharedRun.objects.filter(ended_at=None, members__request=request, members__left_at=None)
    mine = mine.exclude(result__has_key="refused")
    return list(mine.select_related("artifact").order_by("-opened_at"))


def _run_of(request: ErasureRequest, model: Artifact) -> SharedRun | None:
    return next((run for run in _runs_of(request) if run.artifact_id == model.pk), None)


def _run_named(request: ErasureRequest, slug: str) -> SharedRun | None:
    return next((run for run in _runs_of(request) if run.artifact.slug == slug), None)


def _waiting(request: ErasureRequest, model: Artifact) -> list[ErasureRequest]:
    """Other cases of the entity that could join, those with the earliest date first; two questions, however many."""
    steps = Step.objects.filter(artifact=model, action__in=turns.MAKING, plan__request__state__in=OPEN)
    steps = steps.filter(plan__request__entity=request.entity_id).exclude(plan__request=request.pk)
    newest = steps.annotate(newest=Max("plan__request__plans__number")).filter(plan__number=F("newest"))
    bound = Membership.objects.filter(left_at=None, run__artifact=model, run__ended_at=None)
    elsewhere = set(bound.exclude(run__result__has_key="refused").values_list("request", flat=True))
    found = newest.select_related("artifact", "plan__request")
    cases = [step.plan.request for step in found if _not_begun(step)]
    free = [case for case in cases if case.pk not in elsewhere and not _too_late(case)]
    return sorted(free, key=lambda case: (case.promised_on, case.reference))


def _too_late(case: ErasureRequest) -> bool:
    return turns.begin_by([case]) <= timezone.now().date()


def _may_wait(request: ErasureRequest) -> None:
    if _too_late(request):
        raise InvalidInput(
            f"Forgetting together: this case must be answered by {request.promised_on}; it cannot wait for others.",
            next_action="Let it go alone.",
        )


def _record(case: ErasureRequest, kind: str, run: SharedRun, *, by: User) -> None:
    detail = {"run": str(run.pk), "artifact": run.artifact.slug}
    audit.record(kind, case=case.reference, entity=case.entity.slug, by=by.get_username(), detail=detail)
