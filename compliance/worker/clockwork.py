"""What the calendar does by itself: leave a sign of watching, end holds on their day, write the daily digest."""

from __future__ import annotations

import logging

from compliance.intake import watching
from compliance.intake.models import DecisionKind, ErasureRequest
from compliance.intake.reasons import today
from compliance.intake.standing import standing
from compliance.mitigation import assessing
from compliance.rules.errors import OubliError
from compliance.rules.terms import State
from compliance.worker import digest

log = logging.getLogger("oubli.clockwork")
# In these states something is being done that a new plan would pull away: the hold waits for the end of it.
_BUSY = (State.APPROVED, State.MITIGATED, State.VALIDATED, State.REFUSED, State.FORWARDED)


def look() -> None:
    """One pass over the clocks."""
    watching.saw()
    end_holds()
    digest.send_due()


def end_holds() -> int:
    """End every hold whose day has passed; the case goes on by itself. Returns how many ended."""
    held = ErasureRequest.objects.filter(decisions__kind=DecisionKind.HOLD).exclude(state__in=_BUSY).distinct()
    return sum(_end(request) for request in held.select_related("entity"))


def _end(request: ErasureRequest) -> int:
    """The day of review is the last day of the hold, in the controller's calendar."""
    day, ended = today(request), 0
    for artifact, hold in standing(request).held.items():
        if hold.review_on is None or day <= hold.review_on:
            continue
        try:
            assessing.release(request, artifact=artifact, by=None, reason="The day of the hold has passed.")
            request.refresh_from_db()
            ended += 1
        except OubliError as error:
            log.warning("hold of case %s: %s", request.reference, error.cause)
    return ended
