"""One search read by several workers at once; a worker that is killed costs the part it was reading."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.services import company
from tests.services.installation import Installation
from tests.services.servers import wait_until

pytestmark = [pytest.mark.services, pytest.mark.enable_socket, pytest.mark.slow]
ROWS, PARTS = 60_000, 15
AT_WORK = "SELECT case_id::text, worker FROM jobs_job WHERE status = 'running' AND work = 'SCAN'"
SEEN = "SELECT case_id::text, fence, status FROM jobs_job WHERE work = 'SCAN'"
READ_BY = "SELECT id::text, worker FROM provenance_scanshard WHERE found IS NOT NULL"
STATE = "SELECT state FROM intake_erasurerequest"
PER_CASE = "SELECT count(*) FROM provenance_trace"


@pytest.fixture
def accepted(house: Installation, tmp_path: Path) -> Installation:
    """A company whose messages are many parts, and a case whose trace is due; nobody works yet."""
    house.settings.update(OUBLI_SHARD_MEGABYTES="2", OUBLI_LEASE_SECONDS="6")
    house.act("found", company.write(tmp_path / "harbour", rows=ROWS))
    house.act("ask", 1)
    return house


def leader(house: Installation) -> int:
    [(worker,)] = house.rows("SELECT worker FROM jobs_job WHERE work = 'TRACE'")
    return int(str(worker).rpartition(":")[2])


def other_at_work(house: Installation) -> tuple[str, int] | None:
    """A part that somebody else than the leader is reading, and the process that does."""
    rows = [(part, int(worker.rpartition(":")[2])) for part, worker in house.rows(AT_WORK)]
    return next(((part, process) for part, process in rows if process != leader(house)), None)


def frozen_at_a_part(house: Installation) -> tuple[str, int]:
    """Stop the other worker where it reads a part: it cannot go on to the next one before it is killed."""
    frozen: list[tuple[str, int]] = []

    def freeze() -> bool:
        taken = other_at_work(house)
        if taken is None:
            return False
        os.killpg(taken[1], signal.SIGSTOP)
        if other_at_work(house) == taken:
            frozen.append(taken)
        else:
            os.killpg(taken[1], signal.SIGCONT)
        return bool(frozen)

    wait_until(freeze, 300, "the second worker to read a part")
    return frozen[0]


def test_two_workers_read_one_search_and_a_killed_one_costs_only_its_part(accepted: Installation) -> None:
    accepted.worker("first")
    wait_until(lambda: accepted.rows(AT_WORK), 300, "the search to be divided")
    accepted.worker("second")
    part, process = frozen_at_a_part(accepted)
    os.killpg(process, signal.SIGKILL)
    fences: dict[str, int] = {}
    readers: dict[str, str] = {}
    deadline = time.monotonic() + 300
    while accepted.rows(STATE) != [("PLANNED",)] and time.monotonic() < deadline:
        fences |= {one: fence for one, fence, _ in accepted.rows(SEEN)}
        readers |= dict(accepted.rows(READ_BY))
        time.sleep(0.02)
    assert accepted.rows(STATE) == [("PLANNED",)]
    again = {part for part, fence in fences.items() if fence > 1}
    assert again <= {part}, "a part was read again that nobody was killed in"
    assert fences[part] == 2 or readers.get(part, "").endswith(f":{process}"), "it had just ended"
    assert len(fences) >= PARTS
    assert accepted.rows(PER_CASE) == [(ROWS // company.PEOPLE,)]
    assert accepted.rows("SELECT count(*) FROM provenance_scanshard") == [(0,)]
    assert accepted.rows("SELECT count(*), max(fence) FROM jobs_job WHERE work = 'TRACE'") == [(1, 1)]


def test_a_killed_leader_is_followed_by_one_who_keeps_the_finished_parts(accepted: Installation) -> None:
    accepted.worker("first")
    wait_until(lambda: len(accepted.rows(READ_BY)) >= 2, 300, "two parts to be read")  # noqa: PLR2004
    os.killpg(leader(accepted), signal.SIGKILL)
    kept = dict(accepted.rows(READ_BY))
    accepted.worker("heir")
    accepted.scheduler()
    seen: dict[str, str] = {}
    deadline = time.monotonic() + 300
    while accepted.rows(STATE) != [("PLANNED",)] and time.monotonic() < deadline:
        seen |= dict(accepted.rows(READ_BY))
        time.sleep(0.02)
    assert accepted.rows(STATE) == [("PLANNED",)]
    assert {part: seen[part] for part in kept} == kept, "a finished part was read again"
    assert len(set(seen.values())) > 1
    assert accepted.rows(PER_CASE) == [(ROWS // company.PEOPLE,)]
