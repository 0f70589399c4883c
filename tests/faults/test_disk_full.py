"""A full disk stops a case at its step; what was done stays done, and with room again the case goes on by itself."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection
from django.utils import timezone

from compliance.jobs.models import Job
from compliance.rules.terms import JobStatus, State, Work
from compliance.worker import tasks
from tests.worker.small_company import House


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """What the kernel answers on a full disk, for every write of this process beyond ``size`` bytes of a file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def no_room_in_the_database() -> Iterator[None]:
    """SQLite's own limit: the next page that is needed is refused as a full disk would."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")
        pages = cursor.execute("PRAGMA page_count").fetchone()[0]
        cursor.execute(f"PRAGMA max_page_count = {pages}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA max_page_count = 1073741823")


def test_a_rewrite_without_room_leaves_the_old_file_and_goes_on_later(records: House) -> None:
    records.planned()
    records.approve()
    path = records.folder / "raw/tickets.jsonl"
    before = path.read_bytes()
    with no_file_larger_than(60_000):
        records.work()
    job = records.job(Work.MITIGATE)
    assert (job.status, job.error_class, job.permanent) == (JobStatus.QUEUED, "NoSpace", False)
    assert "tickets.jsonl" in job.error_message
    assert "disk space" in job.next_action
    assert path.read_bytes() == before
    assert not [left.name for left in path.parent.iterdir() if left != path]
    assert [step.status for step in records.steps(action="erase_records", artifact__slug="tickets")] == ["failed"]
    assert not records.steps(action="erase_records", artifact__slug="training-set", status="done")
    done = {step.pk for step in records.steps(status="done")}
    assert done
    records.work()
    assert records.state() is State.VALIDATED, records.stopped()
    assert done <= {step.pk for step in records.steps(status="done")}
    assert path.read_bytes() != before


def test_a_source_database_without_room_is_rolled_back(records: House) -> None:
    records.planned()
    records.approve()
    path = records.folder / "cache/answers.sqlite"
    before = _answers(path)
    with no_file_larger_than(4096):
        records.work()
    job = records.job(Work.MITIGATE)
    assert (job.status, job.permanent) == (JobStatus.QUEUED, False)
    assert "Answer cache" in job.error_message
    assert [step.status for step in records.steps(action="purge_cache")] == ["failed"]
    assert _answers(path) == before
    records.work()
    assert records.state() is State.VALIDATED, records.stopped()
    assert _answers(path) < before


def _answers(path: Path) -> int:
    with sqlite3.connect(path) as cache:
        return int(cache.execute("SELECT count(*) FROM answers").fetchone()[0])


def test_with_our_own_database_full_nothing_is_called_done_and_the_job_is_taken_again(records: House) -> None:
    records.planned()
    records.approve()
    with no_room_in_the_database():
        assert tasks.perform(_claimed()) is False
    assert records.state() is State.APPROVED
    assert records.job(Work.MITIGATE).status in (JobStatus.QUEUED, JobStatus.RUNNING)
    Job.objects.filter(status=JobStatus.RUNNING).update(lease_until=timezone.now())
    records.work()
    assert records.state() is State.VALIDATED, records.stopped()


def _claimed() -> Job:
    from compliance.jobs import services as jobs

    job = jobs.claim("test")
    assert job is not None
    return job
