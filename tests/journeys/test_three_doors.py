"""One case, from the form to a pack that verifies, in a real browser: the person, the office, the auditor."""

from __future__ import annotations

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.db import connections

from compliance.evidence import verify as verifier
from compliance.worker import staff, tasks
from tests.worker.small_company import House, code_of

pytestmark = pytest.mark.journey
SERIOUS = {"serious", "critical"}


class Person:
    """Somebody in front of a browser window of their own, who clicks what they can read."""

    def __init__(self, browser: Any, site: str, *, scripts: bool = True, width: int = 1280) -> None:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, java_script_enabled=scripts, accept_downloads=True
        )
        self.page, self.site, self.scripts = context.new_page(), site, scripts

    def go(self, path: str) -> None:
        """Open a page, and find it accessible."""
        self.page.goto(self.site + path)
        self.looks_right()

    def press(self, words: str) -> None:
        """Press the button, or follow the link, with these words."""
        one = self.page.get_by_role("button", name=words, exact=True).or_(self.page.get_by_role("link", name=words))
        one.first.click()
        self.page.wait_for_load_state("load")
        self.looks_right()

    def fill(self, name: str, value: str) -> None:
        """Type into the field of that name."""
        self.page.locator(f"[name={name}]:visible").first.fill(value)

    def text(self) -> str:
        """What the page says."""
        return str(self.page.inner_text("body"))

    def looks_right(self) -> None:
        """No serious accessibility violation; axe needs scripts, so a person without them is not examined."""
        if self.scripts:
            found = [v for v in Axe().run(self.page).response["violations"] if v["impact"] in SERIOUS]
            assert not found, [(v["id"], [n["html"][:120] for n in v["nodes"]][:3]) for v in found]

    def sign_in(self, name: str) -> None:
        """Sign in as one of the demonstration's staff."""
        self.go("/sign-in/")
        self.fill("username", name)
        self.fill("password", staff.password())
        self.press("Sign in")


def ask(person: Person, house: House) -> tuple[str, str]:
    """The form, one question a page; returns reference and the filer's secret word."""
    person.go("/")
    person.press("Start now")
    if person.page.locator("[name=company]").count():
        person.page.get_by_label("Aurora Support GmbH").check()
        person.press("Continue")
    for choice in ("I ask for myself", "Erase my data"):
        person.page.get_by_role("radio", name=choice, exact=True).or_(
            person.page.get_by_role("checkbox", name=re.compile(f"^{choice}"))
        ).check()
        person.press("Continue")
    for name, value in (("email", house.person.email), ("name", house.person.name)):
        person.fill(name, value)
        person.press("Continue")
    while "Check your answers" not in person.page.title():  # nothing more to say, page after page
        person.press("Continue")
    assert house.person.email in person.text(), "check your answers"
    person.press("Send the request")
    return codes(person)


def codes(person: Person) -> tuple[str, str]:
    """Reference and secret word, as the page shows them."""
    shown = [one.inner_text() for one in person.page.locator("strong.code").all()]
    assert len(shown) == 2
    return shown[0], shown[1]


def test_one_case_through_the_three_doors(house: House, site: str, chromium: Any, tmp_path: Path) -> None:
    house.register()
    alice = Person(chromium, site, scripts=False, width=390)
    reference, filed = ask(alice, house)
    tasks.post_letters()
    alice.go(f"/confirm/?reference={reference}&code={code_of(reference)}")
    alice.press("Confirm my address")
    _, secret = codes(alice)
    assert secret != filed, "whoever confirmed has a secret of their own"

    olga = Person(chromium, site)
    olga.sign_in("olga.demo")
    assert reference in olga.text(), "the queue shows the case"
    olga.go(f"/officer/cases/{reference}/")
    assert house.person.email not in olga.page.content(), "identifiers are redacted until somebody asks"
    olga.page.locator("[name=ground]").first.select_option("17-1-b")
    olga.press("Accept and start the search")
    work()

    olga.go(f"/officer/cases/{reference}/")
    decide_on_candidates(olga)
    olga.go(f"/officer/cases/{reference}/")
    olga.press("Endorse this plan")
    pavel = Person(chromium, site)
    pavel.sign_in("pavel.demo")
    pavel.go(f"/officer/cases/{reference}/")
    pavel.press("Approve this plan")
    work()

    olga.go(f"/officer/cases/{reference}/")
    olga.press("Sign off and send the answer")
    assert "Answered" in olga.text()
    work()

    alice.go("/status/")
    alice.fill("reference", reference)
    alice.fill("secret", secret)
    alice.press("Show my request")
    assert "We erased your data from Support tickets" in alice.text()

    amir = Person(chromium, site)
    amir.sign_in("amir.demo")
    amir.go("/auditor/")
    with amir.page.expect_download() as download:
        amir.page.get_by_role("link", name=re.compile("^Download")).first.click()
    pack = tmp_path / "pack.zip"
    download.value.save_as(pack)
    assert verifies(pack) == 0
    spoiled = bytearray(pack.read_bytes())
    spoiled[len(spoiled) // 2] ^= 1
    pack.write_bytes(bytes(spoiled))
    assert verifies(pack) == 1, "one changed bit is found"


def work() -> None:
    """What a worker would do now, in a thread of its own: the browser's loop runs in this one.

    An officer's page, left open, follows it.
    """
    with ThreadPoolExecutor(max_workers=1) as pool:
        pool.submit(_look).result()


def _look() -> None:
    try:
        tasks.look()
    finally:
        connections.close_all()


def decide_on_candidates(olga: Person) -> None:
    """Where only the name was found, the officer says that it is somebody else."""
    link = olga.page.get_by_role("link", name=re.compile("^Decide on"))
    if link.count() == 0:
        return
    link.first.click()
    olga.looks_right()
    for row in olga.page.locator("fieldset.ticks").all():
        row.get_by_label("No").check()
    olga.press("Save answers")


def verifies(pack: Path) -> int:
    """The verifier's exit code, run as an auditor runs it."""
    command = [sys.executable, str(verifier.__file__), str(pack)]
    return subprocess.run(command, capture_output=True, check=False).returncode
