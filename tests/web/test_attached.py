"""What came with a request reaches its officer, and nobody else; who opens a file is in the log."""

from __future__ import annotations

from datetime import date

import pytest
from django.test import Client

from compliance.audit.models import Event
from compliance.intake import additions, assessing, attachments, decisions, proofs, services
from compliance.intake.form import Clue
from compliance.intake.models import ErasureRequest
from compliance.intake.reasons import Reasons
from compliance.rules import asking
from compliance.rules.asking import ProvenBy
from compliance.rules.errors import NotFoundHere
from compliance.rules.terms import Exemption, Ground, IdentifierKind, Requester
from tests.web import seeded


@pytest.fixture
def case(aurora: seeded.Company) -> ErasureRequest:
    """An agent's request with a mandate, a wish, a reason and a clue."""
    _, upload = attachments.receive("mandate.txt", b"I, Alice, let the agent ask for me.")
    form = services.Submission(
        entity=aurora.entity,
        email="agent@lawyers.example",
        requester=Requester.AGENT,
        others=[services.Identifier(IdentifierKind.EMAIL, seeded.ALICE)],
        wishes=[asking.Wish.NOT_SAID],
        whys=[asking.Why.WAS_CHILD],
        clues=[Clue(asking.Clue.PROMPT, "Where does Alice live?")],
        uploads=[upload],
    )
    receipt = services.submit(form)
    request = services.confirm(receipt.reference, seeded.code_of(receipt.request))
    additions.add(request, words="She moved to Elm Street.")
    return request


def test_wishes_are_shown_at_once_and_words_only_in_clear(case: ErasureRequest, olga: Client) -> None:
    page = olga.get(f"/officer/cases/{case.reference}/").content.decode()
    assert "Do not say this about me" in page and "17(1)(f)" in page and "1 came with it" in page
    assert "Elm Street" not in page and "Where does Alice live" not in page
    clear = olga.post(f"/officer/cases/{case.reference}/identifiers/").content.decode()
    assert "Elm Street" in clear and "Where does Alice live" in clear


def test_a_file_is_downloaded_never_shown_and_its_opening_is_logged(case: ErasureRequest, olga: Client) -> None:
    number = case.attachments.get().pk
    assert olga.get(f"/officer/cases/{case.reference}/files/{number}/").status_code == 405
    got = olga.post(f"/officer/cases/{case.reference}/files/{number}/")
    assert got.content == b"I, Alice, let the agent ask for me."
    assert got["Content-Disposition"].startswith("attachment;") and got["X-Content-Type-Options"] == "nosniff"
    assert Event.objects.filter(kind="attachment.opened", case=case.reference, actor="olga").count() == 1


def test_the_officer_accepts_the_mandate_for_what_it_names(case: ErasureRequest, olga: Client) -> None:
    page = olga.get(f"/officer/cases/{case.reference}/files/").content.decode()
    assert "Which of these does the mandate name?" in page and seeded.ALICE not in page
    olga.post(f"/officer/cases/{case.reference}/files/{case.attachments.get().pk}/mandate/", {"place": "0"})
    assert [one.proven_by for one in proofs.listed(ErasureRequest.objects.get())] == [ProvenBy.MANDATE]


def test_files_are_for_officer_and_approver_of_the_company_only(
    case: ErasureRequest, amir: Client, stranger: Client, bruno: Client
) -> None:
    number = case.attachments.get().pk
    for outsider in (amir, stranger):
        assert outsider.get(f"/officer/cases/{case.reference}/files/").status_code == 404
        assert outsider.post(f"/officer/cases/{case.reference}/files/{number}/").status_code == 404
    assert bruno.post(f"/officer/cases/{case.reference}/files/{number}/").status_code == 200
    bruno.post(f"/officer/cases/{case.reference}/files/{number}/mandate/", {"place": "0"})
    assert [one.proven_by for one in proofs.listed(ErasureRequest.objects.get())] == [None], (
        "an approver decides nothing"
    )


def test_what_shows_who_somebody_is_goes_when_the_request_is_decided(aurora: seeded.Company) -> None:
    case = seeded.verified(aurora)
    _, before = attachments.receive("answer.txt", b"The answer that I saw.")
    additions.add(case, upload=before)
    asked = Reasons(reason="Two people wrote from this mailbox.", detail="The last invoice number.")
    assessing.pause(case, by=aurora.olga, reasons=asked)
    _, card = attachments.receive("card.txt", b"Identity card no. 4711")
    additions.add(case, upload=card)
    assessing.resume(case, by=aurora.olga, reason="The number fits.")
    assert case.attachments.filter(destroyed_at=None).count() == 2, "nothing is decided yet"
    decisions.accept(case, by=aurora.olga, reasons=Reasons(ground=Ground.CONSENT_WITHDRAWN))
    kept, gone = case.attachments.order_by("created_at")
    assert gone.destroyed_at and gone.sealed is None and kept.destroyed_at is None
    assert Event.objects.filter(kind="attachment.destroyed", case=case.reference, actor="system").count() == 1


@pytest.mark.parametrize("decide", ["refuse", "withdraw"])
def test_it_goes_however_the_request_is_decided(aurora: seeded.Company, decide: str) -> None:
    case = seeded.verified(aurora)
    assessing.pause(case, by=aurora.olga, reasons=Reasons(reason="A doubt.", detail="The last invoice number."))
    _, card = attachments.receive("card.txt", b"Identity card no. 4711")
    additions.add(case, upload=card)
    if decide == "refuse":
        why = Reasons(exemption=Exemption.LEGAL_OBLIGATION, reason="Invoices.", review_on=date(2035, 1, 2))
        decisions.refuse(case, by=aurora.olga, reasons=why)
    else:
        decisions.withdraw(case)
    assert case.attachments.get().sealed is None


def test_an_officer_destroys_a_file_that_nobody_asked_for(case: ErasureRequest, olga: Client, amir: Client) -> None:
    number = case.attachments.get().pk
    address = f"/officer/cases/{case.reference}/files/{number}/destroy/"
    assert amir.post(address).status_code in (403, 404) and case.attachments.get().sealed
    assert "Destroy this file" in olga.get(f"/officer/cases/{case.reference}/files/").content.decode()
    olga.post(address)
    assert case.attachments.get().sealed is None
    assert olga.post(address).status_code == 404
    assert "Destroyed on" in olga.get(f"/officer/cases/{case.reference}/files/").content.decode()
    assert Event.objects.filter(kind="attachment.destroyed", case=case.reference, actor="olga").count() == 1


def test_two_who_destroy_one_file_at_once_are_one_event(case: ErasureRequest, olga: Client) -> None:
    read_before = case.attachments.get()
    olga.post(f"/officer/cases/{case.reference}/files/{read_before.pk}/destroy/")
    with pytest.raises(NotFoundHere):
        attachments.destroy(read_before, by="another")
    assert Event.objects.filter(kind="attachment.destroyed", case=case.reference).count() == 1
