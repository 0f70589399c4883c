"""A proof that fails because the person stands in a table that nobody registered says which table."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from compliance.provenance.connectors import Place
from compliance.validation import plainsight

FORMS = plainsight.forms("email", "nora.quist@example.org") | plainsight.forms("customer_id", "C-482911")


def place(path: Path, *tables: tuple[str, str]) -> Place:
    with sqlite3.connect(path) as connection:
        for name, text in (("customers", "nobody"), *tables):
            connection.execute(f'CREATE TABLE "{name}" (id INTEGER PRIMARY KEY, note TEXT)')
            connection.execute(f'INSERT INTO "{name}" (note) VALUES (?)', (text,))  # noqa: S608
    return Place(
        name="Customers",
        kind="database",
        connector="sql",
        location=f"sqlite:///{path}",
        options={"table": "customers"},
    )


def test_a_forgotten_table_is_named(tmp_path: Path) -> None:
    here = place(tmp_path / "shop.db", ("parts", "a screw"))
    assert plainsight.neighbours_with(here, FORMS) == []
    here = place(tmp_path / "two.db", ("orders_old", "sent to NORA.QUIST@example.org"), ("parts", "a screw"))
    assert plainsight.neighbours_with(here, FORMS) == ["orders_old"]


def test_a_table_that_is_called_after_the_person_is_not_spelled_out(tmp_path: Path) -> None:
    here = place(tmp_path / "shop.db", ("notes_C-482911", "see C-482911"), ("odd name", "C-482911"))
    assert plainsight.neighbours_with(here, FORMS) == ["odd name", "one that is called after the person"]


def test_other_stores_have_no_neighbours_here(tmp_path: Path) -> None:
    files = Place(name="A", kind="dataset", connector="files", location=str(tmp_path), options={})
    assert plainsight.neighbours_with(files, FORMS) == []
