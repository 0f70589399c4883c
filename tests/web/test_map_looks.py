"""The map in a real browser: what axe says, in both themes, on a telephone; it scrolls in its own figure."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web import seeded
from tests.web.test_looks import examine, sign_in, tab

__all__ = ["tab"]
pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]


def test_the_map_is_accessible_and_scrolls_in_its_own_figure(tab: Any) -> None:
    firm = seeded.company()
    case = seeded.planned(firm, seeded.register(firm.entity))
    sign_in(tab, "olga")
    tab.goto("/officer/map/")
    examine(tab, "map")
    tab.goto(f"/officer/map/?case={case.reference}")
    examine(tab, "map of a case")
    tab.set_viewport_size({"width": 320, "height": 700})
    assert tab.evaluate("document.documentElement.scrollWidth") == 320
    box = tab.locator(".map-box")
    assert box.evaluate("one => one.scrollWidth > one.clientWidth"), "the drawing keeps its size and scrolls"
    first = tab.locator(".map-box a").first
    first.focus()
    tab.keyboard.press("Enter")
    assert "#place-" in tab.url
    assert tab.complaints == []
