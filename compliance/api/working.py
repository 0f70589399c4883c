"""What moves work on: try a stopped job again, wake a step that waits for somebody else."""

from __future__ import annotations

import uuid

from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.accounts import services as accounts
from compliance.api import access, case_shapes
from compliance.api.door import BODY, HERE, REFERENCE, STAFF, Door, operation
from compliance.audit import services as audit
from compliance.intake.models import ErasureRequest
from compliance.jobs import services as jobs
from compliance.jobs.models import Job
from compliance.mitigation import services as mitigation
from compliance.mitigation.models import Step
from compliance.rules.errors import IllegalMove, NotFoundHere
from compliance.rules.terms import JobStatus, Role, State, StepStatus, Work

POKE = (*BODY, *STAFF, *HERE, 409)
# The work that picks a woken step up. Between these states the step is due, and runs with the next work of the case.
_WORK = {State.APPROVED: Work.MITIGATE, State.ANSWERED: Work.FOLLOW_UP}
_LIVE = (State.PLANNED, State.APPROVED, State.MITIGATED, State.VALIDATED, State.ANSWERED)


class RetryJob(Door):
    """Try a stopped job again."""

    needs = (Role.OFFICER, Role.ENGINEER)

    @operation("Try a stopped job again", answers={200: case_shapes.JobLine}, problems_of=POKE, parameters=(REFERENCE,))
    def post(self, request: Request, reference: str, job: uuid.UUID) -> Response:
        """Make a job that needs a person due again; a job that has not stopped is a conflict."""
        case = access.case(request, reference, needs=self.needs)
        with transaction.atomic():
            row = Job.objects.select_for_update().filter(pk=job, case_id=case.pk).first()
            if row is None:
                raise NotFoundHere("This case has no such job.")
            if row.status != JobStatus.FAILED:
                raise IllegalMove("Only a job that has stopped can be tried again.")
            again = jobs.retry(row)
            _record(case, request, "job.retried", work=row.work)
            jobs.wake()
        return Response(case_shapes.JobLine(again).data)


class WakeStep(Door):
    """Wake a waiting step."""

    needs = (Role.OFFICER, Role.ENGINEER)

    @operation("Wake a waiting step", answers={200: case_shapes.StepLine}, problems_of=POKE)
    def post(self, request: Request, step: int) -> Response:
        """Somebody else's pipeline has done its part: the step is due now. A step that does not wait is a conflict."""
        found = Step.objects.filter(pk=step, plan__request__in=access.cases(request)).first()
        if found is None:
            raise NotFoundHere("There is no such step here.")
        case = found.plan.request
        accounts.require(access.staff(request), case.entity, self.needs)
        with transaction.atomic():
            wake(found, case)
            _record(case, request, "step.woken", step=found.pk, action=found.action)
        found.refresh_from_db()
        return Response(case_shapes.StepLine(found).data)


def wake(step: Step, case: ErasureRequest) -> None:
    """Make a waiting step due; call inside a transaction. Raises IllegalMove for a step that nobody waits for."""
    plan = mitigation.current_plan(case)
    if State(case.state) not in _LIVE or plan is None or step.plan_id != plan.pk:
        raise IllegalMove("Waking a step: its plan is not one that is being carried out.")
    waiting = Step.objects.filter(pk=step.pk, status=StepStatus.WAITING)
    if not waiting.update(status=StepStatus.PENDING, message="", next_action=""):
        raise IllegalMove("Waking a step: it does not wait.")
    if work := _WORK.get(State(case.state)):
        jobs.enqueue(case.pk, work)


def _record(case: ErasureRequest, request: Request, kind: str, **detail: object) -> None:
    by = access.staff(request).get_username()
    audit.record(kind, case=case.reference, entity=case.entity.slug, by=by, detail=detail)
