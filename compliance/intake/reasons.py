"""The law and the words behind a decision: how they are checked, and how a decision is written down.

What somebody wrote as a reason may be about the person: it stands in the decision's row, where it can be erased, and
never in the log, which goes out with every evidence pack.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.db import transaction
from django.utils import timezone

from compliance.accounts.models import User
from compliance.audit import services as audit
from compliance.intake import clocks, services
from compliance.intake.models import Decision, DecisionKind, ErasureRequest
from compliance.rules import jurisdictions
from compliance.rules.calendars import local_day
from compliance.rules.errors import IllegalMove, InvalidInput
from compliance.rules.terms import EntityRole, Exemption, Ground, State

_OPEN = (State.VERIFIED, State.ACCEPTED, State.TRACED, State.PLANNED)


@dataclass(frozen=True)
class Reasons:
    """The law and the words behind a decision."""

    ground: Ground | None = None
    exemption: Exemption | None = None
    reason: str = ""
    artifact: str = ""
    review_on: date | None = None
    role: EntityRole | None = None
    detail: str = ""


# Decisions without a member of staff that are not the person's own.
_AUTHORS = {DecisionKind.RELEASE: services.SYSTEM, DecisionKind.RESUME: services.SYSTEM}


def today(request: ErasureRequest) -> date:
    """The day at the controller's, where its clocks run."""
    return local_day(timezone.now(), request.entity.time_zone)


def needs_a_day(reasons: Reasons, *, what: str, on: date) -> date:
    """The day on which a decision is looked at again; raises InvalidInput unless there is one, and it is to come."""
    if reasons.review_on is None or reasons.review_on <= on:
        raise InvalidInput(f"{what} needs a day on which it is looked at again, later than today.")
    return reasons.review_on


def check_open(request: ErasureRequest) -> None:
    """Raise IllegalMove unless the plan of the case can still be drafted anew."""
    if State(request.state) not in _OPEN:
        raise IllegalMove(
            "The plan of this case has been approved already.",
            next_action="Send the case back to the plan, or challenge it once it is answered.",
        )


def of_its_laws(request: ErasureRequest, reasons: Reasons) -> None:
    """A ground or an exemption of another law than those that run on the case is no reason."""
    laws = [jurisdictions.load(law) for law in clocks.laws_of(request)]
    ground, exemption = reasons.ground, reasons.exemption
    if ground and not any(ground in law.GROUNDS for law in laws):
        raise InvalidInput(f"{ground.label} is no ground under the law of this case.", next_action="Choose another.")
    if exemption and not any(exemption in law.EXEMPTIONS for law in laws):
        raise InvalidInput(
            f"{exemption.label} is no exemption under the law of this case.", next_action="Choose another."
        )


def write(
    request: ErasureRequest, kind: DecisionKind, by: User | None, reasons: Reasons, *, plan_digest: str = ""
) -> Decision:
    """Write a decision's row and its event; without an author it is the person's, or the calendar's."""
    with transaction.atomic():
        audit.record(
            f"decision.{kind.value}",
            case=request.reference,
            entity=request.entity.slug,
            by=services.author(by) if by else _AUTHORS.get(kind, services.DATA_SUBJECT),
            detail={
                "ground": str(reasons.ground or ""),
                "exemption": str(reasons.exemption or ""),
                "artifact": reasons.artifact,
                "plan": plan_digest,
                "role": str(reasons.role or ""),
                "review_on": reasons.review_on.isoformat() if reasons.review_on else "",
            },
        )
        return Decision.objects.create(
            request=request,
            kind=kind,
            by=by,
            at=timezone.now(),
            round=request.round,
            ground=reasons.ground or "",
            exemption=reasons.exemption or "",
            role=reasons.role or "",
            reason=reasons.reason,
            detail=reasons.detail,
            artifact=reasons.artifact,
            review_on=reasons.review_on,
            plan_digest=plan_digest,
        )
