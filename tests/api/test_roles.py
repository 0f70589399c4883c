"""Every route times every role, generated from the URL table and compared with what is declared here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from compliance.api.urls import V1
from compliance.rules.terms import Role
from tests.api.building import Company, World, client, world

ANYBODY = None
ALL = set(Role)
DECIDE = {Role.OFFICER}
# What the product promises, written by hand: a route that is missing here, or here only, fails.
DECLARED: dict[str, tuple[str, set[Role] | None]] = {
    "requests": ("post", ANYBODY),
    "confirm": ("post", ANYBODY),
    "status": ("post", ANYBODY),
    "cases": ("get", ALL),
    "case": ("get", ALL),
    "accept": ("post", DECIDE),
    "refuse": ("post", DECIDE),
    "keep": ("post", DECIDE),
    "extend": ("post", DECIDE),
    "sign-off": ("post", DECIDE),
    "approve": ("post", {Role.OFFICER, Role.APPROVER}),
    "look-again": ("post", {Role.OFFICER, Role.APPROVER}),
    "lift": ("post", DECIDE),
    "together": ("get", {Role.OFFICER, Role.APPROVER, Role.AUDITOR, Role.ENGINEER}),
    "together-bind": ("post", DECIDE),
    "together-leave": ("post", DECIDE),
    "together-begin": ("post", DECIDE),
    "retry": ("post", {Role.OFFICER, Role.ENGINEER}),
    "wake": ("post", {Role.OFFICER, Role.ENGINEER}),
    "pack": ("get", {Role.OFFICER, Role.APPROVER, Role.AUDITOR}),
    "artifacts": ("get", ALL),
    "derivations": ("get", ALL),
    "lineage": ("post", {Role.ENGINEER}),
    "log-head": ("get", ALL),
    "event-proof": ("get", ALL),
    "bounces": ("post", {Role.OFFICER, Role.ADMINISTRATOR}),
    "exclusions": ("get", {Role.ENGINEER}),
    "exclusions-check": ("post", {Role.ENGINEER}),
    "suppressions": ("get", {Role.ENGINEER}),
    "unlearning-models": ("get", {Role.ENGINEER}),
    "unlearning-jobs": ("post", {Role.ENGINEER}),
    "unlearning-job": ("get", {Role.ENGINEER}),
    "unlearning-cancel": ("post", {Role.ENGINEER}),
    "unlearning-curve": ("get", {Role.ENGINEER}),
    "unlearning-events": ("get", {Role.ENGINEER}),
    "unlearning-artifact": ("get", {Role.ENGINEER}),
}
ROUTES = {pattern.name: pattern for pattern in V1}
STAFF_ROUTES = sorted(name for name, (_, roles) in DECLARED.items() if roles is not ANYBODY)
NAMING_SOMETHING = sorted(name for name in STAFF_ROUTES if ROUTES[name].pattern.converters)


@pytest.fixture
def here(aurora: Company, evidence: Path) -> World:
    return world(aurora, evidence)


def address(name: str, of: World) -> str:
    wanted = ROUTES[name].pattern.converters
    return reverse(f"api:{name}", kwargs={key: value for key, value in of.fills().items() if key in wanted})


def call(name: str, *, of: World, by: Any) -> Any:
    caller, method = client(by), DECLARED[name][0]
    if method == "get":
        return caller.get(address(name, of))
    return caller.post(address(name, of), {}, content_type="application/json")


def test_every_route_is_declared_here() -> None:
    assert set(ROUTES) == set(DECLARED)


@pytest.mark.parametrize("name", STAFF_ROUTES)
def test_nobody_signed_in_gets_401(name: str, here: World) -> None:
    answer = call(name, of=here, by=None)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Token")
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("name", STAFF_ROUTES)
def test_exactly_the_declared_roles_come_in(name: str, here: World) -> None:
    allowed = DECLARED[name][1] or set()
    came_in = {role for role in Role if call(name, of=here, by=here.company.staff[role]).status_code not in (401, 403)}
    assert came_in == allowed


@pytest.mark.parametrize("name", NAMING_SOMETHING)
def test_another_companys_ids_are_not_here(name: str, here: World, boreal: Company) -> None:
    assert {call(name, of=here, by=boreal.staff[role]).status_code for role in DECLARED[name][1] or ()} == {404}


@pytest.mark.parametrize("name", ["cases", "artifacts", "derivations", "exclusions", "suppressions"])
def test_lists_hold_nothing_of_another_company(name: str, here: World, boreal: Company) -> None:
    full = call(name, of=here, by=here.company.staff[Role.ENGINEER]).json()
    empty = call(name, of=here, by=boreal.staff[Role.ENGINEER]).json()
    key = "suppressions" if name == "suppressions" else "results"
    assert full[key]
    assert empty[key] == []


def test_somebody_dismissed_comes_in_nowhere(here: World) -> None:
    officer = here.company.staff[Role.OFFICER]
    officer.is_active = False
    officer.save()
    assert {call(name, of=here, by=officer).status_code for name in STAFF_ROUTES} == {401}


def test_a_second_company_lends_no_role_for_the_first(here: World, boreal: Company) -> None:
    from compliance.accounts import services as accounts

    both = boreal.staff[Role.OFFICER]
    accounts.grant(both, here.company.entity, Role.AUDITOR)
    assert call("case", of=here, by=both).status_code == 200
    assert call("accept", of=here, by=both).status_code == 403
