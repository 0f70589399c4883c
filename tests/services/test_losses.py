"""Workers that are killed or frozen, and a broker that forgets or is away, cost no job and commit nothing twice."""

from __future__ import annotations

import http.client
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis as redis_client

from tests.services import company
from tests.services.gate import Gate
from tests.services.installation import GUNICORN, Installation
from tests.services.servers import free_port, wait_until

pytestmark = [pytest.mark.services, pytest.mark.enable_socket]
CASES, ROWS = 4, 12_000
RUNNING = "SELECT id, worker FROM jobs_job WHERE status = 'running' AND work = 'TRACE'"
UNSENT = "SELECT count(*) FROM intake_notice WHERE sent_at IS NULL"
IN_TRANSACTION = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%%'"


@pytest.fixture
def founded(house: Installation, tmp_path: Path) -> Installation:
    """An installation with a registered company."""
    systems = company.write(tmp_path / "harbour", rows=ROWS)
    assert house.act("found", systems) == {"entities": 1, "artifacts": 1}
    return house


@pytest.fixture
def gate(redis: str) -> Iterator[Gate]:
    """A way to the broker that can be closed."""
    with Gate(redis) as way:
        yield way


def all_planned(house: Installation, cases: int) -> bool:
    return bool(house.one("SELECT count(*) FROM intake_erasurerequest WHERE state = 'PLANNED'") == cases)


def assert_nothing_lost_or_twice(house: Installation, cases: int) -> None:
    done = house.rows("SELECT work, status, count(*) FROM jobs_job GROUP BY 1, 2 ORDER BY 1")
    assert done == [("PLAN", "done", cases), ("TRACE", "done", cases)]
    for state in ("TRACED", "PLANNED"):
        assert house.one("SELECT count(*) FROM audit_event WHERE kind = %s", f"case.{state}") == cases
    assert house.one("SELECT count(*) FROM mitigation_plan") == cases
    found = house.rows("SELECT count(*) FROM provenance_trace GROUP BY request_id")
    assert found == [(ROWS // company.PEOPLE,)] * cases
    verified = house.manage("verify_log")
    assert verified.returncode == 0, verified.stderr


def worker_at_work(house: Installation) -> tuple[str, int]:
    """The job that somebody works on just now, and the process that does."""
    seen: list[tuple[str, str]] = []
    wait_until(lambda: seen or seen.extend(house.rows(RUNNING)) or seen, 300, "a worker to be at work")
    job, worker = seen[0]
    return str(job), int(worker.rpartition(":")[2])


def freeze_at_work(house: Installation, *, anywhere: bool = False) -> tuple[str, int]:
    """Stop a worker in the middle of a job, outside a transaction: inside one it would hold its rows locked."""
    while True:
        job, process = worker_at_work(house)
        os.killpg(process, signal.SIGSTOP)
        mine = (job, f"%:{process}")
        apart = anywhere or not house.one(IN_TRANSACTION)
        if apart and house.rows(f"{RUNNING} AND id = %s AND worker LIKE %s", *mine):
            return job, process
        os.killpg(process, signal.SIGCONT)


def ask_at(port: int, email: str) -> tuple[int, float]:
    """Ask for erasure at the door for machines; the status of the answer and the seconds it took."""
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    body = json.dumps({"email": email, "name": "", "language": "en"})
    connection.request("POST", "/api/v1/requests/", body, {"Content-Type": "application/json"})
    status = connection.getresponse().status
    connection.close()
    return status, time.monotonic() - began


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


def test_a_killed_worker_and_an_emptied_broker_lose_no_job(founded: Installation, redis: str) -> None:
    founded.act("ask", CASES)
    for name in ("first", "second"):
        founded.worker(name)
    founded.scheduler()
    job, process = freeze_at_work(founded, anywhere=True)  # it cannot end its job while it is being killed
    os.killpg(process, signal.SIGKILL)
    with redis_client.Redis.from_url(redis) as broker:
        broker.flushdb()
    founded.worker("third")
    wait_until(lambda: all_planned(founded, CASES), 300, "every case to be planned")
    assert founded.one("SELECT fence FROM jobs_job WHERE id = %s", job) >= 2, "nobody took the killed worker's job over"
    assert_nothing_lost_or_twice(founded, CASES)


@pytest.mark.slow
def test_a_frozen_worker_that_wakes_up_late_writes_nothing(founded: Installation) -> None:
    founded.act("ask", CASES)
    founded.worker("sleeper")
    founded.scheduler()
    job, process = freeze_at_work(founded)
    founded.worker("heir")
    wait_until(lambda: all_planned(founded, CASES), 300, "every case to be planned")
    os.killpg(process, signal.SIGCONT)
    said = founded.var / "log" / "sleeper.log"
    wait_until(lambda: f"{job}: lease lost" in said.read_text(), 120, "the sleeper to notice that its lease is gone")
    assert_nothing_lost_or_twice(founded, CASES)


@pytest.mark.slow
def test_a_request_is_acknowledged_while_the_broker_is_away_and_done_when_it_is_back(
    founded: Installation, gate: Gate
) -> None:
    house, port = founded.with_broker(gate.address), free_port()
    house.start("web", [*GUNICORN, "--bind", f"127.0.0.1:{port}"])
    house.worker()
    house.scheduler()
    wait_until(lambda: answers(port), 300, "the web process")
    house.act("ask", 1)
    wait_until(lambda: all_planned(house, 1), 300, "the case that came before the broker went away")
    wait_until(lambda: not house.one(UNSENT), 120, "its letters")
    gate.shut()
    status, seconds = ask_at(port, "person0@example.org")
    assert status == 202
    assert seconds < 10
    house.act("ask", 1)
    assert house.one(UNSENT) > 0
    assert house.rows("SELECT work FROM jobs_job WHERE status = 'queued'") == [("TRACE",)]
    gate.open()
    wait_until(lambda: all_planned(house, 2), 300, "the accepted case to be planned")
    wait_until(lambda: not house.one(UNSENT), 120, "the letters")
    assert_nothing_lost_or_twice(house, 2)
