"""Servers for the whole run, and an installation of its own for each test that wants one."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis as redis_client

from tests.services import servers
from tests.services.installation import Installation, database_named


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of a PostgreSQL server on which databases may be made."""
    remedy = "Install postgresql, or name a server in OUBLI_TEST_POSTGRES."
    with servers.first_that_starts(servers.POSTGRESQL, remedy=remedy) as address:
        yield address


@pytest.fixture(scope="session")
def redis(postgresql: str) -> Iterator[str]:
    """The address of a Redis database that may be emptied."""
    remedy = "Install redis-server, or name a database of one in OUBLI_TEST_REDIS."
    with servers.first_that_starts(servers.REDIS, remedy=remedy) as address:
        yield address


@pytest.fixture(scope="session")
def migrated(postgresql: str, redis: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a database that ``manage.py migrate`` made; others are copied from it."""
    with _database(postgresql, template="template0") as name:
        house = Installation(tmp_path_factory.mktemp("template"), database_named(postgresql, name), redis)
        done = house.manage("migrate", "--verbosity", "0")
        assert done.returncode == 0, done.stderr
        yield name


@pytest.fixture
def house(postgresql: str, migrated: str, redis: str, tmp_path: Path) -> Iterator[Installation]:
    """An empty installation: a migrated database, an empty broker, a folder."""
    with redis_client.Redis.from_url(redis) as broker:
        broker.flushdb()
    with _database(postgresql, template=migrated) as name:
        made = Installation(tmp_path / "var", database_named(postgresql, name), redis)
        try:
            yield made
        finally:
            made.end()


class _database:
    """A database for the time of a block."""

    def __init__(self, server: str, *, template: str) -> None:
        self._server, self._template, self._name = server, template, f"oubli_test_{uuid.uuid4().hex[:12]}"

    def __enter__(self) -> str:
        self._say(f"CREATE DATABASE {self._name} TEMPLATE {self._template}")
        return self._name

    def __exit__(self, *_: object) -> None:
        self._say(f"DROP DATABASE {self._name} WITH (FORCE)")

    def _say(self, statement: str) -> None:
        with psycopg.connect(self._server, autocommit=True) as connection:
            connection.execute(statement.encode())
