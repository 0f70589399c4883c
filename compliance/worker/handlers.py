"""Work -> handler. A handler takes ``(request, progress)``, may run twice, and returns the state that it earned."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pkgutil import resolve_name
from typing import cast

from compliance.intake.models import ErasureRequest
from compliance.jobs.progress import Later, Progress
from compliance.rules.terms import State, Work

Handler = Callable[[ErasureRequest, Progress], State | Later | None]

TABLE: dict[Work, str] = {
    Work.TRACE: "compliance.worker.handlers:trace",
    Work.PLAN: "compliance.worker.handlers:plan",
    Work.MITIGATE: "compliance.worker.handlers:mitigate",
    Work.VALIDATE: "compliance.worker.handlers:validate",
    Work.REPORT: "compliance.worker.handlers:report",
    Work.FOLLOW_UP: "compliance.worker.handlers:follow_up",
}

# Work that belongs to no case: ``(id, progress)``.
STANDING: dict[Work, str] = {
    Work.UNLEARN: "compliance.forgetting.running:run",
    Work.SCAN: "compliance.worker.shards:run",
}


def load(work: Work) -> Handler:
    """The handler of a work."""
    return cast(Handler, resolve_name(TABLE[work]))


def standing(work: Work) -> Callable[[uuid.UUID, Progress], None]:
    """The handler of a work that belongs to no case."""
    return cast("Callable[[uuid.UUID, Progress], None]", resolve_name(STANDING[work]))


def trace(request: ErasureRequest, progress: Progress) -> State:
    """Find the person in every registered artifact, with every worker that has nothing older to do."""
    from compliance.provenance import services as provenance
    from compliance.worker import shards

    shared = shards.Shared(request)
    provenance.trace(request, progress, scan=shared)
    shared.tidy()
    return State.TRACED


def plan(request: ErasureRequest, progress: Progress) -> State:
    """Draft the plan, then run its immediate and reversible steps: suppression is active at once."""
    from compliance.mitigation import foreseeing
    from compliance.mitigation import services as mitigation
    from compliance.rules.terms import Horizon

    foreseeing.foresee(request, progress)
    mitigation.draft(request, progress)
    mitigation.carry_out(request, progress, horizons=[Horizon.IMMEDIATE], only_reversible=True)
    return State.PLANNED


def mitigate(request: ErasureRequest, progress: Progress) -> State | Later:
    """Carry out every step of the approved plan that is due; later, where a step waits for other cases."""
    from compliance.mitigation import services as mitigation
    from compliance.mitigation.tasks import NotYet
    from compliance.rules.terms import Horizon
    from compliance.worker import erasure_book

    mitigation.check_approved(request)
    try:
        mitigation.carry_out(request, progress, horizons=[Horizon.IMMEDIATE, Horizon.SHORT_TERM])
    except NotYet as wait:
        return Later(wait.due_at)
    erasure_book.keep()
    return State.MITIGATED


def validate(request: ErasureRequest, progress: Progress) -> State:
    """Prove the result by another path; a failed proof goes back to the plan."""
    from compliance.validation import services as validation

    return State.VALIDATED if validation.validate(request, progress) else State.PLANNED


def report(request: ErasureRequest, progress: Progress) -> State | None:
    """Write the evidence; a refused or forwarded case closes with it, a validated one waits for the signature."""
    from compliance.evidence import services as evidence

    evidence.issue(request, progress)
    return State.CLOSED if State(request.state) in (State.REFUSED, State.FORWARDED) else None


def follow_up(request: ErasureRequest, progress: Progress) -> State | Later | None:
    """Sweep again and run what was scheduled; close the case when nothing is left, reopen it when found again."""
    from compliance.worker import schedule

    return schedule.follow_up(request, progress)
