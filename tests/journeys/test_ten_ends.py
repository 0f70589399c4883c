"""Ten ways a request may end, each in a real browser: what the person sees, the office decides, and the letter says.

With ``OUBLI_SCREENSHOTS=FOLDER`` each journey leaves its pictures there, to be looked at.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core import mail
from django.utils import timezone

from compliance.intake import services
from compliance.intake.models import ErasureRequest
from compliance.rules.terms import State
from compliance.worker import schedule, staff, tasks
from tests.journeys.test_three_doors import work
from tests.web import seeded
from tests.web.conftest import own_keys
from tests.worker.small_company import House, code_of, records

__all__ = ["own_keys", "records"]
pytestmark = [pytest.mark.journey, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
SHOTS = os.environ.get("OUBLI_SCREENSHOTS", "")


class Window:
    """Somebody in front of a window of their own; axe examines every page they open; a picture on request."""

    def __init__(self, browser: Any, site: str, name: str) -> None:
        self.context = browser.new_context(base_url=site, viewport={"width": 1100, "height": 900}, locale="en-GB")
        self.page, self.name, self.count = self.context.new_page(), name, 0

    def go(self, path: str) -> None:
        """Open a page."""
        self.page.goto(path)
        self.look()

    def press(self, words: str) -> None:
        """Press the button, or follow the link, with these words."""
        one = self.page.get_by_role("button", name=words).or_(self.page.get_by_role("link", name=words, exact=True))
        one.locator("visible=true").first.click()
        self.page.wait_for_load_state("load")
        self.look()

    def decide(self, summary: str, button: str, **fields: str) -> None:
        """Unfold a decision, fill it in, take it."""
        exact = re.compile(f"^{re.escape(summary)}$")
        part = self.page.locator("details.other", has=self.page.locator("summary", has_text=exact))
        if part.count():
            part.first.locator("summary").click()
            form = part.first.locator("form.decision")
        else:
            form = self.page.locator("form.decision").filter(has_text=button).first
        for name, value in fields.items():
            field = form.locator(f"[name={name}]")
            if field.evaluate("e => e.tagName") == "SELECT":
                field.select_option(value)
            else:
                field.fill(value)
        form.get_by_role("button", name=button, exact=True).click()
        self.page.wait_for_load_state("load")
        self.look()

    def text(self) -> str:
        """What the page says."""
        return str(self.page.inner_text("body"))

    def look(self) -> None:
        """No violation that axe knows; a picture, when somebody wants to see."""
        found = [v for v in Axe().run(self.page).response["violations"] if v["impact"] in ("serious", "critical")]
        assert not found, [(v["id"], v["nodes"][0]["html"][:160]) for v in found]
        if SHOTS:
            self.count += 1
            Path(SHOTS).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=f"{SHOTS}/{self.name}-{self.count:02}.png", full_page=True)

    def sign_in(self, name: str, password: str) -> None:
        """Sign in as staff."""
        self.page.goto("/sign-in/")
        self.page.fill("[name=username]", name)
        self.page.fill("[name=password]", password)
        self.page.get_by_role("button", name="Sign in").click()

    def case(self, reference: str, part: str = "") -> None:
        """Open a case's page."""
        self.go(f"/officer/cases/{reference}/{part}")


Open = Callable[[str], Window]


@pytest.fixture
def window(chromium: Any, site: str, settings: Any) -> Iterator[Open]:
    """Opens windows; closes them at the end."""
    windows: list[Window] = []

    def open_one(name: str) -> Window:
        windows.append(Window(chromium, site, name))
        return windows[-1]

    yield open_one
    for one in windows:
        one.context.close()


@pytest.fixture
def firm(own_keys: None) -> seeded.Company:
    """A company with an officer and an approver."""
    return seeded.company()


def office(window: Open, name: str, who: str = "olga") -> Window:
    """A member of the seeded company's staff, signed in."""
    one = window(name)
    one.sign_in(who, seeded.PASSWORD)
    return one


def ask(person: Window, who: str = "self") -> str:
    """The whole form, confirmed by the code from the letter; returns the reference."""
    page = person.page
    person.go("/")
    person.press("Start now")
    page.locator(f"[name=requester][value={who}]").check()
    while "/check/" not in page.url:
        if "/wish/" in page.url:
            page.locator("[name=wishes]").first.check()
        if "/email/" in page.url:
            page.fill("[name=email]", seeded.ALICE)
        if "/name/" in page.url:
            page.fill("[name=name]", "Alice Martin")
        if "/files/" in page.url and who == "agent" and not page.locator(".answers dd").count():
            page.locator("[name=file]").set_input_files(
                {"name": "mandate.pdf", "mimeType": "application/pdf", "buffer": paper()}
            )
            page.locator("button[name=add]").click()
            page.wait_for_load_state("load")
            assert page.locator(".answers dd").count(), page.inner_text("main")
            person.look()
        if "/identifiers/" in page.url and who != "self" and not page.locator(".answers dd").count():
            page.select_option("[name=kind]", "email")
            page.fill("[name=value]", "child@example.org")
            page.locator("button[name=add]").click()
            page.wait_for_load_state("load")
        before = page.url
        page.get_by_role("button", name="Continue", exact=True).first.click()
        page.wait_for_load_state("load")
        assert page.url != before, page.inner_text("main")[:400]
    person.press("Send the request")
    reference = str(page.locator("strong.code").first.inner_text())
    tasks.post_letters()
    person.go(f"/confirm/?reference={reference}&code={code_of(reference)}")
    page.locator("main form button.button").first.click()
    page.wait_for_load_state("load")
    person.go("/status/case/")
    return reference


def paper() -> bytes:
    """A mandate on paper."""
    written = io.BytesIO()
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.save(written)
    return written.getvalue()


def letter(reference: str) -> str:
    """The newest letter to the person about a reference."""
    tasks.post_letters()
    about = [one for one in mail.outbox if reference in str(one.subject) and str(one.subject).startswith("Message")]
    return str(about[-1].body)


def state(reference: str) -> State:
    """Where the case stands."""
    return State(ErasureRequest.objects.get(reference=reference).state)


def day(days: int = 200) -> str:
    """A day to come."""
    return (timezone.now().date() + timedelta(days=days)).isoformat()


def finish(olga: Window, pavel: Window, reference: str) -> None:
    """From the plan to the answer, with the worker between."""
    olga.case(reference)
    olga.press("Endorse this plan")
    pavel.case(reference)
    pavel.press("Approve this plan")
    work(olga, pavel)  # type: ignore[arg-type]
    olga.case(reference)
    olga.press("Sign off and send the answer")


def in_the_house(window: Open, records: House, name: str) -> tuple[Window, Window, str]:
    """A registered company, a request in a browser's form, accepted and searched."""
    records.register()
    records.begin()
    olga, pavel = window(f"{name}-office"), window(f"{name}-second")
    olga.sign_in("olga.demo", staff.password())
    pavel.sign_in("pavel.demo", staff.password())
    reference = records.case.reference
    olga.case(reference)
    olga.decide("Accept", "Accept and start the search", ground="17-1-b")
    work(olga)  # type: ignore[arg-type]
    olga.case(reference)
    if link := olga.page.get_by_role("link", name=re.compile("^Decide on")).all():
        link[0].click()
        for row in olga.page.locator("fieldset.ticks").all():
            row.get_by_label("No").check()
        olga.press("Save answers")
    return olga, pavel, reference


def test_granted(window: Open, records: House) -> None:
    olga, pavel, reference = in_the_house(window, records, "01-granted")
    finish(olga, pavel, reference)
    said = letter(reference)
    assert "We erased your records from Support tickets" in said and "Art. 17(3)" not in said
    assert "somebody else's" in said and "found that they are not yours" in said  # who only shares the name stays
    assert "Why we keep something" not in said, "nothing of hers was kept"
    assert state(reference) is State.ANSWERED


def test_partly_granted(window: Open, records: House) -> None:
    olga, pavel, reference = in_the_house(window, records, "03-partly")
    olga.case(reference, "assess/")
    olga.decide(
        "Keep one artifact",
        "Keep this artifact",
        artifact="customers",
        exemption="17-3-b",
        reason="Invoices must be kept for ten years.",
        review_on=day(),
    )
    finish(olga, pavel, reference)
    said = letter(reference)
    assert "Why we keep something" in said and "Invoices must be kept for ten years." in said
    assert "We erased your records from Support tickets" in said


def test_refused_under_article_17_3_b(window: Open, firm: seeded.Company) -> None:
    alice, olga = window("02-refused-person"), office(window, "02-refused-office")
    reference = ask(alice)
    olga.case(reference)
    why = {"exemption": "17-3-b", "reason": "Invoices must be kept for ten years.", "review_on": day()}
    olga.decide("Refuse", "Preview the letter", **why)
    assert "Nothing was decided" in olga.text() and state(reference) is State.VERIFIED
    olga.case(reference)
    olga.decide("Refuse", "Refuse the request", **why)
    said = letter(reference)
    for part in (
        "Art. 17(3)(b)",
        "ten years",
        "complain to Berlin Commissioner",
        "You may also go to court",
        "again on",
    ):
        assert part in said, part
    alice.go("/status/case/")
    assert "We have refused your request" in alice.text()


def test_extended(window: Open, firm: seeded.Company) -> None:
    alice, olga = window("04-extended-person"), office(window, "04-extended-office")
    reference = ask(alice)
    before = ErasureRequest.objects.get(reference=reference).promised_on
    olga.case(reference)
    olga.decide("Extend the deadline", "Extend the deadline", reason="Two systems of a processor are involved.")
    case = ErasureRequest.objects.get(reference=reference)
    assert case.extended and case.promised_on > before + timedelta(days=50)
    said = letter(reference)
    assert "Two systems of a processor" in said and str(case.promised_on.year) in said
    alice.go("/status/case/")
    assert f"{case.promised_on.day} {case.promised_on:%B %Y}" in alice.text()
    olga.case(reference, "assess/")
    assert "Extend the deadline" not in olga.text()


def test_withdrawn(window: Open, firm: seeded.Company) -> None:
    alice, olga = window("05-withdrawn-person"), office(window, "05-withdrawn-office")
    reference = ask(alice)
    for summary in alice.page.locator("summary").all():
        summary.click()
    alice.page.locator("form[action='/status/withdraw/'] button").click()
    alice.look()
    assert "You took your request back" in alice.text()
    assert "You withdrew your request" in letter(reference)
    olga.case(reference)
    assert "The person took the request back" in olga.text()


def test_lapsed(window: Open, firm: seeded.Company) -> None:
    olga = office(window, "06-lapsed-office")
    case = seeded.submitted(firm).request
    tasks.post_letters()
    ErasureRequest.objects.filter(pk=case.pk).update(received_at=timezone.now() - timedelta(days=8))
    case.confirmations.update(expires_at=timezone.now() - timedelta(days=7))
    assert schedule.lapse_unconfirmed() == 1
    assert "was not confirmed in time" in letter(case.reference)
    olga.case(case.reference)
    assert "The address was never confirmed" in olga.text()


def test_agent(window: Open, firm: seeded.Company) -> None:
    agent, olga = window("07-agent-person"), office(window, "07-agent-office")
    reference = ask(agent, "agent")
    olga.case(reference)
    assert "An authorised agent" in olga.text()
    olga.case(reference, "identity/")
    assert "not shown" in olga.text(), "whom an agent names is not proven by the agent's own mailbox"
    olga.page.locator("select[name=checked]").first.select_option("call_back")
    olga.press("Checked by me today")
    assert "Checked by an officer" in olga.text()
    olga.case(reference)
    olga.decide("Accept", "Accept and start the search", ground="17-1-b")
    assert state(reference) is State.ACCEPTED


def test_minor(window: Open, firm: seeded.Company) -> None:
    parent, olga = window("08-minor-person"), office(window, "08-minor-office")
    reference = ask(parent, "parent")
    olga.case(reference)
    assert "parent or guardian" in olga.text()
    olga.case(reference, "assess/")
    olga.decide(
        "Ask who it is",
        "Ask, and stop the clock where the law allows it",
        reason="We cannot see that you may ask for this child.",
        detail="Tell us the number of the child's account.",
    )
    assert "the number of the child's account" in letter(reference)
    olga.case(reference, "assess/")
    olga.decide("Identity was shown", "The doubt is resolved", reason="The number fits the account.")
    olga.case(reference)
    olga.decide("Accept", "Accept and start the search", ground="17-1-f")
    assert "Collected from a child" in letter(reference) or "17(1)(f)" in letter(reference)


def test_processors_forward(window: Open, firm: seeded.Company) -> None:
    alice, olga = window("09-forward-person"), office(window, "09-forward-office")
    reference = ask(alice)
    olga.case(reference, "assess/")
    olga.decide("Forward to the controller", "Forward to the controller", detail="Lumen S.A. <privacy@lumen.example>")
    said = letter(reference)
    assert "we passed your request on to Lumen S.A." in said and "Art. 28(3)(e)" in said
    assert any(one.to == ["privacy@lumen.example"] for one in mail.outbox)
    olga.case(reference, "recipients/")
    assert "Requested" in olga.text()
    alice.go("/status/case/")
    assert "We pass your request on" in alice.text()


def test_challenged(window: Open, firm: seeded.Company) -> None:
    case = seeded.answered(firm, seeded.register(firm.entity))
    olga, alice = office(window, "10-challenged-office"), window("10-challenged-person")
    tasks.post_letters()
    secret = services.renewed(case).secret
    alice.go("/status/")
    alice.page.fill("[name=reference]", case.reference)
    alice.page.fill("[name=secret]", secret)
    alice.page.locator("main form button.button").first.click()
    alice.look()
    for summary in alice.page.locator("summary").all():
        summary.click()
    form = alice.page.locator("form[action='/status/challenge/']")
    assert form.count(), alice.text()
    form.locator("[name$=kind]").select_option("prompt")
    form.locator("[name$=value]").fill("Where does Alice live?")
    form.locator("[name$=reason]").fill("The help chat still told me my address.")
    form.locator("button").last.click()
    alice.page.wait_for_load_state("load")
    alice.look()
    case.refresh_from_db()
    assert (case.state, case.round) == (State.ACCEPTED, 2)
    olga.case(case.reference)
    assert "Challenged" in olga.text()
