"""Older exclusions move under the list's own key where their case still knows what they were made from."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from compliance.accounts.models import LegalEntity
from compliance.audit.models import Event
from compliance.intake import services as intake
from compliance.intake import vault
from compliance.intake.models import ErasureRequest
from compliance.provenance import exclusion, renewing
from compliance.provenance.models import Exclusion
from retrieval import exclusion as hashing

ANA, LETTER = "ana@post.example", "my grandmother's harp arrived without its seventh string again and nobody wrote"


@pytest.fixture
def case(transactional_db: None, settings: Any) -> ErasureRequest:
    """Ana's confirmed case with what a trace remembered, and exclusions from before the list had its own key."""
    entity = LegalEntity.objects.create(
        slug="firm", name="Firm", laws=["gdpr"], country="DE", contact="a@firm.example", authority="B"
    )
    found = intake.submit(intake.Submission(entity=entity, email=ANA)).request
    key = vault.case_key(found)
    content = vault.opened(found)
    content["needles"] = [
        {"kind": "email", "value": ANA, "key": "email:request:0"},
        {"kind": "content", "value": LETTER, "key": "content:record:1"},
    ]
    content["trusted"] = ["email:request:0", "content:record:1"]
    ErasureRequest.objects.filter(pk=found.pk).update(sealed=vault.encrypt(key, content))
    old = vault.lookup_key()
    entries = [hashing.identifier_entry(old, "email", ANA), *hashing.text_entries(old, [LETTER])]
    entries.append(hashing.Entry("content", hashing.content_key(old, "0" * 64)))  # of a record that is sealed nowhere
    for entry in entries:
        Exclusion.objects.create(
            key=entry.key, kind=entry.kind, signature=entry.signature or None, case=found.reference, artifact="letters"
        )
    return ErasureRequest.objects.select_related("entity").get(pk=found.pk)


def test_what_a_case_still_knows_is_hashed_anew_and_the_rest_stays(case: ErasureRequest) -> None:
    assert exclusion.list_of(case.entity).entries == ()
    assert renewing.renew(case.entity, by="test") == renewing.Renewed(3, 1)
    assert {row.kind: row.own_key for row in Exclusion.objects.all()} == {
        "identifier": True, "text": True, "near": True, "content": False,
    }  # fmt: skip
    listed = exclusion.list_of(case.entity)
    assert {entry.kind for entry in listed.entries} == {"identifier", "text", "near"}
    gate = exclusion.gate_of(case.entity)
    assert not gate.keeps({"a": ANA.upper()}) and not gate.keeps({"a": LETTER}) and gate.size == 4
    (event,) = Event.objects.filter(kind="exclusion.renewed")
    assert event.case == case.reference
    assert renewing.renew(case.entity, by="test") == renewing.Renewed(0, 1)


def test_a_forgotten_case_keeps_its_entries_and_they_go_on_holding(case: ErasureRequest) -> None:
    vault.destroy(case)
    said = StringIO()
    call_command("exclusions", "firm", "--renew", stdout=said)
    assert "0 entries hashed anew" in said.getvalue() and "4 older ones stay" in said.getvalue()
    assert not exclusion.gate_of(case.entity).keeps({"a": ANA})


def test_nobody_elses_entries_are_touched(case: ErasureRequest) -> None:
    key = hashing.identifier_entry(vault.lookup_key(), "email", "bob@post.example").key
    Exclusion.objects.create(key=key, kind="identifier", case="OUB-GONE-CASE", artifact="letters")
    renewing.renew(case.entity, by="test")
    assert Exclusion.objects.get(key=key).own_key is False
