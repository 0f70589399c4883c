"""Who may: roles are held per legal entity, and every verb asks here."""

from __future__ import annotations

from collections.abc import Iterable

from compliance.accounts.models import LegalEntity, Membership, User
from compliance.rules.errors import NotAllowed
from compliance.rules.terms import Role


def roles(user: User, entity: LegalEntity) -> frozenset[Role]:
    """The roles that ``user`` holds for ``entity``."""
    if not user.is_active:
        return frozenset()
    held = Membership.objects.filter(user=user, entity=entity).values_list("role", flat=True)
    return frozenset(Role(value) for value in held)


def require(user: User, entity: LegalEntity, allowed: Iterable[Role]) -> None:
    """Raise NotAllowed unless ``user`` holds one of the roles for ``entity``."""
    wanted = frozenset(allowed)
    if not roles(user, entity) & wanted:
        names = ", ".join(sorted(role.label for role in wanted))
        raise NotAllowed(f"This needs the role {names} for {entity.name}.")


def entities_of(user: User, allowed: Iterable[Role] = tuple(Role)) -> list[LegalEntity]:
    """The legal entities whose cases ``user`` may see in one of the roles."""
    wanted = [str(role) for role in allowed]
    found = LegalEntity.objects.filter(memberships__user=user, memberships__role__in=wanted)
    return list(found.distinct().order_by("name"))


def grant(user: User, entity: LegalEntity, role: Role) -> Membership:
    """Give ``user`` one more role for ``entity``; asking twice changes nothing."""
    return Membership.objects.get_or_create(user=user, entity=entity, role=str(role))[0]
