"""Each identifier is proven by itself: by code, by an officer, by a mandate; what is kept is who, when and how."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from compliance.accounts.models import User
from compliance.audit.models import Opening
from compliance.intake import additions, attachments, drafts, proofs, services, vault
from compliance.intake.form import Clue
from compliance.intake.models import Draft, ErasureRequest
from compliance.rules import asking
from compliance.rules.asking import Checked, ProvenBy
from compliance.rules.errors import IllegalMove, InvalidInput, NotAllowed, NotFoundHere
from compliance.rules.terms import IdentifierKind, Requester, State
from compliance.worker import tasks
from tests.web import seeded
from tests.web.test_subject import open_directly

OLD = "old.alice@example.org"


@pytest.fixture
def case(aurora: seeded.Company) -> ErasureRequest:
    """A confirmed request that names an old address and a phone number too."""
    others = [
        services.Identifier(IdentifierKind.EMAIL, OLD),
        services.Identifier(IdentifierKind.PHONE, "+49 30 901820"),
    ]
    receipt = services.submit(services.Submission(entity=aurora.entity, email=seeded.ALICE, others=others))
    return services.confirm(receipt.reference, seeded.code_of(receipt.request))


def how(case: ErasureRequest) -> list[ProvenBy | None]:
    """How each identifier was proven."""
    return [shown.proven_by for shown in proofs.listed(ErasureRequest.objects.get(pk=case.pk))]


def code_to(address: str) -> str:
    """The code in the newest letter to an address."""
    letter = next(letter for letter in reversed(mail.outbox) if letter.to == [address])
    return re.findall(r"^([2-9A-HJ-NP-Z]{8})$", str(letter.body), re.MULTILINE)[0]


def test_a_code_proves_the_address_that_it_went_to(case: ErasureRequest, client: Client) -> None:
    open_directly(client, case)
    page = client.get("/status/case/").content.decode()
    assert "not proven yet" in page and OLD not in page
    client.post("/status/code/", {"place": "1"})
    tasks.post_letters()
    assert "erase" not in str(mail.outbox[-1].subject).lower()
    assert client.post("/status/prove/", {"place": "1", "p-code": "AAAAAAAA"}).status_code == 422
    client.post("/status/prove/", {"place": "1", "p-code": code_to(OLD)})
    assert how(case) == [ProvenBy.CODE, ProvenBy.CODE, None]
    assert vault.opened(ErasureRequest.objects.get())["identifiers"][1]["proven"] is True


def test_a_code_for_another_address_dies_after_five_tries(case: ErasureRequest) -> None:
    additions.send_code(case, 1)
    tasks.post_letters()
    for _ in range(5):
        assert not additions.prove(case, 1, "AAAAAAAA")
    assert not additions.prove(case, 1, code_to(OLD))


def test_the_code_of_one_address_proves_no_other(case: ErasureRequest) -> None:
    additions.send_code(case, 1)
    tasks.post_letters()
    assert not additions.prove(case, 0, code_to(OLD))
    assert not additions.prove(case, 2, code_to(OLD))
    other = ErasureRequest.objects.get(pk=case.pk)
    with pytest.raises(NotFoundHere):
        additions.prove(other, 7, code_to(OLD))


def test_nobody_makes_us_write_to_others_before_their_own_address_is_proven(aurora: seeded.Company) -> None:
    others = [services.Identifier(IdentifierKind.EMAIL, OLD)]
    form = services.Submission(entity=aurora.entity, email="filer@example.org", others=others)
    with pytest.raises(NotAllowed):
        additions.send_code(services.submit(form).request, 1)


def test_a_phone_gets_no_code(case: ErasureRequest) -> None:
    with pytest.raises(InvalidInput):
        additions.send_code(case, 2)


def test_an_officers_check_says_who_and_how(case: ErasureRequest, aurora: seeded.Company) -> None:
    proofs.check(case, 2, by=aurora.olga, checked=Checked.CALL_BACK)
    row = case.proofs.get(proven_by=ProvenBy.OFFICER)
    assert (row.by, row.checked, row.kind) == (aurora.olga, Checked.CALL_BACK, IdentifierKind.PHONE)
    assert how(case)[2] is ProvenBy.OFFICER
    told = str([opening.detail for opening in Opening.objects.all()])
    assert "call_back" in told and "901820" not in told


@pytest.mark.parametrize("who", ["bruno", "amir"])
def test_only_an_officer_checks_by_hand(case: ErasureRequest, aurora: seeded.Company, who: str) -> None:
    with pytest.raises(NotAllowed):
        proofs.check(case, 2, by=User.objects.get(username=who), checked=Checked.VIDEO)


def test_a_mandate_proves_what_it_names_and_nothing_else(aurora: seeded.Company) -> None:
    _, upload = attachments.receive("mandate.txt", b"I, Alice, let the agent ask for me.")
    others = [services.Identifier(IdentifierKind.EMAIL, OLD), services.Identifier(IdentifierKind.EMAIL, seeded.ALICE)]
    form = services.Submission(
        entity=aurora.entity, email="agent@lawyers.example", requester=Requester.AGENT, others=others, uploads=[upload]
    )
    receipt = services.submit(form)
    case = services.confirm(receipt.reference, seeded.code_of(receipt.request))
    assert how(case) == [None, None], "the agent's mailbox proves nothing about the person"
    mandate = case.attachments.get()
    proofs.accept_mandate(case, [1], attachment=mandate, by=aurora.olga)
    assert how(case) == [None, ProvenBy.MANDATE]
    attachments.destroy(mandate, by="olga")
    with pytest.raises(InvalidInput):
        proofs.accept_mandate(case, [0], attachment=mandate, by=aurora.olga)


def test_after_the_plan_is_approved_a_proof_changes_nothing(aurora: seeded.Company) -> None:
    done = seeded.approved(aurora, seeded.register(aurora.entity))
    with pytest.raises(IllegalMove):
        proofs.check(done, 1, by=aurora.olga, checked=Checked.VIDEO)


def test_more_can_be_told_until_the_case_has_ended(case: ErasureRequest) -> None:
    additions.add(case, words="I moved in 2024.", clue=Clue(asking.Clue.LINK, "https://chat.example/1"))
    content = vault.opened(ErasureRequest.objects.get())
    assert content["additions"][0]["words"] == "I moved in 2024." and content["clues"][0]["kind"] == "link"
    with pytest.raises(InvalidInput):
        additions.add(case)
    services.move(case, to=State.WITHDRAWN, by=services.DATA_SUBJECT)
    with pytest.raises(IllegalMove):
        additions.add(case, words="More.")


def test_a_draft_comes_back_with_its_code_and_only_once(db: None) -> None:
    code, until = drafts.keep({"email": "nora.lind@example.org"})
    assert timedelta(days=13) < until - timezone.now() <= timedelta(days=14)
    assert b"nora" not in bytes(Draft.objects.get().sealed)
    assert drafts.resume("AAAAA-AAAAA-AAAAA-AAAAA") is None
    assert drafts.resume(code.lower().replace("-", " ")) == {"email": "nora.lind@example.org"}
    assert drafts.resume(code) is None and not Draft.objects.exists()


def test_a_draft_ends_with_its_time(db: None) -> None:
    code, _ = drafts.keep({"email": "nora.lind@example.org"})
    Draft.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert drafts.resume(code) is None
    assert drafts.forget_old() == 1


def test_the_form_is_saved_and_goes_on_in_another_browser(aurora: seeded.Company, client: Client) -> None:
    client.post("/request/")
    client.post("/request/who/", {"requester": "self"})
    client.post("/request/wish/", {"wishes": ["erase"]})
    page = client.post("/request/email/", {"email": seeded.ALICE, "save": "1"}, follow=True).content.decode()
    code = re.findall(r'class="code">([A-Z0-9-]+)<', page)[0]
    assert 'class="code"' not in client.get("/request/saved/").content.decode()
    elsewhere = Client()
    assert elsewhere.post("/resume/", {"draft": "AAAAA"}).status_code == 422
    assert elsewhere.post("/resume/", {"draft": code}).headers["Location"] == "/request/name/"
    assert seeded.ALICE in elsewhere.get("/request/email/").content.decode()


def test_saving_without_end_is_stopped(aurora: seeded.Company, client: Client, settings: Any) -> None:
    settings.OUBLI_LIMITS = {**settings.OUBLI_LIMITS, "draft": (2, 20)}
    codes = []
    for _ in range(3):
        client.post("/request/")
        codes.append(client.post("/request/who/", {"requester": "self", "save": "1"}).status_code)
    assert codes == [302, 302, 429] and Draft.objects.count() == 2


def test_somebody_at_risk_leaves_every_page_at_once(aurora: seeded.Company, client: Client) -> None:
    client.post("/request/")
    client.post("/request/who/", {"requester": "at_risk"})
    for page in ("wish", "email", "clues", "files"):
        assert "Exit this page quickly" in client.get(f"/request/{page}/").content.decode()
    client.post("/request/email/", {"email": seeded.ALICE})
    gone = client.get("/exit/")
    assert gone.status_code == 302 and not gone.headers["Location"].startswith("/")
    assert client.get("/request/email/").headers["Location"] == "/", "nothing of the form is left in this browser"
