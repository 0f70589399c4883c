"""The engineer's pages of jobs in a real browser: two windows hear the same events, and every view can be read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from compliance.forgetting.models import Point, UnlearningJob
from compliance.rules.terms import Role
from compliance.worker import tasks
from tests.forgetting.conftest import Customer
from tests.forgetting.test_service import ORDER, ordered, post
from tests.web.test_looks import SIZES, THEMES, examine

NARROW = (360, 740)
VIEWS = tuple((size, theme) for size in (NARROW, *SIZES) for theme in THEMES)
LISTEN = """address => {
    window.heard = {points: [], ended: []};
    const source = new EventSource(address);
    source.addEventListener("point", event => window.heard.points.push(event.lastEventId));
    source.addEventListener("end", event => {
        window.heard.ended.push(JSON.parse(event.data).status);
        source.close();
    });
}"""


@pytest.fixture
def windows(chromium: Any, live_server: Any, customer: Customer) -> Iterator[tuple[Any, Any]]:
    """Two tabs of the signed-in engineer."""
    member = Client()
    member.force_login(customer.company.staff[Role.ENGINEER], backend="django.contrib.auth.backends.ModelBackend")
    ((name, cookie),) = member.cookies.items()
    context = chromium.new_context(base_url=live_server.url, locale="en-GB")
    context.add_cookies([{"name": name, "value": cookie.value, "url": live_server.url}])
    yield context.new_page(), context.new_page()
    context.close()


def kept(tab: Any, name: str) -> None:
    """A picture of each view, where somebody asked for one."""
    if folder := os.environ.get("OUBLI_TEST_PICTURES"):
        for (width, height), theme in VIEWS:
            tab.set_viewport_size({"width": width, "height": height})
            tab.emulate_media(color_scheme=theme)
            tab.screenshot(path=Path(folder) / f"{name}-{width}-{theme}.png", full_page=True)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_two_windows_hear_every_point_and_the_pages_can_be_read_in_every_view(
    customer: Customer, windows: tuple[Any, Any]
) -> None:
    number = ordered(customer)
    for tab in windows:
        tab.goto(f"/models/jobs/{number}/")
    examine(windows[0], "a job that waits", views=VIEWS)
    kept(windows[0], "waits")
    for tab in windows:
        tab.evaluate(LISTEN, f"/api/v1/unlearning/jobs/{number}/events/")
    tasks.look()
    wanted = [str(pk) for pk in Point.objects.filter(job_id=number).order_by("id").values_list("pk", flat=True)]
    for tab in windows:
        tab.wait_for_function("() => window.heard.ended.length > 0", timeout=20_000)
        assert tab.evaluate("() => window.heard") == {"points": wanted, "ended": ["done"]}
    assert len(wanted) > 1
    windows[0].reload()
    examine(windows[0], "a job that is done", views=VIEWS)
    kept(windows[0], "done")
    lost = str(post(customer.outside, "jobs/", {**ORDER, "seed": 3}).json()["id"])
    (customer.folder / "model/model.safetensors").unlink()
    tasks.look()
    windows[0].goto(f"/models/jobs/{lost}/")
    examine(windows[0], "a job that failed", views=VIEWS)
    kept(windows[0], "failed")
    windows[0].goto("/models/jobs/")
    examine(windows[0], "the list", views=VIEWS)
    kept(windows[0], "list")
    assert UnlearningJob.objects.count() == 2
