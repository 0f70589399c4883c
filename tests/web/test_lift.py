"""An officer lets a returning customer's identifiers be used again, on the case's page and over the API."""

from __future__ import annotations

import pytest
from django.test import Client

from compliance.audit.models import Event
from compliance.intake import vault
from compliance.intake.models import ErasureRequest
from compliance.provenance import exclusion, lifting
from compliance.provenance.models import Exclusion, Lift
from compliance.rules.terms import State
from retrieval.exclusion import identifier_entry
from tests.web import seeded
from tests.web.test_officer import case_page, decide

ANA, WHY, BUTTON = "ana@post.example", "Ordered again on the third of May", "Let the identifiers be used again"


@pytest.fixture
def case(aurora: seeded.Company) -> ErasureRequest:
    """A case that was answered and keeps somebody's address out."""
    found = seeded.accepted(aurora)
    ErasureRequest.objects.filter(pk=found.pk).update(state=State.ANSWERED)
    entry = identifier_entry(vault.exclusion_key(), "email", ANA)
    Exclusion.objects.create(key=entry.key, kind=entry.kind, case=found.reference, own_key=True)
    return ErasureRequest.objects.get(pk=found.pk)


def is_kept_out(case: ErasureRequest) -> bool:
    return not exclusion.gate_of(case.entity).keeps({"text": ANA})


def test_an_officer_lifts_with_a_reason_once_and_the_log_says_so(case: ErasureRequest, olga: Client) -> None:
    assert BUTTON in case_page(olga, case) and is_kept_out(case)
    assert "Write the reasons" in decide(olga, case, "lift") and is_kept_out(case)
    assert "reason is missing" in decide(olga, case, "lift", reason="back") and is_kept_out(case)
    page = decide(olga, case, "lift", reason=WHY)
    assert "may be used again" in page and BUTTON not in page
    assert not is_kept_out(case)
    (event,) = Event.objects.filter(kind="exclusion.lifted", case=case.reference)
    assert WHY in str(event.opening.detail) and ANA not in str(event.opening.detail)
    assert "none of its identifiers is excluded" in decide(olga, case, "lift", reason=WHY)
    assert Lift.objects.count() == 1


def test_nobody_but_an_officer_is_offered_or_may_lift(case: ErasureRequest, bruno: Client, stranger: Client) -> None:
    assert BUTTON not in case_page(bruno, case)
    decide(bruno, case, "lift", reason=WHY)
    assert stranger.post(f"/officer/cases/{case.reference}/decide/lift/", {"reason": WHY}).status_code == 404
    assert is_kept_out(case) and not Lift.objects.exists()


def test_the_api_lifts_with_the_same_rights(case: ErasureRequest, olga: Client, bruno: Client) -> None:
    path = f"/api/v1/cases/{case.reference}/lift/"
    kind = "application/json"
    assert bruno.post(path, {"reason": WHY}, content_type=kind).status_code == 403
    assert olga.post(path, {"reason": "no"}, content_type=kind).status_code in (400, 422)
    assert is_kept_out(case)
    assert olga.post(path, {"reason": WHY}, content_type=kind).status_code == 200
    assert lifting.is_lifted(case) and not is_kept_out(case)
    assert olga.post(path, {"reason": WHY}, content_type=kind).status_code == 409
