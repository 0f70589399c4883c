"""Decisions about an artifact while its plan waits: taken on the intake floor, then the plan is drafted anew."""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction

from compliance.accounts.models import User
from compliance.intake import assessing
from compliance.intake.models import Decision, ErasureRequest
from compliance.intake.reasons import Reasons
from compliance.mitigation.drafting import redraft

_Verb = Callable[..., Decision]


def set_role(request: ErasureRequest, *, by: User, reasons: Reasons) -> Decision:
    """Say what the entity is for one artifact."""
    return _then_redraft(assessing.set_role, request, by=by, reasons=reasons)


def restrict(request: ErasureRequest, *, by: User, reasons: Reasons) -> Decision:
    """Restrict instead of erasing."""
    return _then_redraft(assessing.restrict, request, by=by, reasons=reasons)


def hold(request: ErasureRequest, *, by: User, reasons: Reasons) -> Decision:
    """Put a legal hold on an artifact, or on all."""
    return _then_redraft(assessing.hold, request, by=by, reasons=reasons)


def release(request: ErasureRequest, *, artifact: str, by: User | None, reason: str = "") -> Decision:
    """End a hold."""
    return _then_redraft(assessing.release, request, artifact=artifact, by=by, reason=reason)


def back_to_plan(request: ErasureRequest, *, by: User, reason: str) -> Decision:
    """Send stopped work back to the plan, drafted from what is decided and found now."""
    return _then_redraft(assessing.back_to_plan, request, by=by, reason=reason)


def _then_redraft(verb: _Verb, request: ErasureRequest, **given: object) -> Decision:
    with transaction.atomic():
        decision = verb(request, **given)
        redraft(request)
    return decision
