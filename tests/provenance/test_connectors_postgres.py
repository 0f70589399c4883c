"""The SQL connector on a real PostgreSQL server, started by the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pgserver
import pytest
import sqlalchemy as sa
from places import ALICE, OPTIONS, PATTERNS, RECORDS

from compliance.provenance.connectors import MARK, Place, sql
from compliance.rules.errors import ConfigurationError, SourceUnreachable

pytestmark = pytest.mark.services


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    server = pgserver.get_server(tmp_path / "pg")
    address = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    engine = sa.create_engine(address)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE tickets (id TEXT PRIMARY KEY, email TEXT, body TEXT, parent TEXT, n INT)"
        )
        connection.execute(sa.text("INSERT INTO tickets VALUES (:id, :email, :body, :parent, :n)"), RECORDS)
    engine.dispose()
    monkeypatch.setenv("TICKETS_ADDRESS", address)
    yield Place("tickets", "database", "sql", "${TICKETS_ADDRESS}", {**OPTIONS, "table": "tickets"})
    server.cleanup()


def test_a_person_is_erased_from_a_server_and_nobody_else(place: Place) -> None:
    assert {(match.record, match.owner) for match in sql.find(place, [ALICE])} == {
        ("T-2", True),
        ("T-3", False),
        ("T-4", True),
    }
    orders = {"records": ["T-2", "T-4"], "redactions": {"T-3": [ALICE]}}
    first, second = sql.erase(place, **orders), sql.erase(place, **orders)
    assert (first.removed, first.redacted, first.remaining, first.others_untouched) == (2, 1, 0, True)
    assert (second.removed, second.redacted, second.remaining) == (0, 0, 0)
    assert any("write-ahead log" in note for note in sql.purge(place).notes)
    assert sql.absent(place, PATTERNS) == 0
    assert MARK in next(row.fields["body"] for row in sql.records(place, ["T-3"]))


def test_a_server_that_is_away_and_a_name_that_is_not_set_are_told_apart(place: Place) -> None:
    away = Place("away", "database", "sql", "postgresql+psycopg://oubli@127.0.0.1:1/none", {**place.options})
    with pytest.raises(SourceUnreachable):
        sql.describe(away)
    with pytest.raises(ConfigurationError, match="NOT_SET"):
        sql.describe(Place("unset", "database", "sql", "${NOT_SET}", {**place.options}))
