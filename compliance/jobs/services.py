"""Claim, hold, finish or fail a job.

1. A job is inserted in the transaction that makes it due.
2. A worker claims the oldest due job by one conditional update; the fence rises by one.
3. Progress and a heartbeat renew the lease, but only under the fence that was claimed.
4. Whatever a handler commits is committed in a transaction whose first statement checks the fence.
5. A failure is data: it is tried again after a growing pause, five times, then it is a person's turn.
6. Nobody needs the message that said "look": every tick claims whatever is due.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from types import TracebackType

from celery import current_app
from django.conf import settings
from django.db import close_old_connections, connection, transaction
from django.db.models import F
from django.utils import timezone

from compliance.jobs.failures import in_words
from compliance.jobs.models import Job
from compliance.rules.errors import LeaseLost
from compliance.rules.terms import JobStatus, Work

MOST_CLAIMS = 500  # a job taken over this often is not unlucky


def enqueue(case_id: uuid.UUID, work: Work, *, due_at: datetime | None = None) -> Job:
    """Insert the job unless a live one exists for this case and work; call inside the caller's transaction."""
    due = due_at or timezone.now()
    live = Job.objects.live().filter(case_id=case_id, work=work).first()
    if live:
        if live.status == JobStatus.QUEUED and due < live.due_at:
            Job.objects.filter(pk=live.pk).update(due_at=due)
        return live
    wake()
    return Job.objects.create(case_id=case_id, work=work, due_at=due)


def claim(worker: str, *, now: datetime | None = None, among: Collection[uuid.UUID] | None = None) -> Job | None:
    """Claim the oldest due job (of the cases ``among``), or return None; of two workers exactly one wins."""
    now = now or timezone.now()
    due = Job.objects.due(now) if among is None else Job.objects.due(now).filter(case_id__in=among)
    for candidate in due[:5]:
        if candidate.fence >= MOST_CLAIMS and candidate.status == JobStatus.RUNNING:
            _give_up(candidate)
            continue
        won = Job.objects.filter(pk=candidate.pk, fence=candidate.fence, status=candidate.status).update(
            status=JobStatus.RUNNING,
            fence=F("fence") + 1,
            lease_until=now + timedelta(seconds=settings.OUBLI_LEASE_SECONDS),
            worker=worker,
            error_class="",
            error_message="",
            next_action="",
        )
        if won:
            return Job.objects.get(pk=candidate.pk)
    return None


def _give_up(job: Job) -> None:
    """A work that has ended its worker again and again (out of memory, say) is a person's turn."""
    Job.objects.filter(pk=job.pk, fence=job.fence, status=JobStatus.RUNNING).update(
        status=JobStatus.FAILED,
        permanent=True,
        finished_at=timezone.now(),
        error_class="WorkerDied",
        error_message=f"The worker died {job.fence} times in this work.",
        next_action="Look at the memory of the worker's machine and at its log, then try again.",
    )


def renew(job: Job, **fields: object) -> None:
    """Renew the lease, and write ``fields``, only while ``job`` holds the fence; LeaseLost otherwise."""
    until = timezone.now() + timedelta(seconds=settings.OUBLI_LEASE_SECONDS)
    held = Job.objects.filter(pk=job.pk, fence=job.fence, status=JobStatus.RUNNING)
    if not held.update(lease_until=until, **fields):
        raise LeaseLost("Another worker has taken this job over; this one stops without writing.")


@contextmanager
def fenced(job: Job) -> Iterator[None]:
    """A transaction whose first statement is the fence: nothing commits for a worker that lost its lease."""
    with transaction.atomic():
        renew(job)
        yield


def finish(job: Job) -> None:
    """Mark the job done; inside a fenced transaction."""
    renew(job, status=JobStatus.DONE, finished_at=timezone.now(), fraction=1.0)


def postpone(job: Job, due_at: datetime) -> None:
    """Put the job back until a later day, its attempts counted anew; inside a fenced transaction."""
    renew(job, status=JobStatus.QUEUED, due_at=due_at, attempts=0, fraction=0.0, message="")


def fail(job: Job, error: Exception) -> None:
    """Record the error as data; try again after a growing pause, or leave it to a person."""
    known = in_words(error)
    retryable = known.retryable if known else True
    # Failures are counted, not claims: a worker that was killed says nothing against the work.
    failures = job.attempts + 1
    again = retryable and failures < settings.OUBLI_JOB_ATTEMPTS
    pause = timedelta(seconds=min(600, 2 ** (2 * failures - 1)))
    renew(
        job,
        attempts=failures,
        status=JobStatus.QUEUED if again else JobStatus.FAILED,
        due_at=timezone.now() + pause,
        finished_at=None if again else timezone.now(),
        permanent=not retryable,
        error_class=type(known or error).__name__,
        # An unexpected exception may quote data: only its class is kept, its text never leaves the process.
        error_message=known.cause if known else "An unexpected error stopped this step.",
        next_action=(known.next_action if known else "")
        or "Read the worker's log for this time, mend the cause, then try again.",
    )


def retry(job: Job) -> Job:
    """Make a failed job due again, with its attempts counted anew."""
    with transaction.atomic():
        if Job.objects.live().filter(case_id=job.case_id, work=job.work).exists():
            return job
        Job.objects.filter(pk=job.pk, status=JobStatus.FAILED).update(
            status=JobStatus.QUEUED, due_at=timezone.now(), attempts=0, finished_at=None
        )
    return Job.objects.get(pk=job.pk)


def discard(case_ids: Collection[uuid.UUID], work: Work) -> None:
    """Remove the jobs of parts whose results were taken; a worker that still holds one writes nothing more."""
    Job.objects.filter(case_id__in=case_ids, work=work).delete()


def cancel_live(case_id: uuid.UUID, *, reason: str) -> int:
    """Take every queued job of a case off the queue (a withdrawn case has no work left)."""
    queued = Job.objects.filter(case_id=case_id, status=JobStatus.QUEUED)
    return queued.update(status=JobStatus.FAILED, permanent=True, error_message=reason, finished_at=timezone.now())


class Heartbeat:
    """Renews a job's lease from a thread while a handler works; ``lost`` tells that the fence was passed on."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.lost = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True, name="heartbeat")

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join(timeout=5)

    def _beat(self) -> None:
        pause = settings.OUBLI_LEASE_SECONDS / 4
        while not self._stop.wait(pause):
            try:
                renew(self.job)
            except LeaseLost:
                self.lost = True
                return
            except Exception:  # a locked or unreachable database: the next beat tries again
                close_old_connections()
        connection.close()

    def commit(self) -> AbstractContextManager[None]:
        """A transaction whose first statement is the fence."""
        return fenced(self.job)

    def __call__(self, fraction: float, message: str = "") -> None:
        """Write progress and renew the lease; LeaseLost stops the handler."""
        if self.lost:
            raise LeaseLost("Another worker has taken this job over; this one stops without writing.")
        renew(self.job, fraction=max(0.0, min(1.0, fraction)), message=message[:300])


def wake(name: str = "oubli.look") -> None:
    """After the commit, tell a worker to look at the rows; a lost message costs one tick, never a case."""

    def send() -> None:
        current_app.send_task(name, retry=False, expires=60)

    transaction.on_commit(send, robust=True)
