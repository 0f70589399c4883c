"""``manage.py staff``: who works here; the first administrator is made by it, the others on the page *Staff*."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from compliance.accounts import staffing
from compliance.accounts.models import LegalEntity, User
from compliance.audit import services as audit
from compliance.rules.errors import OubliError
from compliance.rules.terms import Role


class Command(BaseCommand):
    """List, add, take roles away, reset and close accounts."""

    help = "Who works for a company. 'add' prints the link by which the person chooses a password: hand it over safely."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What to do, for which company, to whom."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        listing = verbs.add_parser("list", help="accounts and roles of one company, or of all")
        listing.add_argument("--entity", metavar="SLUG")
        for verb, words in _VERBS.items():
            one = verbs.add_parser(verb, help=words)
            one.add_argument("name", help="user name")
            one.add_argument("--entity", metavar="SLUG", required=True, help="slug of the company in systems.yaml")
            if verb in ("add", "remove"):
                one.add_argument("--role", action="append", choices=[str(role) for role in Role], required=True)
            if verb == "add":
                one.add_argument("--email", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, log it, and say what comes next."""
        if options["verb"] == "list":
            return self._list(options["entity"])
        try:
            with transaction.atomic():
                return self._change(options, _entity(options["entity"]))
        except OubliError as error:
            raise CommandError(f"{error.cause}\nNext: {error.next_action}") from None

    def _list(self, slug: str | None) -> None:
        for entity in [_entity(slug)] if slug else LegalEntity.objects.order_by("slug"):
            self.stdout.write(f"{entity.slug}  {entity.name}")
            for one in staffing.colleagues(entity):
                roles = ", ".join(str(role) for role in one.roles)
                step = "second step on" if one.second_factor else "no second step"
                chosen = "" if one.user.has_usable_password() else "; has not chosen a password"
                self.stdout.write(f"  {one.user.get_username():<24} {roles}; {step}{chosen}")

    def _change(self, options: dict[str, Any], entity: LegalEntity) -> None:
        name, roles = options["name"], [Role(value) for value in options.get("role") or ()]
        if options["verb"] == "add":
            person, fresh = staffing.invite(name, email=options["email"], entity=entity, roles=roles)
            _note("staff.roles_given", entity, person, roles)
            self.stdout.write(
                _next(person) if fresh else f"{person.get_username()} has an account, and now these roles."
            )
        elif options["verb"] == "remove":
            _note("staff.roles_taken", entity, staffing.withdraw(name, entity, roles), roles)
            self.stdout.write("Taken away.")
        elif options["verb"] == "reset":
            person = staffing.reset(name, entity, by=None)
            _note("staff.reset", entity, person, ())
            self.stdout.write(f"Signed out everywhere. {_next(person)}")
        else:
            _note("staff.closed", entity, staffing.close(name, entity, by=None), ())
            self.stdout.write("The account is closed.")


_VERBS = {
    "add": "an account with roles for a company; one that is there gets the roles",
    "remove": "take roles away",
    "reset": "a lost password or device: both go, a new link comes",
    "close": "the end of an account",
}


def _entity(slug: str) -> LegalEntity:
    found = LegalEntity.objects.filter(slug=slug).first()
    if found is None:
        raise CommandError("There is no such company.\nNext: register systems.yaml first; the slug stands there.")
    return found


def _note(kind: str, entity: LegalEntity, person: User, roles: Iterable[Role]) -> None:
    detail = {"account": person.get_username(), "roles": [str(role) for role in roles]}
    audit.record(kind, case="", entity=entity.slug, by="operator", detail=detail)


def _next(person: User) -> str:
    return f"{person.get_username()} chooses a password here, within three days:\n{staffing.link(person)}"
