"""One search over the same rows by 1, 2 and 4 Celery workers, on PostgreSQL and Redis, beside what this machine can do.

::

    python benchmarks/scale_out.py [--quick] [--megabytes N] [--json FILE]

A company with N megabytes of messages (``--quick``: 24, else 96) is registered, and for each number of workers a case
is accepted while its workers wait. What is timed is the case's trace, from the moment it is claimed to the moment it is
written down: everything, not the divided part alone. Beside it the physical limit: the same arithmetic of Python (JSON
lines read and a hash taken of each), once in one process and once in as many as there are workers, in the same run.

Goals: two workers reach 80 % of what two processes of plain arithmetic gain here; four lose nothing against two; every
case finds the same rows. The servers are started by this command (Debian's packages, or OUBLI_TEST_POSTGRES and
OUBLI_TEST_REDIS).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "compliance.settings")

import psycopg  # noqa: E402
import redis as redis_client  # noqa: E402
from celery import Celery  # noqa: E402

from tests.services import company, servers  # noqa: E402
from tests.services.installation import Installation, database_named  # noqa: E402

WORKERS = (1, 2, 4)
SHARE = 0.8  # of the gain that plain arithmetic has from a second process
PEOPLE = 3_000
TRACE = "SELECT status, finished_at FROM jobs_job WHERE work = 'TRACE' AND case_id = %s"


def main() -> int:
    """Run, print figures beside goals, and say by the exit code whether all were met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="24 MB, one case for each number of workers")
    parser.add_argument("--megabytes", type=int, default=0)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # servers and workers are ended whatever ends this command
    megabytes = given.megabytes or (24 if given.quick else 96)
    with installed(megabytes) as house:
        found = {count: timed(house, count, cases=1 if given.quick else 3) for count in WORKERS}
        limits = {count: arithmetic(house.var.parent / "harbour" / "messages.jsonl", count) for count in WORKERS}
    figures = said(found, limits, megabytes)
    if given.json:
        given.json.write_text(json.dumps(figures, indent=2))
    short = [name for name, figure in figures.items() if not figure["met"]]
    missed = f"; short: {', '.join(short)}" if short else ""
    print(f"scale_out: {len(figures) - len(short)} of {len(figures)} goals met{missed}")
    return 1 if short else 0


@contextmanager
def installed(megabytes: int) -> Iterator[Installation]:
    """Servers, a migrated database, and a registered company with so many megabytes of messages."""
    with (
        tempfile.TemporaryDirectory() as folder,
        servers.first_that_starts(servers.POSTGRESQL, remedy="Install postgresql.") as postgresql,
        servers.first_that_starts(servers.REDIS, remedy="Install redis-server.") as redis,
        psycopg.connect(postgresql, autocommit=True) as server,
    ):
        name = f"oubli_scale_{os.getpid()}"
        server.execute(f"CREATE DATABASE {name}".encode())
        limits = {"OUBLI_SHARD_MEGABYTES": "3", "OUBLI_LEASE_SECONDS": "30"}
        house = Installation(Path(folder) / "var", database_named(postgresql, name), redis, limits)
        try:
            done = house.manage("migrate", "--verbosity", "0")
            if done.returncode:
                raise SystemExit(f"The database could not be made: {done.stderr[-300:]}")
            house.act("found", _company(Path(folder) / "harbour", megabytes * 1_000_000))
            yield house
        finally:
            house.end()
            server.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def _company(folder: Path, size: int) -> Path:
    """Messages of 3,000 people, each of other words, and the systems.yaml that says where they are."""
    folder.mkdir()
    drawn = random.Random(11)
    words = ["".join(drawn.choices("aeioubdfgklmnprst", k=drawn.randint(3, 9))) for _ in range(4_000)]
    with (folder / "messages.jsonl").open("w") as out:
        number = 0
        while out.tell() < size:
            row = {"id": f"M-{number}", "email": f"person{number % PEOPLE}@example.org"}
            out.write(json.dumps({**row, "body": " ".join(drawn.choices(words, k=60))}) + "\n")
            number += 1
    path = folder / "systems.yaml"
    path.write_text(company.SYSTEMS)
    return path


def timed(house: Installation, workers: int, *, cases: int) -> dict[str, Any]:
    """Seconds of each case's trace, the rows found, and how many workers read parts."""
    references = house.act("ask", cases + 1)
    ids = [house.one("SELECT id FROM intake_erasurerequest WHERE reference = %s", each) for each in references]
    _due(house, ids, days=1)
    running = [house.worker(f"worker-{workers}-{number}") for number in range(workers)]
    _settled(house, workers)
    seconds, rows, readers = [], [], set[str]()
    for number, case in enumerate(ids):  # the first is for the workers to have loaded what they need
        _due(house, [case], days=0)
        _wake(house, workers)
        took, by = _watched(house, case)
        if number:
            seconds.append(took)
        readers |= by
        rows.append(house.one("SELECT count(*) FROM provenance_trace WHERE request_id = %s", case))
        servers.wait_until(partial(_planned, house, case), 120, "the plan")
    for process in running:
        process.terminate()
        process.wait(timeout=60)
        house.running.remove(process)
    print(f"{workers} workers: {', '.join(f'{took:.2f}' for took in seconds)} s a trace", flush=True)
    return {"seconds": seconds, "rows": rows, "readers": len(readers)}


def _due(house: Installation, ids: list[Any], *, days: int) -> None:
    statement = "UPDATE jobs_job SET due_at = now() + make_interval(days => %s) WHERE case_id = %s"
    with psycopg.connect(house.database, autocommit=True) as connection:
        for case in ids:
            connection.execute(statement.encode(), (days, case))


def _wake(house: Installation, workers: int) -> None:
    """Tell every worker to look at the rows."""
    with Celery(broker=house.broker) as sender:
        for _ in range(workers):
            sender.send_task("oubli.look")


def _settled(house: Installation, workers: int) -> None:
    """Wait until every worker has started and has nothing to do."""
    logs = [house.var / "log" / f"worker-{workers}-{number}.log" for number in range(workers)]
    _wake(house, workers)
    servers.wait_until(lambda: all(log.exists() for log in logs), 60, "the workers")
    with redis_client.Redis.from_url(house.broker) as broker:
        servers.wait_until(lambda: not broker.llen("celery"), 120, "the workers to take their messages")
    time.sleep(6)


def _watched(house: Installation, case: Any) -> tuple[float, set[str]]:
    """Wait for a trace; its seconds from the first claim, and the workers seen at it."""
    readers: set[str] = set()
    began: float | None = None
    with psycopg.connect(house.database, autocommit=True) as connection:
        while True:
            [(status, _)] = connection.execute(TRACE.encode(), (case,)).fetchall()
            if began is None and status != "queued":
                began = time.monotonic()
            if status in ("done", "failed"):
                break
            read_by = "SELECT DISTINCT worker FROM provenance_scanshard WHERE worker <> ''"
            readers |= {worker for (worker,) in connection.execute(read_by.encode()).fetchall()}
            time.sleep(0.02)
    if status == "failed":
        raise SystemExit("A trace failed: see the workers' log.")
    return time.monotonic() - (began or time.monotonic()), readers


def _planned(house: Installation, case: Any) -> bool:
    return bool(house.one("SELECT state FROM intake_erasurerequest WHERE id = %s", case) == "PLANNED")


def arithmetic(file: Path, processes: int) -> float:
    """Seconds in which so many processes together read, parse and hash the file's lines, best of two."""
    size = file.stat().st_size
    windows = [(file, size * n // processes, size * (n + 1) // processes) for n in range(processes)]
    with ProcessPoolExecutor(processes) as pool:
        list(pool.map(_parse, [(file, 0, 1000)] * processes))
        return min(_timed(pool, windows) for _ in range(2))


def _timed(pool: ProcessPoolExecutor, windows: list[tuple[Path, int, int]]) -> float:
    began = time.monotonic()
    list(pool.map(_parse, windows))
    return time.monotonic() - began


def _parse(window: tuple[Path, int, int]) -> int:
    file, start, stop = window
    lines = 0
    with file.open("rb") as stream:
        stream.seek(start)
        if start:
            stream.readline()
        while stream.tell() < stop and (line := stream.readline()):
            lines += bool(json.loads(line)) and bool(hashlib.sha256(line).digest())
    return lines


def said(found: dict[int, dict[str, Any]], limits: dict[int, float], megabytes: int) -> dict[str, Any]:
    """Print the table; the figures beside their goals."""
    medians = {count: statistics.median(result["seconds"]) for count, result in found.items()}
    print(f"{megabytes} MB of JSON lines, PostgreSQL and Redis, {os.cpu_count()} cores here")
    print("workers  trace (median s)  times faster  plain arithmetic  workers that read parts")
    for count, median in medians.items():
        gain, limit = medians[1] / median, limits[1] / limits[count]
        print(f"{count:7}  {median:16.2f}  {gain:12.2f}  {limit:16.2f}  {found[count]['readers']:6}")
    gain, limit = medians[1] / medians[2], limits[1] / limits[2]
    same = {rows for result in found.values() for rows in result["rows"]}
    return {
        "two workers": {"value": gain, "limit": limit, "goal": SHARE * limit, "met": gain >= SHARE * limit},
        "four lose nothing": {"value": medians[2] / medians[4], "goal": 0.9, "met": medians[2] / medians[4] >= 0.9},
        "the same rows found": {"value": sorted(same), "goal": "one number", "met": len(same) == 1},
        "parts went to every worker": {
            "value": {count: result["readers"] for count, result in found.items()},
            "goal": "all",
            "met": all(result["readers"] >= count for count, result in found.items()),
        },
    }


if __name__ == "__main__":
    raise SystemExit(main())
