"""Whose turn it is at a model: one case after the other, or several in a run that they share.

1. A new model is made from the one that serves. Of two made from the same one, the second to serve would bring back
   whom the first had forgotten: so a case waits while another has made a model that does not serve yet.
2. Cases that an officer bound together wait for each other, but nobody longer than until ``RESERVE`` days before the
   earliest promised date among them; then the run begins with those that are approved, and the others go alone.
3. The worker of one case does the run and exchanges the model; those of the others find it done. Where that worker
   dies, the next that comes takes the run up.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from django.db.models import Max, Q
from django.utils import timezone

from compliance.audit import services as audit
from compliance.intake.models import ErasureRequest
from compliance.jobs import services as jobs
from compliance.jobs.models import Job
from compliance.mitigation.models import Membership, Plan, SharedRun, Step
from compliance.mitigation.tasks import NotYet, Task
from compliance.provenance.models import Artifact
from compliance.rules.terms import JobStatus, State, StepStatus, Work

MAKING = ("unlearn_model", "replay_model")
RESERVE = 7  # days before the earliest promised date: for the run itself, its proof, the report and a signature
GATHERING = timedelta(minutes=5)  # between two looks at whether a run may begin
PAUSE = timedelta(seconds=20)  # between two looks at a run, or at a model, that another worker is at


def turn(task: Task) -> SharedRun | None:
    """The run in which the case takes its turn, or None where it goes alone; raises NotYet while it has to wait."""
    _after_others(task)
    member = task.membership
    run = member.run if member else None
    if member is None or run is None or not _goes_with(run, member, task):
        return None
    if member.plan_id is None:
        with task.progress.commit():
            Membership.objects.filter(pk=member.pk).update(plan=task.step.plan)
    if not run.result:
        hold(run, task)
    return run


def hold(run: SharedRun, task: Task) -> None:
    """Take the run up for this case's worker; NotYet while a worker of another case is at it."""
    mine = task.request.pk
    if run.holder == mine:
        return
    if run.holder and _at_work(run.holder):
        raise NotYet(timezone.now() + PAUSE, "A worker is at the run that this case shares")
    with task.progress.commit():
        won = SharedRun.objects.filter(pk=run.pk, holder=run.holder).update(holder=mine)
    if not won:
        raise NotYet(timezone.now() + PAUSE, "A worker has just taken up the run that this case shares")
    run.holder = mine


def hold_still(artifact: int) -> None:
    """Let nobody else change who goes in which run of a model until the transaction ends."""
    Artifact.objects.select_for_update(no_key=True).get(pk=artifact)


def begin_by(cases: Sequence[ErasureRequest]) -> date:
    """The last day on which a run of these cases may begin."""
    return min(case.promised_on for case in cases) - timedelta(days=RESERVE)


def gathered(run: SharedRun) -> tuple[list[Membership], list[Membership]]:
    """Members that may begin, and members whose plan waits for approval; a case that went elsewhere is neither."""
    members = list(run.members.filter(left_at=None).select_related("request"))
    ready = [member for member in members if State(member.request.state) is State.APPROVED]
    return ready, [member for member in members if State(member.request.state) is State.PLANNED]


def wake(run: SharedRun) -> None:
    """Make the work of every member due; call inside a transaction."""
    for member in run.members.filter(left_at=None).select_related("request"):
        if State(member.request.state) is State.APPROVED:
            jobs.enqueue(member.request_id, Work.MITIGATE)


def _goes_with(run: SharedRun, member: Membership, task: Task) -> bool:
    """Whether the case takes part; where the run has not begun, begin it or raise NotYet."""
    if run.begun_at is None:
        return _begin(run, task)
    if member.plan_id is None and run.result.get("refused"):
        _leave([member], task)
        return False
    return True


def _begin(run: SharedRun, task: Task) -> bool:
    """Fix who takes part; False where nobody else does."""
    ready, waiting = gathered(run)
    last = begin_by([member.request for member in [*ready, *waiting]])
    now = timezone.now()
    if waiting and run.called_at is None and now.date() < last:
        until = datetime.combine(last, time(0), tzinfo=now.tzinfo)
        raise NotYet(min(now + GATHERING, until), f"Waits for {_cases(len(waiting))} to be approved, until {last}")
    everybody = list(run.members.filter(left_at=None))
    _leave([member for member in everybody if member not in ready or len(ready) == 1], task)
    if len(ready) == 1:
        return False
    with task.progress.commit():
        hold_still(run.artifact_id)
        if run.members.filter(left_at=None).count() != len(ready):
            raise NotYet(now + PAUSE, "A case has just joined the run, or left it")
        SharedRun.objects.filter(pk=run.pk, begun_at=None).update(begun_at=now)
        for member in ready:
            _say(member.request, "run.begun", run, cases=len(ready))
    run.begun_at = now
    task.__dict__.pop("together", None)  # it was asked for before the run began
    return True


def _leave(members: Sequence[Membership], task: Task) -> None:
    with task.progress.commit():
        for member in members:
            Membership.objects.filter(pk=member.pk).update(left_at=timezone.now())
            _say(member.request, "run.left", member.run)
    if any(member.request_id == task.request.pk for member in members):
        task.__dict__["membership"] = None


def _say(request: ErasureRequest, kind: str, run: SharedRun, **detail: object) -> None:
    detail = {"run": str(run.pk), **detail}
    audit.record(kind, case=request.reference, entity=request.entity.slug, by="system", detail=detail)


def _after_others(task: Task) -> None:
    """Raise NotYet while another case has made, or is making, a model that does not serve yet."""
    mine = [request.pk for request in task.together]
    at_it = Q(status=StepStatus.DONE) | Q(status=StepStatus.RUNNING, intent__has_key="made_from")
    first = at_it | Q(status=StepStatus.RUNNING, pk__lt=task.step.pk)
    steps = Step.objects.filter(first, artifact=task.step.artifact, action__in=MAKING)
    steps = steps.filter(plan__request__state=State.APPROVED).exclude(plan__request__in=mine)
    for step in steps.select_related("plan__request"):
        if _unserved(step) and Job.objects.of(step.plan.request_id).live().filter(work=Work.MITIGATE).exists():
            raise NotYet(timezone.now() + PAUSE, "Another case's new model has to serve first")


def _unserved(step: Step) -> bool:
    """Whether the step belongs to the newest plan of its case and what it made was not promoted."""
    newest = Plan.objects.filter(request=step.plan.request_id).aggregate(top=Max("number"))["top"]
    served = step.plan.steps.filter(artifact=step.artifact, action="promote_model", status=StepStatus.DONE)
    return step.plan.number == newest and not served.exists()


def _at_work(case: uuid.UUID) -> bool:
    running = Job.objects.filter(case_id=case, work=Work.MITIGATE, status=JobStatus.RUNNING)
    return running.filter(lease_until__gt=timezone.now()).exists()


def _cases(count: int) -> str:
    return f"{count} other {'case' if count == 1 else 'cases'}"
