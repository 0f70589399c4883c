"""What came with a request reaches its officer, and nobody else; who opens a file is in the log."""

from __future__ import annotations

import pytest
from django.test import Client

from compliance.audit.models import Event
from compliance.intake import additions, attachments, proofs, services
from compliance.intake.form import Clue
from compliance.intake.models import ErasureRequest
from compliance.rules import asking
from compliance.rules.asking import ProvenBy
from compliance.rules.terms import IdentifierKind, Requester
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
