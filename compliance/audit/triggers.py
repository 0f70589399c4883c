"""The database's own refusal to change or remove a line of the log, per vendor (SQLite, PostgreSQL).

A test that flushes the database between cases has to lift them first: ``lifted(connection)``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

KEPT_FOR_EVER = ("audit_event", "audit_leaf", "audit_head")
NEVER_CHANGED = (*KEPT_FOR_EVER, "audit_opening")


def _pairs() -> list[tuple[str, str]]:
    return [(table, "UPDATE") for table in NEVER_CHANGED] + [(table, "DELETE") for table in KEPT_FOR_EVER]


def statements(vendor: str) -> list[str]:
    """The statements that create the triggers on ``vendor``; ValueError for a database we have not tried."""
    if vendor == "sqlite":
        return [
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END"
            for table, verb in _pairs()
        ]
    if vendor == "postgresql":
        refuse = (
            "CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the log is append-only'; END $$"
        )
        rows = [
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION audit_refuse()"
            for table, verb in _pairs()
        ]
        whole = [
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()"
            for table in KEPT_FOR_EVER
        ]
        return [refuse, *rows, *whole]
    raise ValueError(f"the log's triggers are written for SQLite and PostgreSQL, not {vendor}")


def removals(vendor: str) -> list[str]:
    """The statements that drop the triggers again."""
    names = [(table, f"{table}_no_{verb.lower()}") for table, verb in _pairs()]
    if vendor == "sqlite":
        return [f"DROP TRIGGER IF EXISTS {name}" for _, name in names]
    names += [(table, f"{table}_no_truncate") for table in KEPT_FOR_EVER]
    return [f"DROP TRIGGER IF EXISTS {name} ON {table}" for table, name in names]


def create(apps: Any, schema_editor: Any) -> None:
    """Migration step: create the triggers."""
    for statement in statements(schema_editor.connection.vendor):
        schema_editor.execute(statement, params=None)


def drop(apps: Any, schema_editor: Any) -> None:
    """Migration step backwards: drop the triggers."""
    for statement in removals(schema_editor.connection.vendor):
        schema_editor.execute(statement, params=None)


@contextmanager
def lifted(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """The log without its triggers, for a test database that is emptied between tests."""
    with connection.cursor() as cursor:
        for statement in removals(connection.vendor):
            cursor.execute(statement)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            for statement in statements(connection.vendor):
                cursor.execute(statement)
