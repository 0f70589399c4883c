"""Who may knock: roles are held per legal entity, and what is another entity's is not here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from rest_framework.authentication import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from compliance.accounts import services as accounts
from compliance.accounts.models import LegalEntity, User
from compliance.intake.models import ErasureRequest, RequestQuerySet
from compliance.rules.errors import NotAllowed, NotFoundHere
from compliance.rules.terms import Role

EVERY_ROLE: tuple[Role, ...] = tuple(Role)


class Tokens(TokenAuthentication):
    """``Authorization: Token …``; what cannot be a token never reaches the database."""

    def authenticate_credentials(self, key: str) -> tuple[User, object]:
        """The token's owner."""
        if not (key.isascii() and key.isalnum()):
            raise AuthenticationFailed("Invalid token.")
        user, token = super().authenticate_credentials(key)
        return cast("User", user), token


class HoldsRole(BasePermission):
    """Signed in, and holding one of the view's ``needs`` for at least one legal entity; no needs: open to all."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Whether the caller may come in at all; the verb asks again for the entity it is about."""
        needs: tuple[Role, ...] = getattr(view, "needs", EVERY_ROLE)
        if not needs:
            return True
        if not request.user.is_authenticated:
            return False
        if not accounts.entities_of(staff(request), needs):
            names = ", ".join(sorted(role.label for role in needs))
            raise NotAllowed(f"This needs the role {names}.")
        return True


def staff(request: Request) -> User:
    """The member of staff who is signed in."""
    return cast("User", request.user)


def entities(request: Request, needs: Iterable[Role] = EVERY_ROLE) -> list[LegalEntity]:
    """The legal entities for which the caller holds one of the roles."""
    return accounts.entities_of(staff(request), needs)


def cases(request: Request) -> RequestQuerySet:
    """The cases that the caller may see."""
    return ErasureRequest.objects.of(entities(request)).select_related("entity")


def case(request: Request, reference: str, *, needs: Iterable[Role]) -> ErasureRequest:
    """One case; NotFoundHere for another entity's, NotAllowed when the role for its entity is missing."""
    found = cases(request).filter(reference=reference).first()
    if found is None:
        raise NotFoundHere("There is no such case here.")
    accounts.require(staff(request), found.entity, needs)
    return found
