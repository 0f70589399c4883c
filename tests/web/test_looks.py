"""Every page in a real browser, on a telephone and a desk, light and dark: nothing that axe calls a violation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.web import seeded

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]

SIZES = [(390, 844), (1280, 900)]
THEMES = ("light", "dark")
EVERY = tuple((size, theme) for size in SIZES for theme in THEMES)
ONCE = tuple(zip(SIZES, THEMES, strict=True))  # each size and each theme once: half the time
ALL = {"resultTypes": ["violations"]}
COLOURS = {**ALL, "runOnly": ["color-contrast", "link-in-text-block"]}
BOTH_WAYS = pytest.mark.parametrize("views", [ONCE, pytest.param(EVERY, marks=pytest.mark.slow)], ids=["once", "every"])


@pytest.fixture
def tab(chromium: Any, live_server: Any) -> Iterator[Any]:
    """A fresh browser tab that remembers what its console complained about."""
    context = chromium.new_context(base_url=live_server.url, locale="en-GB")
    tab = context.new_page()
    tab.complaints = []
    tab.on("console", lambda message: tab.complaints.append(message.text) if message.type == "error" else None)
    tab.on("request", lambda request: _only_ours(tab, request.url, live_server.url))
    yield tab
    context.close()


def _only_ours(tab: Any, url: str, ours: str) -> None:
    if not url.startswith((ours, "data:")):
        tab.complaints.append(f"asked somebody else: {url}")


def examine(tab: Any, name: str, *, views: Any = EVERY) -> None:
    """Assert that the open page is accessible and does not scroll sideways, in each view of size and theme.

    Another theme at a size that was examined changes colours alone: there only the rules about colours run.
    """
    examined = set()
    for (width, height), theme in views:
        tab.set_viewport_size({"width": width, "height": height})
        tab.emulate_media(color_scheme=theme)
        found = Axe().run(tab, options=COLOURS if width in examined else ALL).response["violations"]
        examined.add(width)
        words = [f"{v['id']}: {v['nodes'][0]['html'][:120]}" for v in found]
        assert not words, f"{name} at {width} in {theme}: {words}"
        wide = tab.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        assert not wide, f"{name} scrolls sideways at {width}"


def small_targets(tab: Any) -> list[str]:
    """Buttons and fields of the open page that are lower than 44 pixels."""
    script = """() => [...document.querySelectorAll('main :is(button, a.button, input:not([type=hidden]), select)')]
        .filter(e => { const b = e.getBoundingClientRect(), l = e.labels && e.labels[0] && e.labels[0].parentElement;
            return b.height > 0 && Math.max(b.height, l ? l.getBoundingClientRect().height : 0) < 44 })
        .map(e => e.outerHTML.slice(0, 80))"""
    return list(tab.evaluate(script))


def press(tab: Any, words: str) -> None:
    """Press the button with these words."""
    tab.get_by_role("button", name=words, exact=True).click()


@BOTH_WAYS
def test_public_pages_are_accessible_on_the_whole_way(tab: Any, views: Any) -> None:
    seeded.company()
    seeded.company("lumen", "Lumen Saúde S.A.", law=seeded.Law.LGPD)
    tab.goto("/")
    examine(tab, "start", views=views)
    press(tab, "Start now")
    examine(tab, "company", views=views)
    assert small_targets(tab) == []
    tab.get_by_label("Aurora Support GmbH").check()
    press(tab, "Continue")
    tab.get_by_label("I ask for myself", exact=True).check()
    press(tab, "Continue")
    examine(tab, "wishes", views=views)
    tab.get_by_role("checkbox", name=re.compile("^Erase my data")).check()
    press(tab, "Continue")
    press(tab, "Continue")
    examine(tab, "e-mail, with an error", views=views)
    assert small_targets(tab) == []
    tab.get_by_role("link", name="Enter an e-mail address in full").click()
    assert tab.evaluate("document.activeElement.id") == "id_email"
    tab.fill("[name=email]", seeded.ALICE)
    press(tab, "Continue")
    press(tab, "Continue")
    examine(tab, "identifiers", views=views)
    for _ in range(6):
        press(tab, "Continue")
    examine(tab, "check", views=views)
    press(tab, "Send the request")
    examine(tab, "sent", views=views)
    reference, secret = tab.locator(".code").all_inner_texts()
    tab.goto(f"/confirm/?reference={reference}&code=AAAAAAAA")
    examine(tab, "confirm", views=views)
    tab.goto("/status/")
    tab.fill("[name=reference]", reference)
    tab.fill("[name=secret]", secret)
    press(tab, "Show my request")
    examine(tab, "status", views=views)
    assert small_targets(tab) == []
    assert [text for text in tab.complaints if "422" not in text] == []


@pytest.mark.parametrize("address", ["/confirm/", "/status/", "/sign-in/", "/nothing/"])
def test_single_public_pages_are_accessible(tab: Any, address: str) -> None:
    seeded.company()
    tab.goto(address)
    examine(tab, address)


def sign_in(tab: Any, name: str) -> None:
    """Sign in as a member of staff."""
    tab.goto("/sign-in/")
    tab.fill("[name=username]", name)
    tab.fill("[name=password]", seeded.PASSWORD)
    press(tab, "Sign in")


@BOTH_WAYS
def test_staff_pages_are_accessible_in_every_state(tab: Any, views: Any) -> None:
    cases = seeded.desk_of_cases(seeded.company())
    sign_in(tab, "olga")
    examine(tab, "queue", views=views)
    for name, case in cases.items():
        tab.goto(f"/officer/cases/{case.reference}/")
        tab.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        examine(tab, name, views=views)
    tab.goto(f"/officer/cases/{cases['candidates'].reference}/traces/")
    examine(tab, "candidates", views=views)
    tab.goto(f"/officer/cases/{cases['candidates'].reference}/letters/words/refused/")
    tab.fill("[name=words]", "Ask for Ms Berg on the telephone.")
    press(tab, "Preview")
    examine(tab, "words of one's own", views=views)
    for address in ("/auditor/", "/auditor/log/"):
        tab.goto(address)
        examine(tab, address, views=views)
    tab.get_by_role("link", name=re.compile("No. 3")).first.click()
    examine(tab, "proof", views=views)
    assert tab.complaints == []


def test_a_node_of_the_lineage_leads_to_its_row_by_keyboard(tab: Any) -> None:
    firm = seeded.company()
    case = seeded.planned(firm, seeded.register(firm.entity))
    sign_in(tab, "olga")
    tab.goto(f"/officer/cases/{case.reference}/")
    tab.locator(".drawing a").first.focus()
    tab.keyboard.press("Enter")
    assert re.search(r"#found-aurora-", tab.url)
    assert tab.locator(":target").is_visible()


def test_the_page_follows_the_work_without_being_reloaded_by_hand(tab: Any) -> None:
    firm = seeded.company()
    case = seeded.working(firm, seeded.register(firm.entity))
    sign_in(tab, "olga")
    tab.goto(f"/officer/cases/{case.reference}/")
    seeded.Job.objects.of(case.pk).update(message="Replaying stage 2 of 2", fraction=0.8)
    tab.get_by_text("Replaying stage 2 of 2").wait_for(timeout=60_000)
    seeded.services.move(case, to=seeded.State.MITIGATED, by=seeded.services.SYSTEM)
    tab.get_by_role("heading", name="The system proves the result").wait_for(timeout=60_000)
    assert tab.complaints == []
