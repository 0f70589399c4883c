"""PostgreSQL keeps the promises that SQLite keeps: migrations, the append-only log, one sequencer at a time."""

from __future__ import annotations

import psycopg
import pytest

from compliance.audit.triggers import KEPT_FOR_EVER, NEVER_CHANGED
from tests.services import servers
from tests.services.installation import Installation, go_on_together

pytestmark = [pytest.mark.services, pytest.mark.enable_socket]
VERBS = ("UPDATE", "DELETE FROM", "TRUNCATE")
FORGERIES = [
    "UPDATE audit_event SET kind = 'x'",
    "UPDATE audit_leaf SET hash = 'x'",
    "UPDATE audit_head SET root = 'x'",
    "UPDATE audit_opening SET salt = 'x'",
    "DELETE FROM audit_event",
    "DELETE FROM audit_leaf",
    "DELETE FROM audit_head",
    "TRUNCATE audit_event CASCADE",
    "TRUNCATE audit_leaf",
    "TRUNCATE audit_head",
]


def test_every_migration_is_applied_and_no_model_waits_for_one(house: Installation) -> None:
    waiting = house.manage("migrate", "--check")
    assert waiting.returncode == 0, waiting.stdout
    missing = house.manage("makemigrations", "--check", "--dry-run")
    assert missing.returncode == 0, missing.stdout


def test_the_log_refuses_to_be_changed_removed_or_emptied(house: Installation) -> None:
    house.act("log", 3)
    before = house.rows("SELECT * FROM audit_event ORDER BY id")
    for forgery in FORGERIES:
        with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
            house.rows(forgery)
    assert len(before) == 3
    assert house.rows("SELECT * FROM audit_event ORDER BY id") == before


def test_every_table_of_the_log_is_tried() -> None:
    tried = {verb: {table for table in NEVER_CHANGED if f"{verb} {table}" in "\n".join(FORGERIES)} for verb in VERBS}
    assert tried == {"UPDATE": {*NEVER_CHANGED}, "DELETE FROM": {*KEPT_FOR_EVER}, "TRUNCATE": {*KEPT_FOR_EVER}}


def test_several_sequencers_build_one_log_that_verifies(house: Installation) -> None:
    assert go_on_together([house.acting("log", 20) for _ in range(3)]) == [20, 20, 20]
    indices = [index for [index] in house.rows('SELECT "index" FROM audit_leaf ORDER BY 1')]
    assert indices == list(range(60))
    verified = house.manage("verify_log")
    assert verified.returncode == 0, verified.stderr
    assert "The log holds: 60 lines" in verified.stdout


@pytest.mark.parametrize("way", [servers.postgresql_of_wheel, servers.redis_of_wheel])
def test_the_wheels_bring_a_server_where_none_is_installed(way: servers.Way) -> None:
    with way() as address:
        assert address.startswith(("postgresql://", "redis://"))


def test_no_server_is_an_error_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OUBLI_TEST_REDIS", raising=False)
    ways = [servers.from_environment("OUBLI_TEST_REDIS")]
    with (
        pytest.raises(servers.NoServer, match="Install redis-server"),
        servers.first_that_starts(ways, remedy="Install redis-server."),
    ):
        raise AssertionError("a server came from nowhere")
