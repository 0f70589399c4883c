"""The map against what lies there: a column, table or file that nobody mapped is an alarm, and no value is shown."""

from __future__ import annotations

import json
import sqlite3
from importlib import import_module
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from compliance.provenance.resembling import kind_called, kind_of
from tests.provenance.stores import STORES

HEAD = """
entities:
  - {id: firm, name: Firm, law: [gdpr], country: DE, time_zone: Europe/Berlin, contact: dpo@firm.example, authority: x}
artifacts:
"""
ENTRY = """
  - id: customers
    name: Customers
    kind: database
    connector: sql
    location: sqlite:///crm.sqlite
    entity: firm
    purpose: contract
    lawful_basis: contract
    retention: 2 years
    key_field: id
    subject_fields: [mail]
    text_fields: [note]
    options: {table: customers}
"""


@pytest.fixture
def company(tmp_path: Path) -> Path:
    with sqlite3.connect(tmp_path / "crm.sqlite") as database:
        database.execute("CREATE TABLE customers (id INTEGER PRIMARY KEY, mail TEXT, note TEXT)")
        database.execute("INSERT INTO customers VALUES (1, 'alice@post.example', 'hello')")
    database.close()
    path = tmp_path / "systems.yaml"
    path.write_text(HEAD + ENTRY)
    return path


def said(path: Path) -> str:
    out = StringIO()
    try:
        call_command("discover", str(path), stdout=out)
    except CommandError as error:
        return f"{out.getvalue()}{error}"
    return out.getvalue()


def change(company: Path, *statements: str) -> None:
    with sqlite3.connect(company.parent / "crm.sqlite") as database:
        for statement in statements:
            database.execute(statement)
    database.close()


def test_a_map_that_says_everything_raises_no_alarm(company: Path) -> None:
    before = (company.parent / "crm.sqlite").read_bytes()
    assert "Nothing is unmapped" in said(company)
    assert (company.parent / "crm.sqlite").read_bytes() == before


def test_a_column_that_appeared_is_an_alarm_by_what_its_values_are(company: Path) -> None:
    change(company, "ALTER TABLE customers ADD COLUMN extra TEXT", "UPDATE customers SET extra = '+49 30 901820'")
    answer = said(company)
    assert "field extra looks like phone, and nobody mapped it" in answer
    assert "subject_fields: [mail, extra]" in answer
    assert "1 alarms" in answer
    assert "901820" not in answer
    assert "alice@" not in answer


def test_a_table_and_a_file_that_appeared_are_alarms(company: Path) -> None:
    change(
        company,
        "CREATE TABLE leads (number INTEGER PRIMARY KEY, who TEXT)",
        "INSERT INTO leads VALUES (1, 'bob@post.example')",
    )
    (company.parent / "exports").mkdir()
    (company.parent / "exports" / "old.csv.gz").write_bytes(b"x")
    answer = said(company)
    assert "table leads is mapped by no place, with what looks like email" in answer
    assert "key_field: number, subject_fields: [who]" in answer
    assert "exports/old.csv.gz is covered by no place" in answer


def test_nested_fields_are_named_as_the_map_writes_them(company: Path) -> None:
    row = {"id": "1", "thread": {"messages": [{"text": "mail eve@post.example"}, {"text": "no"}]}}
    (company.parent / "a.jsonl").write_text(json.dumps(row) + "\n")
    entry = ENTRY.replace("customers", "threads").replace("sqlite:///crm.sqlite", "a.jsonl")
    entry = entry.replace("connector: sql", "connector: files").replace("    options: {table: threads}\n", "")
    company.write_text(HEAD + ENTRY + entry, encoding="utf-8")
    assert "field thread.messages.*.text holds identifiers and is not searched" in said(company)


def test_a_place_that_cannot_be_read_is_an_alarm_and_the_others_go_on(company: Path) -> None:
    (company.parent / "crm.sqlite").write_bytes(b"not a database, and long enough to be looked at" * 50)
    assert "could not be read" in said(company)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("alice@post.example", "email"),
        ("write to alice@post.example", None),
        ("+49 30 901820", "phone"),
        ("12345", None),
        ("111.444.777-35", "tax_id"),
        ("111.444.777-36", None),
        ("DE89 3704 0044 0532 0130 00", "customer_id"),
        ("DE88 3704 0044 0532 0130 00", None),
        ("4111 1111 1111 1111", "customer_id"),
        ("4111 1111 1111 1112", None),
    ],
)
def test_an_identifier_is_told_by_its_check_digits(value: str, kind: str | None) -> None:
    assert kind_of(value) == kind


def test_names_and_numbers_are_proposed_by_what_a_column_is_called() -> None:
    assert [kind_called(name) for name in ("full_name", "customer_id", "filename", "amount")] == [
        "name",
        "customer_id",
        None,
        None,
    ]


STORE = """
  - id: tickets
    name: Tickets
    kind: database
    connector: {connector}
    location: {location}
    entity: firm
    purpose: service
    lawful_basis: contract
    retention: 2 years
    key_field: id
    subject_fields: [email]
    text_fields: [body, parent, n]
    options: {options}
"""


@pytest.mark.parametrize("kind", ["duckdb", "lancedb", "chroma", "qdrant"])
def test_a_table_or_collection_that_appeared_beside_a_mapped_one_is_an_alarm(tmp_path: Path, kind: str) -> None:
    place = STORES[kind](tmp_path).place
    path = tmp_path / "systems.yaml"
    options = json.dumps(
        {name: value for name, value in place.options.items() if not name.endswith(("fields", "_field"))}
    )
    path.write_text(HEAD + STORE.format(connector=kind, location=place.location, options=options))
    name = next(str(place.options[word]) for word in ("table", "collection") if word in place.options)
    assert f" {name} is mapped by no place" not in said(path)
    _another(kind, Path(place.location))
    assert "newcomers is mapped by no place" in said(path)
    assert f" {name} is mapped by no place" not in said(path)


def _another(kind: str, location: Path) -> None:
    """A second table or collection, as a colleague would make it one evening."""
    if kind == "duckdb":
        with import_module("duckdb").connect(str(location)) as database:
            database.execute("CREATE TABLE newcomers (id TEXT, email TEXT)")
    elif kind == "lancedb":
        import_module("lancedb").connect(location).create_table("newcomers", [{"id": "1", "email": "a@post.example"}])
    elif kind == "chroma":
        import_module("chromadb").PersistentClient(path=str(location)).create_collection("newcomers")
    else:
        client = import_module("qdrant_client").QdrantClient(path=str(location))
        params = import_module("qdrant_client").models.VectorParams(size=4, distance="Cosine")
        client.create_collection("newcomers", vectors_config=params)
        client.close()
