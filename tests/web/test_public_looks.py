"""Every public page in five languages, small and plain: axe finds nothing, nothing scrolls sideways, and it all works.

A width of 320 pixels is what a window of 1280 shows at 400 % zoom (WCAG 2.2, 1.4.10).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings

from compliance.intake.models import ErasureRequest
from compliance.worker import tasks
from tests.web import seeded
from tests.web.test_looks import examine, small_targets
from tests.web.test_subject import open_directly

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]
Visit = Callable[[str], None]
NARROW = {"width": 320, "height": 800}


@pytest.fixture
def window(chromium: Any, live_server: Any) -> Iterator[Callable[..., Any]]:
    """Opens browser windows; each is closed at the end."""
    opened = []

    def open_one(**options: Any) -> Any:
        context = chromium.new_context(**{"base_url": live_server.url, "viewport": NARROW, **options})
        opened.append(context)
        return context.new_page()

    yield open_one
    for context in opened:
        context.close()


def go_on(tab: Any) -> None:
    """Press the page's main button, whatever it says."""
    tab.locator("main form:not([action]) button.button:not(.second), main form.begin button").first.click()


def fill_form(tab: Any, visit: Visit, *, email: str = seeded.ALICE) -> tuple[str, str]:
    """The whole form without reading its words; returns reference and the filer's secret."""
    tab.goto("/")
    visit("start")
    tab.locator("main button.start").click()
    for slug, answer in (
        ("who", tab.locator("[name=requester]").first.check),
        ("wish", tab.locator("[name=wishes]").first.check),
        ("email", lambda: tab.fill("[name=email]", email)),
        ("name", lambda: tab.fill("[name=name]", "Alice Martin")),
        ("identifiers", lambda: _add(tab, "email", "old.alice@example.org")),
        ("clues", lambda: _add(tab, "prompt", "Where does Alice live?")),
        ("where", lambda: tab.fill("[name=where]", "Help chat")),
        ("why", tab.locator("[name=whys]").first.check),
        ("details", lambda: None),
        ("files", lambda: None),
    ):
        assert f"/{slug}/" in tab.url
        visit(slug)
        answer()
        go_on(tab)
    visit("check")
    go_on(tab)
    visit("sent")
    reference, secret = tab.locator("strong.code").all_inner_texts()
    return reference, secret


def _add(tab: Any, kind: str, value: str) -> None:
    tab.select_option("[name=kind]", kind)
    tab.fill("[name=value]", value)
    tab.locator("button[name=add]").click()
    assert tab.locator(".answers dd").first.inner_text() == value


def confirm(tab: Any, reference: str, visit: Visit) -> None:
    """The link, the button, the status page."""
    code = seeded.code_of(ErasureRequest.objects.get(reference=reference))
    tasks.post_letters()
    tab.goto(f"/confirm/?reference={reference}&code={code}")
    visit("confirm from the link")
    tab.locator("main form button.button").click()
    visit("confirmed")
    tab.goto("/status/case/")
    visit("status")


def _axe(tab: Any, language: str) -> Visit:
    def visit(name: str) -> None:
        assert tab.locator("html").get_attribute("lang") == language, name
        found = Axe().run(tab).response["violations"]
        assert not found, (name, [(v["id"], v["nodes"][0]["html"][:160]) for v in found])
        wide = tab.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        assert not wide, f"{name} scrolls sideways in {language}"
        assert small_targets(tab) == [], name

    return visit


LANGUAGES = [pytest.param(code, marks=() if code == "de" else pytest.mark.slow) for code, _ in settings.LANGUAGES]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_public_page_is_accessible_in_every_language(window: Any, language: str) -> None:
    firm = seeded.company()
    tab = window(locale=language)
    visit = _axe(tab, language)
    reference, _ = fill_form(tab, visit)
    confirm(tab, reference, visit)
    tab.locator("main a[href*='/status/letters/']").first.click()
    visit("letter")
    answered = seeded.answered(firm, seeded.register(firm.entity), email="other@example.org")
    _hold(tab, answered)
    for address in ("/status/case/", "/status/", "/confirm/", "/confirm/again/", "/resume/", "/nothing/"):
        tab.goto(address)
        visit(address)
    for address, button in (("/confirm/again/", "main form button"), ("/status/", "main form button")):
        tab.goto(address)
        tab.locator(button).first.click()
        visit(f"{address} with an error")
    tab.goto("/confirm/again/")
    tab.fill("[name=reference]", reference)
    tab.locator("main form button").first.click()
    visit("again, sent")
    tab.goto("/")
    tab.locator("main button.start").click()
    tab.locator("[name=requester][value=at_risk]").check()
    go_on(tab)
    visit("with the quick exit")
    go_on(tab)
    visit("wish, with an error")
    tab.locator("button[name=save]").click()
    visit("saved")


def _hold(tab: Any, case: ErasureRequest) -> None:
    """Give the browser an open status page of a case."""
    from django.test import Client

    client = Client()
    open_directly(client, case)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    tab.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": tab.url}])


def test_the_whole_way_works_without_styles_and_without_scripts(window: Any) -> None:
    seeded.company()
    tab = window(java_script_enabled=False)
    tab.route("**/*.css", lambda route: route.abort())
    seen: list[str] = []

    def visit(name: str) -> None:
        seen.append(name)
        assert tab.locator("h1").count() == 1 and tab.locator("h1").is_visible(), name
        for field in tab.locator("main :is(input:not([type=hidden]), select, textarea):visible").all():
            assert field.evaluate("f => [...f.labels].some(l => l.textContent.trim())"), name

    reference, _ = fill_form(tab, visit)
    confirm(tab, reference, visit)
    assert len(seen) == 16
    tab.locator("form[action$='/withdraw/'] button").click()
    assert ErasureRequest.objects.get(reference=reference).state == "WITHDRAWN"


def test_the_form_can_be_filled_by_keyboard_alone(window: Any) -> None:
    seeded.company()
    tab = window(viewport={"width": 1280, "height": 900})
    tab.goto("/")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.className") == "skip", "the first stop skips to the content"
    tab.keyboard.press("Enter")
    _tab_to(tab, "button.start")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/who/")
    _tab_to(tab, "[name=requester]")
    tab.keyboard.press("Space")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/wish/")
    _tab_to(tab, "[name=wishes]")
    tab.keyboard.press("Space")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/email/")
    _tab_to(tab, "[name=email]")
    tab.keyboard.type("nobody")
    tab.keyboard.press("Enter")
    tab.locator(".summary").wait_for()
    _tab_to(tab, ".summary a")
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "id_email", "the error leads to its field"


def _tab_to(tab: Any, selector: str) -> None:
    for _ in range(40):
        if tab.evaluate("s => document.activeElement.matches(s)", selector):
            width = tab.evaluate("getComputedStyle(document.activeElement).outlineWidth")
            assert width != "0px", f"{selector} does not show that it has the focus"
            return
        tab.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not reach {selector}")


def test_the_status_page_looks_right_on_telephone_and_desk_in_light_and_dark(window: Any) -> None:
    firm = seeded.company()
    answered = seeded.answered(firm, seeded.register(firm.entity))
    tab = window(locale="en")
    tab.goto("/")
    _hold(tab, answered)
    tab.goto("/status/case/")
    examine(tab, "answered")


def test_what_is_printed_from_a_dark_screen_is_dark_on_white_and_has_nothing_to_press(window: Any) -> None:
    seeded.company()
    tab = window(color_scheme="dark")
    tab.goto("/")
    ink = "getComputedStyle(document.querySelector('main')).color"
    on_screen = tab.evaluate(ink)
    tab.emulate_media(media="print", color_scheme="dark")
    assert tab.evaluate(ink) != on_screen
    assert max(int(part) for part in re.findall(r"\d+", tab.evaluate(ink))[:3]) < 100
    assert tab.locator("h1").is_visible()
    assert not tab.locator("nav").first.is_visible() and not tab.locator("main button").first.is_visible()
