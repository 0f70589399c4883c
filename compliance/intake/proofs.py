"""Proof of each identifier: by a code, by the company's sign-in, by an officer's check, by a mandate.

What is not proven proposes candidates and never sweeps (``provenance.search``). A proof keeps who, when and how;
nothing that was shown is kept.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from compliance.accounts import services as accounts
from compliance.accounts.models import User
from compliance.audit import services as audit
from compliance.intake import identity, vault
from compliance.intake.models import ErasureRequest
from compliance.intake.papers import Attachment, Proof
from compliance.rules import identifiers
from compliance.rules.asking import Checked, ProvenBy
from compliance.rules.errors import IllegalMove, InvalidInput, NotFoundHere
from compliance.rules.terms import IdentifierKind, Role, State

# Until the plan is approved a proof can still change what counts; afterwards it would change nothing.
OPEN = (State.RECEIVED, State.VERIFIED, State.ACCEPTED, State.TRACED, State.PLANNED)


@dataclass(frozen=True)
class Shown:
    """One identifier of a case as pages show it: redacted, with its place in the list and how it was proven."""

    place: int
    kind: IdentifierKind
    redacted: str
    proven_by: ProvenBy | None

    @property
    def can_get_a_code(self) -> bool:
        """Whether a code can be sent to it."""
        return self.kind is IdentifierKind.EMAIL and self.proven_by is None


def listed(request: ErasureRequest) -> list[Shown]:
    """The identifiers of a case, redacted."""
    by_key = {row.identifier_key: ProvenBy(row.proven_by) for row in request.proofs.all()}
    rows = vault.opened(request)["identifiers"]
    return [
        Shown(
            place,
            IdentifierKind(row["kind"]),
            identifiers.redact(row["kind"], row["value"]),
            by_key.get(identity.key_of(row["kind"], row["value"])) or (ProvenBy.CODE if row["proven"] else None),
        )
        for place, row in enumerate(rows)
    ]


def value_at(request: ErasureRequest, place: int) -> tuple[IdentifierKind, str]:
    """Kind and value of the identifier at a place of the list; NotFoundHere when there is none."""
    rows = vault.opened(request)["identifiers"]
    if not 0 <= place < len(rows):
        raise NotFoundHere("That identifier is not in the request.", next_action="Reload the page.")
    return IdentifierKind(rows[place]["kind"]), str(rows[place]["value"])


def mark(
    request: ErasureRequest,
    keys: Collection[str],
    *,
    proven_by: ProvenBy,
    by: User | None = None,
    checked: Checked | None = None,
) -> int:
    """Mark the identifiers with these linking keys as proven; returns how many became so now.

    The search that has begun keeps what it knew: an officer looks again where a proof comes later.
    """
    if State(request.state) not in OPEN:
        raise IllegalMove("Proving an identifier: the plan of this case has been approved already.")
    with transaction.atomic():
        locked = ErasureRequest.objects.select_for_update().get(pk=request.pk)
        key = vault.case_key(locked)
        content = vault.decrypt(key, locked.sealed)
        fresh = []
        for row in content["identifiers"]:
            own = identity.key_of(row["kind"], row["value"])
            if own in keys and not row["proven"]:
                row["proven"] = True
                fresh.append((own, row["kind"]))
        locked.sealed = vault.encrypt(key, content)
        locked.save(update_fields=["sealed"])
        request.sealed = locked.sealed
        for own, kind in fresh:
            _write(request, own, kind, proven_by=proven_by, by=by, checked=checked)
    return len(fresh)


def _write(
    request: ErasureRequest, key: str, kind: str, *, proven_by: ProvenBy, by: User | None, checked: Checked | None
) -> None:
    Proof.objects.update_or_create(
        request=request,
        identifier_key=key,
        defaults={
            "kind": kind,
            "proven_by": proven_by,
            "by": by,
            "checked": checked or "",
            "at": timezone.now(),
        },
    )
    audit.record(
        "identity.proven",
        case=request.reference,
        entity=request.entity.slug,
        by=by.get_username() if by else "data subject",
        detail={"kind": kind, "proven_by": str(proven_by), "checked": str(checked or "")},
    )


def check(request: ErasureRequest, place: int, *, by: User, checked: Checked) -> int:
    """An officer made sure by hand that an identifier is the person's; what was shown is not kept."""
    accounts.require(by, request.entity, [Role.OFFICER])
    kind, value = value_at(request, place)
    if kind is IdentifierKind.NAME:
        raise InvalidInput("A name finds nobody alone, so there is nothing to prove about it.")
    return mark(request, [identity.key_of(kind, value)], proven_by=ProvenBy.OFFICER, by=by, checked=checked)


def accept_mandate(request: ErasureRequest, places: Collection[int], *, attachment: Attachment, by: User) -> int:
    """An officer read the mandate: the identifiers that it names are those of the person who signed it."""
    accounts.require(by, request.entity, [Role.OFFICER])
    if attachment.request_id != request.pk or not attachment.mandate or attachment.destroyed_at:
        raise InvalidInput("That file is no mandate of this request.", next_action="Open the mandate, then decide.")
    keys = [identity.key_of(*value_at(request, place)) for place in places]
    return mark(request, keys, proven_by=ProvenBy.MANDATE, by=by)
