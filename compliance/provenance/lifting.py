"""Somebody who was erased comes back, or an erasure was undone: an officer decides it, and says why.

1. Only identifiers are lifted: what the person gives from now on may be kept. What was erased then, byte for byte, as
   a text or as a near copy, stays out.
2. The decision is a row with its reason and an event in the log. It is never taken back; a new erasure makes new
   exclusions.
3. The same identifiers may stand under other cases of the same person: each is lifted by itself, and the answer says
   which still hold them.
4. Where an erasure was undone (its locked copy was put back, because it had been the wrong person's record, say), the
   case counts there as never treated: a replay after a restore leaves the place alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import models, transaction

from compliance.accounts import services as accounts
from compliance.accounts.models import User
from compliance.audit import services as audit
from compliance.intake.models import ErasureRequest
from compliance.provenance.models import Artifact, Exclusion, Lift
from compliance.rules.errors import IllegalMove, InvalidInput, without_identifiers
from compliance.rules.terms import Role

SHORTEST_REASON = 10  # characters


@dataclass(frozen=True)
class Lifted:
    """How many identifiers are free again, and which other cases still hold some of them."""

    identifiers: int
    held_by: tuple[str, ...]


def lift(request: ErasureRequest, *, by: User, reason: str) -> Lifted:
    """Let the identifiers of a case be used again.

    Raises ``NotAllowed`` for anybody but an officer of the legal entity, ``InvalidInput`` without a reason in words,
    ``IllegalMove`` when the case excludes nobody or was lifted before.
    """
    doing = f"Lifting the exclusions of {request.reference}"
    said = _reason(request, by, reason, doing)
    keys = set(Exclusion.objects.filter(case=request.reference, kind="identifier").values_list("key", flat=True))
    if not keys or Lift.objects.filter(case=request.reference, artifact="").exists():
        raise IllegalMove(
            f"{doing}: none of its identifiers is excluded.",
            next_action="Look in the log whether it was lifted before, or name the case that excludes the person.",
        )
    _write(request, "", by, said, {"identifiers": len(keys)})
    return Lifted(len(keys), _held_by(keys, request))


def undone(request: ErasureRequest, artifact: Artifact, *, by: User, reason: str) -> None:
    """Write down that a case's erasure at an artifact was undone; raises as ``lift`` does."""
    doing = f"Calling the erasure of {request.reference} at {artifact.slug} undone"
    said = _reason(request, by, reason, doing)
    if artifact.entity_id != request.entity_id or Lift.objects.filter(case=request.reference, artifact=artifact.slug):
        raise IllegalMove(f"{doing}: it is no place of this case, or is undone already.", next_action="See the log.")
    _write(request, artifact.slug, by, said, {})


def _reason(request: ErasureRequest, by: User, reason: str, doing: str) -> str:
    accounts.require(by, request.entity, [Role.OFFICER])
    said = without_identifiers(" ".join(reason.split()))
    if len(said) < SHORTEST_REASON:
        raise InvalidInput(
            f"{doing}: the reason is missing.",
            next_action="Say in a few words, without naming the person, why.",
        )
    return said[:500]


def _write(request: ErasureRequest, artifact: str, by: User, reason: str, detail: dict[str, object]) -> None:
    told = {**detail, "reason": reason} | ({"artifact": artifact} if artifact else {})
    kind, name = "erasure.undone" if artifact else "exclusion.lifted", by.get_username()
    with transaction.atomic():
        row = {"by": name, "reason": reason}
        if not Lift.objects.get_or_create(case=request.reference, artifact=artifact, defaults=row)[1]:
            raise IllegalMove(f"{request.reference}: this was decided a moment ago.", next_action="See the log.")
        audit.record(kind, case=request.reference, entity=request.entity.slug, by=name, detail=told)


def excludes(request: ErasureRequest) -> bool:
    """Whether a case still keeps somebody's identifiers out."""
    return without_lifted(Exclusion.objects.filter(case=request.reference, kind="identifier")).exists()


def is_lifted(request: ErasureRequest) -> bool:
    """Whether an officer has decided that the person of a case may be a customer again."""
    return Lift.objects.filter(case=request.reference, artifact="").exists()


def _held_by(keys: set[str], request: ErasureRequest) -> tuple[str, ...]:
    """Cases of the same legal entity: that somebody asked another one too is none of this officer's knowledge."""
    own = ErasureRequest.objects.filter(entity=request.entity).values("reference")
    held = without_lifted(Exclusion.objects.filter(key__in=keys, kind="identifier", case__in=own))
    return tuple(held.order_by("case").values_list("case", flat=True).distinct())


def without_lifted(rows: models.QuerySet[Exclusion]) -> models.QuerySet[Exclusion]:
    """Exclusions without identifiers that an officer has lifted."""
    return rows.exclude(kind="identifier", case__in=Lift.objects.filter(artifact="").values("case"))
