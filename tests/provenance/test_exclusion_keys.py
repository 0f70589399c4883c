"""The exclusion list has a key of its own: what training machines are given opens no other hash of the house."""

from __future__ import annotations

import hashlib

import pytest

from compliance.intake import vault
from compliance.provenance.exclusion import gates, listed
from compliance.provenance.models import Exclusion
from retrieval import exclusion
from retrieval.gate import Gate

ANA, RAW = "ana@post.example", b'{"id": 7}'


def rows_under(key: bytes, *, own: bool) -> list[Exclusion]:
    """An identifier and a record's bytes, hashed under a key."""
    entries = [
        exclusion.identifier_entry(key, "email", ANA),
        exclusion.Entry("content", exclusion.content_key(key, hashlib.sha256(RAW).hexdigest())),
    ]
    return [Exclusion(kind=entry.kind, key=entry.key, case="A-1", own_key=own) for entry in entries]


@pytest.mark.parametrize("own", [True, False], ids=["new", "from before the list had its own key"])
def test_an_exclusion_holds_under_the_key_it_was_made_with(own: bool) -> None:
    key = vault.exclusion_key() if own else vault.lookup_key()
    gate = gates(rows_under(key, own=own), region="DE")
    assert gate.size == 2
    assert not gate.keeps({"text": f"write to {ANA}"})
    assert gate.keeps({"text": "write to bob@post.example"})
    assert gate.erased_bytes(RAW)
    assert [why is None for why in gate.reasons([{"a": ANA}, {"a": "nobody"}])] == [False, True]
    assert gate.spans(f"to {ANA}") == [(3, 3 + len(ANA))]


def test_old_and_new_exclusions_hold_side_by_side() -> None:
    old = rows_under(vault.lookup_key(), own=False)[:1]
    new = rows_under(vault.exclusion_key(), own=True)[1:]
    gate = gates([*old, *new], region="DE")
    assert (gate.keeps({"a": ANA}), gate.erased_bytes(RAW)) == (False, True)
    assert gates([], region="DE").reasons([{"a": ANA}]) == [None]


def test_the_key_that_is_handed_out_opens_nothing_else() -> None:
    handed_out = vault.exclusion_key()
    assert handed_out != vault.lookup_key()
    old = listed(rows_under(vault.lookup_key(), own=False), region="DE")
    assert Gate(old, handed_out).keeps({"a": ANA})
