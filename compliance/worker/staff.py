"""Accounts of the demonstration: named so that the log says who decided, with a password made on this machine."""

from __future__ import annotations

import secrets
from pathlib import Path

from django.conf import settings

from compliance.accounts import services as accounts
from compliance.accounts.models import LegalEntity, User
from compliance.rules.terms import Role

DEMO_STAFF = {
    "olga.demo": (Role.OFFICER,),
    "pavel.demo": (Role.APPROVER,),
    "emil.demo": (Role.ENGINEER,),
    "amir.demo": (Role.AUDITOR,),
    "ada.demo": (Role.ADMINISTRATOR,),
}


def password() -> str:
    """The demonstration's password: random, kept readable by the owner only."""
    path = Path(settings.OUBLI_KEYS) / "demo_password"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text("-".join(secrets.token_hex(2) for _ in range(4)))
    return path.read_text()


def ensure_demo_staff() -> dict[str, User]:
    """One account per role for every registered legal entity; doing it twice changes nothing."""
    users = {}
    for name, roles in DEMO_STAFF.items():
        user, fresh = User.objects.get_or_create(username=name, defaults={"first_name": name.split(".")[0].title()})
        if fresh:
            user.set_password(password())
            user.save(update_fields=["password"])
        for entity in LegalEntity.objects.all():
            for role in roles:
                accounts.grant(user, entity, role)
        users[name] = user
    return users
