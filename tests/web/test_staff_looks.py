"""The pages of accounts in a real browser: setting up the second step, signing in with it, staffing the office."""

from __future__ import annotations

from typing import Any

import pytest

from compliance.accounts import services
from compliance.accounts.models import User
from compliance.rules.terms import Role
from tests.web import seeded
from tests.web.test_looks import ONCE, examine, press, sign_in, tab
from tests.web.test_second_factor import App, still

__all__ = ["still", "tab"]

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]


def test_setting_up_the_second_step_and_signing_in_with_it(tab: Any) -> None:
    seeded.company()
    sign_in(tab, "olga")
    tab.get_by_role("link", name="olga").click()
    examine(tab, "account", views=ONCE)
    app = App(tab.locator("code.digest").inner_text())
    assert tab.locator("img.scan").evaluate("image => image.complete && image.naturalWidth > 100")
    tab.fill("[name=code]", app.code())
    tab.fill("[name=password]", seeded.PASSWORD)
    press(tab, "Turn it on")
    examine(tab, "recovery codes", views=ONCE)
    assert tab.locator(".codes code").count() == 10
    press(tab, "Sign out")
    sign_in(tab, "olga")
    examine(tab, "second step", views=ONCE)
    tab.fill("[name=code]", app.code())
    press(tab, "Sign in")
    assert tab.url.endswith("/officer/")
    assert [text for text in tab.complaints if "422" not in text] == []


def test_the_page_of_staff_is_accessible_and_works_without_scripts(tab: Any) -> None:
    firm = seeded.company()
    ada = User.objects.create_user(username="ada", password=seeded.PASSWORD)
    services.grant(ada, firm.entity, Role.ADMINISTRATOR)
    sign_in(tab, "ada")
    tab.get_by_role("link", name="Staff").click()
    tab.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    examine(tab, "staff", views=ONCE)
    tab.get_by_label("User name").fill("iris")
    tab.get_by_label("E-mail, where the link goes").fill("iris@aurora.example")
    tab.get_by_role("checkbox", name="Auditor reads reports and the log").check()
    press(tab, "Give these roles")
    assert "iris was sent a link" in tab.locator("main").inner_text()
    assert tab.get_by_role("row", name="iris").count() == 1
    assert tab.complaints == []


def test_cases_are_bound_into_one_run_on_an_accessible_page_without_scripts(tab: Any) -> None:
    firm = seeded.company()
    made = seeded.register(firm.entity)
    first, second = (seeded.planned(firm, made, email=f"{name}@example.org") for name in ("ana.one", "ben.two"))
    sign_in(tab, "olga")
    tab.goto(f"/officer/cases/{first.reference}/")
    examine(tab, "cases to forget together", views=ONCE)
    press(tab, "Forget together")
    assert f"{second.reference}: Planned" in tab.locator("main").inner_text()
    examine(tab, "cases in one run", views=ONCE)
    press(tab, "Take this case out")
    assert tab.get_by_role("button", name="Forget together").count() == 1
    assert tab.complaints == []
