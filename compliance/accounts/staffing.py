"""Who works here: accounts, roles per legal entity, invitations, and the end of an account.

An administrator staffs their own legal entities and nobody else's, and never themselves: who could give themselves
the officer's role could decide. What reaches into the account itself (a new password, its end) is for those alone who
administer every entity that the account works for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from rest_framework.authtoken.models import Token

from compliance.accounts import second_factor
from compliance.accounts.models import LegalEntity, Membership, User
from compliance.rules.errors import InvalidInput, NotAllowed, NotFoundHere
from compliance.rules.terms import Role


@dataclass(frozen=True)
class Colleague:
    """One account as an administrator sees it: its roles for one legal entity, and what can be done about it."""

    user: User
    roles: tuple[Role, ...]
    second_factor: bool
    whole: bool  # the administrator answers for every entity that this account works for


def colleagues(entity: LegalEntity, *, by: User | None = None) -> list[Colleague]:
    """Everybody who holds a role for ``entity``, by name, as ``by`` sees them."""
    users = list(User.objects.filter(memberships__entity=entity).distinct().order_by("username"))
    guarded, mine = second_factor.holders(users), _administered(by) if by else set()
    return [
        Colleague(user, _roles(user, entity), user.pk in guarded, user != by and _entities(user) <= mine)
        for user in users
    ]


def _roles(user: User, entity: LegalEntity) -> tuple[Role, ...]:
    held = set(Membership.objects.filter(user=user, entity=entity).values_list("role", flat=True))
    return tuple(role for role in Role if str(role) in held)


def _entities(user: User) -> set[int]:
    return set(Membership.objects.filter(user=user).values_list("entity_id", flat=True))


def _administered(user: User) -> set[int]:
    rows = Membership.objects.filter(user=user, role=str(Role.ADMINISTRATOR))
    return set(rows.values_list("entity_id", flat=True))


@transaction.atomic
def invite(name: str, *, email: str, entity: LegalEntity, roles: Iterable[Role]) -> tuple[User, bool]:
    """An account called ``name`` with these roles, and whether it is new.

    A new one has no password: its link lets the person choose one. An account that is there keeps its password and
    address. InvalidInput for a name or address that cannot be one, and without a role.
    """
    wanted = list(roles)
    if not wanted:
        raise InvalidInput("Choose at least one role.")
    name = _typed(name)
    user = User.objects.filter(username=name).first()
    if user is not None and not user.is_active:
        raise InvalidInput("This account was closed.", next_action="Choose another user name.")
    fresh = user is None
    if user is None:
        if User.objects.filter(username__iexact=name).exists():
            raise InvalidInput(
                "Another account has this name in other capitals.", next_action="Choose another user name."
            )
        user = User(username=_name(name), email=_address(email))
        user.set_unusable_password()
        user.save()
    for role in wanted:
        Membership.objects.get_or_create(user=user, entity=entity, role=str(role))
    return user, fresh


def _typed(name: str) -> str:
    """A user name as the sign-in reads it (NFKC), so that no two accounts look and sign in alike."""
    if "\x00" in name:  # PostgreSQL takes none, and no name has one
        raise InvalidInput("A user name holds no zero byte.")
    return str(User.normalize_username(name.strip()))


def _name(name: str) -> str:
    try:
        UnicodeUsernameValidator()(name)
    except ValidationError:
        name = ""
    if not 1 <= len(name) <= 60:
        raise InvalidInput("A user name has 1 to 60 letters, digits and the signs @ . + - _ and no spaces.")
    return name


def _address(email: str) -> str:
    try:
        validate_email(email.strip())
    except ValidationError:
        raise InvalidInput(
            "This is no e-mail address.", next_action="The link to choose a password goes there."
        ) from None
    return email.strip()


def link(user: User) -> str:
    """Where ``user`` chooses a password: good once, for three days, and only until they sign in."""
    person = urlsafe_base64_encode(force_bytes(user.pk))
    token = default_token_generator.make_token(user)
    return str(settings.OUBLI_SITE) + reverse("web:welcome", kwargs={"uidb64": person, "token": token})


@transaction.atomic
def withdraw(name: str, entity: LegalEntity, roles: Collection[Role]) -> User:
    """Take these roles for ``entity`` away; NotFoundHere when nobody of that name works for it."""
    user = _of(name, entity)
    Membership.objects.filter(user=user, entity=entity, role__in=[str(role) for role in roles]).delete()
    return user


@transaction.atomic
def reset(name: str, entity: LegalEntity, *, by: User | None) -> User:
    """A lost password or device: both are gone, sessions and keys for machines end, and the person needs a new link."""
    user = _whole(name, entity, by)
    second_factor.remove(user)
    Token.objects.filter(user=user).delete()
    user.set_unusable_password()  # sessions carry a hash of the password, and end with it
    user.save(update_fields=["password"])
    return user


@transaction.atomic
def close(name: str, entity: LegalEntity, *, by: User | None) -> User:
    """The account's end: no sign-in, no session, no role, no key for machines; what it decided keeps its name."""
    user = _whole(name, entity, by)
    second_factor.remove(user)
    Membership.objects.filter(user=user).delete()
    Token.objects.filter(user=user).delete()
    user.is_active = False
    user.set_unusable_password()
    user.save(update_fields=["is_active", "password"])
    return user


def _of(name: str, entity: LegalEntity) -> User:
    user = User.objects.filter(username=_typed(name), memberships__entity=entity).first()
    if user is None:
        raise NotFoundHere(f"Nobody of that name works for {entity.name}.")
    return user


def _whole(name: str, entity: LegalEntity, by: User | None) -> User:
    user = _of(name, entity)
    if by is not None and user == by:
        raise NotAllowed("Nobody may do this to their own account.", next_action="Ask another administrator.")
    if by is not None and not _entities(user) <= _administered(by):
        raise NotAllowed(
            "This account works for another company too.",
            next_action="Take its roles away here; the rest is for who administers all its companies.",
        )
    return user


def administer(by: User, name: str) -> None:
    """Raise NotAllowed when somebody would change their own roles."""
    if by.get_username() == _typed(name):
        raise NotAllowed("Nobody may change their own roles.", next_action="Ask another administrator.")
