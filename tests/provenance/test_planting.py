"""Somebody plants another person's identifier, or proves a neighbouring one: the other person's rows are not swept."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from compliance.accounts.models import LegalEntity
from compliance.provenance import search as searching
from compliance.provenance.models import Artifact
from compliance.provenance.places import connector_of, place_of

MALLORY, VICTIM = "mallory@post.example", "victim@post.example"
VICTIMS_PHONE = "+49 30 901820"


@pytest.fixture
def customers(db: None, tmp_path: Path) -> Artifact:
    """A customer table in which Mallory wrote the victim's phone and address into a profile of her own."""
    path = tmp_path / "customers.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE customers (id TEXT PRIMARY KEY, email TEXT, second_email TEXT, phone TEXT)")
        rows = [
            ("C-1001", MALLORY, VICTIM, "030 901820"),
            ("C-1002", VICTIM, "", VICTIMS_PHONE),
            ("C-1003", "other@post.example", "", "+49 30 901899"),
        ]
        database.executemany("INSERT INTO customers VALUES (?, ?, ?, ?)", rows)
    database.close()
    return _artifact(path)


def _artifact(path: Path) -> Artifact:
    entity = LegalEntity.objects.create(
        slug="aurora", name="Aurora", laws=["gdpr"], country="DE", contact="office", authority="authority"
    )
    kinds = {"id": "customer_id", "email": "email", "second_email": "email", "phone": "phone"}
    options = {"table": "customers", "key_field": "id", "subject_fields": list(kinds)}
    return Artifact.objects.create(
        slug="customers",
        name="Customers",
        entity=entity,
        kind="database",
        connector="sql",
        location=f"sqlite:///{path}",
        options={**options, "identity": True, "identity_fields": kinds},
        purpose="contract",
        lawful_basis="contract",
        retention="5 years",
    )


def swept(customers: Artifact, proven: str) -> tuple[set[str], set[str]]:
    """The rows that count, and those that are only proposed, for whoever proved one address."""
    search = searching.Search(region="DE")
    search.add("email", proven, trusted=True, origin="request")
    searching.learn(search, customers.entity)
    found = list(connector_of(customers).find(place_of(customers), search.needles, region="DE"))
    counted = {match.record for match in found if not search.support(match)[1]}
    return counted, {match.record for match in found} - counted


def test_what_a_stranger_planted_in_her_own_row_sweeps_nobody_elses(customers: Artifact) -> None:
    counted, proposed = swept(customers, MALLORY)
    assert (counted, proposed) == ({"C-1001"}, {"C-1002"})


def test_an_address_that_finds_several_people_teaches_candidates_only(customers: Artifact) -> None:
    search = searching.Search(region="DE")
    search.add("email", VICTIM, trusted=True, origin="request")  # it stands in Mallory's row too
    searching.learn(search, customers.entity)
    assert [needle.value for needle in search.identifiers] == [VICTIM]
    assert MALLORY in {needle.value for needle in search.needles}


def test_what_stands_in_ones_own_row_alone_is_learned(customers: Artifact) -> None:
    search = searching.Search(region="DE")
    search.add("email", "other@post.example", trusted=True, origin="request")
    searching.learn(search, customers.entity)
    assert {needle.kind for needle in search.identifiers} == {"email", "customer_id", "phone"}


@pytest.mark.parametrize("neighbour", ["victim+mallory@post.example", "vıctim@post.example", "vìctim@post.example"])
def test_a_neighbouring_mailbox_proves_nobody_elses(customers: Artifact, neighbour: str) -> None:
    counted, proposed = swept(customers, neighbour)
    assert counted == set()
    assert "C-1002" in proposed


def test_ones_own_address_in_capitals_counts(customers: Artifact) -> None:
    assert "C-1002" in swept(customers, "Victim@Post.Example")[0]
