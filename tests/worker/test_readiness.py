"""A worker that is there before its database: it says what to do, waits, and begins."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder

from compliance.jobs import failures
from compliance.worker import readiness

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def kept_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test's transaction lives in this connection."""
    monkeypatch.setattr(connection, "close", lambda: None)


def test_a_worker_waits_for_the_migrations_and_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert readiness.missing() == 0
    recorder = MigrationRecorder(connection)
    recorder.record_unapplied("evidence", "0001_initial")
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:  # meanwhile an operator runs manage.py migrate
            recorder.record_applied("evidence", "0001_initial")

    monkeypatch.setattr(readiness.time, "sleep", sleep)
    with caplog.at_level(logging.WARNING, logger="oubli.worker"):
        readiness.wait()
    said = [record.getMessage() for record in caplog.records]
    assert len(slept) == 3 and len(said) == 2
    assert "1 migration is missing" in said[0] and "run manage.py migrate" in said[0] and "begins" in said[1]


@pytest.mark.parametrize("statement", ["SELECT 1 FROM a_table_to_come", "SELECT a_column_to_come FROM jobs_job"])
def test_work_on_a_database_of_an_older_version_says_what_to_do(statement: str) -> None:
    with pytest.raises(Exception, match=r"a_\w+_to_come") as caught, connection.cursor() as cursor:
        cursor.execute(statement)
    known = failures.in_words(caught.value)
    assert known is not None and known.retryable and "manage.py migrate" in known.next_action
    assert "to_come" not in str(known)


def test_another_trouble_of_the_database_is_not_called_a_missing_migration() -> None:
    assert failures.in_words(OperationalError("database is locked")) is None


def test_a_database_that_does_not_answer_is_left_to_whoever_works_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: Any) -> Any:
        raise OperationalError("no route")

    monkeypatch.setattr(readiness, "MigrationExecutor", unreachable)
    readiness.wait()
