"""What an officer's yes teaches: nothing without consent; with it, everything that the confirmed record is known by."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field, replace

import pytest
from django.test import Client

from compliance.audit.models import Event
from compliance.intake import vault
from compliance.intake.models import DecisionKind, ErasureRequest
from compliance.jobs.progress import Unattended
from compliance.mitigation import services as mitigation
from compliance.provenance import services as provenance
from compliance.provenance import teaching
from compliance.provenance.models import SearchNote, Trace
from compliance.rules.errors import MissingPart
from compliance.rules.terms import State
from compliance.worker.sample.people import Person
from tests.worker.small_company import RECORDS_ONLY, House

ELSEWHERE = "somebody@elsewhere.example"  # a mailbox that no record knows


@dataclass
class Asked(House):
    """A house whose person writes from elsewhere; ``known`` is how its records know them."""

    known: Person = field(kw_only=True)


@pytest.fixture
def asked(records: House) -> Asked:
    """The person asks from another mailbox: their records are candidates by the name alone."""
    records.keep_only(RECORDS_ONLY)
    asked = Asked(records.folder, replace(records.person, email=ELSEWHERE), known=records.person)
    asked.register()
    asked.begin()
    asked.accept()
    asked.work()
    return asked


def customer(house: Asked) -> Trace:
    """The candidate in the customer table that is the person."""
    rows = [(row, content) for row, content in provenance.opened_traces(house.case) if row.artifact.slug == "customers"]
    mine = [row for row, content in rows if house.known.email in str(content["holds"])]
    return mine[0]


def answer_all(house: Asked, *, teach: bool) -> None:
    """The customer's row is the person, nothing else is; with or without consent."""
    mine = customer(house)
    answers = {row.pk: row.pk == mine.pk for row in Trace.objects.current(house.case).waiting()}
    mitigation.answer_candidates(house.case, answers, by=house.users["olga.demo"], teach={mine.pk: teach})


def found_exactly(house: Asked) -> int:
    return Trace.objects.current(house.case).filter(candidate=False).count()


def test_a_yes_alone_widens_nothing(asked: Asked) -> None:
    answer_all(asked, teach=False)
    assert asked.state() is State.PLANNED and found_exactly(asked) == 0
    assert not vault.opened(asked.case).get("taught") and not teaching.owed(asked.case)
    assert not Event.objects.filter(kind="search.widened").exists()


def test_a_yes_with_consent_searches_every_place_for_what_the_record_holds(asked: Asked, client: Client) -> None:
    answer_all(asked, teach=True)
    assert asked.state() is State.ACCEPTED and teaching.owed(asked.case)
    assert asked.case.decisions.filter(kind=DecisionKind.LOOK_AGAIN).count() == 1
    asked.work()
    assert asked.state() is State.PLANNED and not teaching.owed(asked.case)
    places = {row.artifact.slug for row in Trace.objects.current(asked.case).filter(candidate=False)}
    assert "customers" in places and "tickets" in places
    note = SearchNote.objects.get(request=asked.case, round=asked.case.round, artifact__slug="customers").note
    assert "An officer confirmed a record here" in note and asked.known.email not in note
    told = [event.words() for event in Event.objects.filter(kind="search.widened")]
    assert [words["artifact"] for words in told] == ["customers"] and "email" in str(told[0]["identifiers"])
    assert asked.known.email not in str(told)
    client.force_login(asked.users["olga.demo"], backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(f"/officer/cases/{asked.case.reference}/").content.decode()
    assert "from a confirmed record" in page and asked.known.email not in page
    drawn = client.get(f"/officer/map/?case={asked.case.reference}").content.decode()
    assert "An officer confirmed a record here" in drawn


@pytest.mark.slow
def test_what_a_strangers_row_holds_too_goes_on_proposing_only(asked: Asked) -> None:
    with sqlite3.connect(asked.folder / "crm" / "customers.sqlite") as crm:  # a household has one telephone
        crm.execute("UPDATE customers SET phone = ? WHERE email != ?", (asked.known.phone, asked.known.email))
    answer_all(asked, teach=True)
    asked.work()
    search = provenance.search_of(asked.case)
    assert search.trusts("email", asked.known.email) and not search.trusts("phone", asked.known.phone)
    mine = Trace.objects.current(asked.case).filter(artifact__slug="customers", candidate=False)
    assert mine.count() == 1 and Trace.objects.current(asked.case).waiting().filter(artifact__slug="customers").exists()


@pytest.mark.slow
def test_a_consent_that_is_taken_back_goes_out_of_the_search(asked: Asked) -> None:
    mine, officer = customer(asked), asked.users["olga.demo"]
    mitigation.answer_candidates(asked.case, {mine.pk: True}, by=officer, teach={mine.pk: True})
    provenance.trace(asked.case, Unattended())
    assert provenance.search_of(asked.case).trusts("email", asked.known.email)
    content = vault.opened(asked.case)
    content["taught"] = []
    asked.case.sealed = vault.encrypt(vault.case_key(asked.case), content)
    ErasureRequest.objects.filter(pk=asked.case.pk).update(sealed=vault.encrypt(vault.case_key(asked.case), content))
    provenance.trace(asked.case, Unattended())
    assert not provenance.search_of(asked.case).trusts("email", asked.known.email)


def test_a_plan_is_not_approved_before_the_search_has_looked_for_it(asked: Asked) -> None:
    mine = customer(asked)
    answer_all(asked, teach=False)
    teaching.consent(asked.case, {mine.pk: True}, by=asked.users["olga.demo"])
    plan = mitigation.current_plan(asked.case)
    assert plan is not None
    with pytest.raises(MissingPart, match="has not looked for everything"):
        mitigation.approve(asked.case, by=asked.users["olga.demo"], plan_digest=plan.digest)
    teaching.consent(asked.case, {mine.pk: False}, by=asked.users["olga.demo"])
    mitigation.approve(asked.case, by=asked.users["olga.demo"], plan_digest=plan.digest)


def test_the_page_offers_it_row_by_row(asked: Asked, client: Client) -> None:
    mine = customer(asked)
    client.force_login(asked.users["olga.demo"], backend="django.contrib.auth.backends.ModelBackend")
    address = f"/officer/cases/{asked.case.reference}/traces/"
    page = client.get(address).content.decode()
    assert f'name="teach-{mine.pk}"' in page and asked.known.email in page
    sent = {
        f"trace-{mine.pk}": "yes",
        f"holds-{mine.pk}": "1",
        f"teach-{mine.pk}": "1",
        "shown": "1",
        "rest-name": "no",
    }
    sent["shown"] = str(max(row.pk for row in Trace.objects.current(asked.case)))
    client.post(address, sent)
    assert [row["value"] for row in teaching.consented(asked.case) if row["kind"] == "email"] == [asked.known.email]
