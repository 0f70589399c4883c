"""The address that a code goes to and the address that is looked for afterwards are one and the same."""

from __future__ import annotations

import re

import pytest
from django.core import mail
from django.test import Client

from compliance.intake import additions, services, vault
from compliance.intake.models import ErasureRequest
from compliance.rules.errors import InvalidInput
from compliance.rules.terms import IdentifierKind
from compliance.worker import tasks
from tests.web import seeded

# Delivered to the stranger in brackets by mail programs; read as the address of somebody else by a search.
TWO_READINGS = "victim+ <stranger@evil.example> (@example.org"


def _others(value: str) -> list[services.Identifier]:
    return [services.Identifier(IdentifierKind.EMAIL, value)]


@pytest.mark.parametrize("value", [TWO_READINGS, "a@example.org, b@evil.example", "<b@evil.example>a@example.org"])
def test_an_address_with_two_readings_is_not_taken_as_a_further_identifier(aurora: seeded.Company, value: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        services.submit(services.Submission(entity=aurora.entity, email=seeded.ALICE, others=_others(value)))
    assert "evil" not in str(refused.value)


def test_the_api_takes_no_address_with_two_readings(aurora: seeded.Company, client: Client) -> None:
    body = {"entity": aurora.entity.slug, "email": seeded.ALICE, "others": [{"kind": "email", "value": TWO_READINGS}]}
    answer = client.post("/api/v1/requests/", body, content_type="application/json")
    assert answer.status_code == 422 and not ErasureRequest.objects.exists()


def test_a_code_for_an_address_that_lies_in_an_old_case_goes_nowhere_else(aurora: seeded.Company) -> None:
    others = _others("victim@example.org")
    receipt = services.submit(services.Submission(entity=aurora.entity, email=seeded.ALICE, others=others))
    case = services.confirm(receipt.reference, seeded.code_of(receipt.request))
    content = vault.opened(case)
    content["identifiers"][1]["value"] = TWO_READINGS
    case.sealed = vault.encrypt(vault.case_key(case), content)
    case.save(update_fields=["sealed"])
    mail.outbox.clear()
    with pytest.raises(InvalidInput):
        additions.send_code(case, 1)
    tasks.post_letters()
    assert not [letter for letter in mail.outbox if re.search("evil", " ".join(letter.to))]
