"""Servers keep the same promises as folders: her rows go, a mention is blanked, the level is what a search found."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import redis as redis_client
import sqlalchemy as sa

from compliance.provenance.connectors import MARK, Place, load
from compliance.provenance.connectors.names import called_after
from compliance.rules.errors import ConfigurationError, NotAllowed
from tests.provenance import contract
from tests.provenance.places import ALICE, OPTIONS, PATTERNS, RECORDS
from tests.provenance.stores import DIMENSION, VECTORS, Made
from tests.services import store_servers as servers
from tests.services.servers import first_that_starts

pytestmark = [pytest.mark.services, pytest.mark.enable_socket]
COLUMNS = "id VARCHAR(40) PRIMARY KEY, email VARCHAR(200), body TEXT, parent VARCHAR(40), n INTEGER"


@pytest.fixture(scope="session")
def running() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture(scope="session")
def mariadb(running: ExitStack) -> str:
    remedy = "Install mariadb-server-core and mariadb-client-core, or name a server in OUBLI_TEST_MARIADB."
    return str(running.enter_context(first_that_starts(servers.MARIADB, remedy=remedy)))


@pytest.fixture(scope="session")
def vectors(running: ExitStack) -> str:
    return running.enter_context(servers.postgresql_with_vectors()).replace("postgresql://", "postgresql+psycopg://")


@pytest.fixture(scope="session")
def keys(running: ExitStack) -> tuple[str, Path]:
    return running.enter_context(servers.redis_that_persists())


@pytest.fixture(scope="session")
def bucket(running: ExitStack) -> tuple[str, Any]:
    return running.enter_context(servers.object_store())


def table(address: str, *, columns: str = COLUMNS) -> None:
    engine = sa.create_engine(address)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS orders")
        connection.exec_driver_sql("DROP TABLE IF EXISTS tickets")
        connection.exec_driver_sql(f"CREATE TABLE tickets ({columns})")
        names = ", ".join(RECORDS[0])
        marks = ", ".join(f":{name}" for name in RECORDS[0])
        connection.execute(sa.text(f"INSERT INTO tickets ({names}) VALUES ({marks})"), RECORDS)  # noqa: S608
    engine.dispose()


def rows_of(address: str, statement: str) -> list[Any]:
    engine = sa.create_engine(address)
    with engine.connect() as connection:
        found = connection.exec_driver_sql(statement).fetchall()
    engine.dispose()
    return list(found)


def sql_made(address: str, **options: object) -> Made:
    place = Place("tickets", "database", "sql", address, {**OPTIONS, "table": "tickets", **options})
    return Made(place, lambda: {row[0]: row[1] for row in rows_of(address, "SELECT id, body FROM tickets")})


@pytest.fixture(params=["mariadb", "pgvector", "redis", "objects"])
def made(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Made:
    return MAKERS[request.param](request, monkeypatch)


def made_mariadb(request: pytest.FixtureRequest, _: pytest.MonkeyPatch) -> Made:
    address = request.getfixturevalue("mariadb")
    table(address)
    return sql_made(address)


def made_pgvector(request: pytest.FixtureRequest, _: pytest.MonkeyPatch) -> Made:
    address = request.getfixturevalue("vectors")
    rows_of_none(address, "CREATE EXTENSION IF NOT EXISTS vector")
    table(address, columns=f"{COLUMNS}, embedding vector({DIMENSION})")
    for row, vector in zip(RECORDS, VECTORS, strict=True):
        rows_of_none(address, f"UPDATE tickets SET embedding = '{vector}' WHERE id = '{row['id']}'")  # noqa: S608
    rows_of_none(address, "CREATE INDEX near ON tickets USING hnsw (embedding vector_cosine_ops)")
    return sql_made(address, vector_field="embedding", text_field="body", embedder="hashed-words")


def rows_of_none(address: str, statement: str) -> None:
    engine = sa.create_engine(address)
    with engine.begin() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()


def made_redis(request: pytest.FixtureRequest, _: pytest.MonkeyPatch) -> Made:
    address, _folder = request.getfixturevalue("keys")
    with redis_client.Redis.from_url(address) as client:
        client.flushall()
        for row in RECORDS:
            client.set(f"ticket:{row['id']}", json.dumps(row), ex=5000)
    options = {"subject_fields": ["value.email"], "text_fields": ["value.body"], "lineage_field": "value.parent"}

    def bodies() -> Mapping[str, Any]:
        with redis_client.Redis.from_url(address) as client:
            found = [json.loads(client.get(key)) for key in client.keys("ticket:*")]
        return {row["id"]: row["body"] for row in found}

    return Made(Place("tickets", "cache", "redis", address, {**options, "match": "ticket:*"}), bodies)


def made_objects(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Made:
    address, client = request.getfixturevalue("bucket")
    for name, value in servers.AWS.items():
        monkeypatch.setenv(name, value)
    name = f"data-{abs(hash(request.node.name)) % 10**9}"
    client.create_bucket(Bucket=name)
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    for _ in range(2):
        client.put_object(Bucket=name, Key="raw/tickets.jsonl", Body=servers.tickets_as_lines())
    client.put_object(Bucket=name, Key="raw/gone.txt", Body=b"alice.moreau@post.example")
    client.delete_object(Bucket=name, Key="raw/gone.txt")

    def bodies() -> Mapping[str, Any]:
        raw = client.get_object(Bucket=name, Key="raw/tickets.jsonl")["Body"].read()
        return {row["id"]: row["body"] for row in map(json.loads, raw.splitlines())}

    place = Place("tickets", "dataset", "objects", f"s3://{name}/raw", {**OPTIONS, "endpoint_url": address})
    return Made(place, bodies)


MAKERS: Mapping[str, Callable[[pytest.FixtureRequest, pytest.MonkeyPatch], Made]] = {
    "mariadb": made_mariadb,
    "pgvector": made_pgvector,
    "redis": made_redis,
    "objects": made_objects,
}
PROMISES = [promise for promise in contract.PROMISES if promise is not contract.purges_to_the_bytes]


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
def test_a_server_keeps_its_promise(made: Made, promise: Callable[[Made], object]) -> None:
    promise(made)


def test_a_person_is_erased_from_a_server_and_nobody_else(made: Made, tmp_path: Path) -> None:
    contract.erases_her_and_nobody_else(made, tmp_path / "undo.jsonl")


def test_the_level_is_what_a_search_of_the_servers_files_found(made: Made) -> None:
    """Byte-checked only where every file was clean; a server with common logs that keep her says how many."""
    connector = load(made.place.connector)
    contract.erase_alice(made, contract.keys_of(made))
    receipt = connector.purge(made.place, PATTERNS)
    assert connector.absent(made.place, PATTERNS) == 0
    assert made.bodies() == contract.KEPT
    kept = [note for note in receipt.notes if "occurrences in the server's common logs" in note]
    assert (receipt.level == "byte_checked") is (not kept)
    assert receipt.level == "byte_checked" or made.place.location.startswith("mysql")


def test_mariadb_tells_letters_of_another_case_apart(mariadb: str) -> None:
    table(mariadb)
    rows_of_none(mariadb, "ALTER TABLE tickets DROP PRIMARY KEY")
    rows_of_none(mariadb, "INSERT INTO tickets VALUES ('t-2', 'bob@post.example', 'mine', 'P', 9)")
    receipt = load("sql").erase(sql_made(mariadb).place, records=["T-2"])
    assert (receipt.removed, receipt.others_untouched) == (1, True)
    assert [row[0] for row in rows_of(mariadb, "SELECT id FROM tickets WHERE id = 't-2'")] == ["t-2"]


ORDERS = "CREATE TABLE orders (id VARCHAR(40) PRIMARY KEY, ticket VARCHAR(40) NULL, {})"
CASCADE = "FOREIGN KEY (ticket) REFERENCES tickets (id) ON DELETE CASCADE"


def test_rows_that_refer_go_only_as_the_map_says(mariadb: str) -> None:
    for policy, left in (("delete", [("O-2", "T-1")]), ("null", [("O-1", None), ("O-2", "T-1")])):
        table(mariadb)
        rows_of_none(mariadb, ORDERS.format(CASCADE))
        rows_of_none(mariadb, "INSERT INTO orders VALUES ('O-1', 'T-2'), ('O-2', 'T-1')")
        with pytest.raises(NotAllowed, match="1 rows of orders"):
            load("sql").erase(sql_made(mariadb).place, records=["T-2"])
        assert len(rows_of(mariadb, "SELECT id FROM orders")) == 2
        place = sql_made(mariadb, references={"orders.ticket": policy}).place
        assert load("sql").erase(place, records=["T-2"]).notes[-1] == f"{policy} orders.ticket: 1 rows"
        assert sorted(map(tuple, rows_of(mariadb, "SELECT id, ticket FROM orders"))) == left
        described = load("sql").describe(Place("o", "database", "sql", mariadb, {"table": "orders", "key_field": "id"}))
        assert described.detail["refers_to"] == ["tickets"]


def test_columns_become_null_where_rows_must_stay(mariadb: str) -> None:
    table(mariadb)
    place = sql_made(mariadb, null_fields=["email", "body"]).place
    for expected in (2, 0):
        receipt = load("sql").erase(place, records=["T-2", "T-4"])
        assert (receipt.removed, receipt.redacted, receipt.remaining) == (0, expected, 0)
        assert receipt.others_untouched
    kept = rows_of(mariadb, "SELECT id, email, body, parent FROM tickets WHERE id = 'T-2'")
    assert tuple(kept[0]) == ("T-2", None, None, "P-2")


def test_a_new_vector_is_made_for_a_blanked_text_and_others_keep_theirs(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = made_pgvector(request, monkeypatch)
    address = made.place.location
    before = dict(map(tuple, rows_of(address, "SELECT id, embedding::text FROM tickets")))
    contract.erase_alice(made, contract.keys_of(made))
    after = dict(map(tuple, rows_of(address, "SELECT id, embedding::text FROM tickets")))
    assert after["T-3"] != before["T-3"]
    assert {name: after[name] for name in contract.OTHERS} == {name: before[name] for name in contract.OTHERS}


def test_an_address_that_makes_the_client_read_files_is_refused(vectors: str) -> None:
    for setting in ("passfile=/etc/shadow", "service=x", "options=-c"):
        joint = "&" if "?" in vectors else "?"
        with pytest.raises(ConfigurationError, match="not allowed"):
            load("sql").describe(sql_made(f"{vectors}{joint}{setting}").place)


def test_fields_of_a_hash_that_are_called_after_her_are_counted(keys: tuple[str, Path]) -> None:
    address, _ = keys
    with redis_client.Redis.from_url(address, decode_responses=True) as client:
        client.flushall()
        client.hset("seen", mapping={"alice.moreau@post.example": "1", "malice.moreau@post.example": "2", "bob": "3"})
        client.set("note", "alice.moreau@post.example")
        place = Place("cache", "cache", "redis", address, {"subject_fields": ["value.mail"]})
        said = [one.why for one in called_after(place, [ALICE], region="DE")]
        client.hdel("seen", "alice.moreau@post.example")
        assert called_after(place, [ALICE], region="DE") == ()
    assert len(said) == 1 and "1 names of fields in hashes" in said[0]


def test_every_type_of_redis_value_is_searched_and_mended(keys: tuple[str, Path]) -> None:
    address, folder = keys
    her = "alice.moreau@post.example"
    with redis_client.Redis.from_url(address, decode_responses=True) as client:
        client.flushall()
        client.set("note", f"{'x' * 60} ask {her} now", ex=1000)
        client.hset("person", mapping={"mail": her, "n": "1"})
        client.rpush("list", "a", f"to {her}", "b")
        client.sadd("set", her, "bob@post.example")
        client.zadd("ranks", {her: 2.5, "bob": 1})
        for number in range(20):
            client.xadd("events", {"mail": her if number == 7 else f"p{number}@post.example"})
        client.xgroup_create("events", "readers", id="0")
        client.save()
        assert any(her.encode() in path.read_bytes() for path in folder.rglob("*") if path.is_file())
        place = Place("cache", "cache", "redis", address, {"subject_fields": ["value.mail"]})
        connector = load("redis")
        found = list(connector.find(place, [ALICE]))
        own = {match.record for match in found if match.owner}
        mentions = {match.record for match in found} - own
        assert (len(own), len(mentions)) == (2, 4)
        receipt = connector.erase(place, records=own, redactions={record: [ALICE] for record in mentions})
        assert (receipt.removed, receipt.redacted, receipt.remaining, receipt.others_untouched) == (2, 4, 0, True)
        assert connector.purge(place, PATTERNS).level == "byte_checked"
        assert client.get("note") == f"{'x' * 60} ask {MARK} now"
        assert 0 < client.ttl("note") <= 1000
        assert client.lrange("list", 0, -1) == ["a", f"to {MARK}", "b"]
        assert client.zscore("ranks", "bob") == 1
        assert (client.xlen("events"), [group["name"] for group in client.xinfo_groups("events")]) == (19, ["readers"])
    assert not any(her.encode() in path.read_bytes() for path in folder.rglob("*") if path.is_file())
