"""What a worker does with a message: look at the rows, claim the oldest due job, five beats, and again.

The five beats, written once: claim the job, call the handler, move the case, mark the job, commit.
A message carries no authority: a forged one can at most wake a job that was due.
"""

from __future__ import annotations

import logging
import os
import socket
import traceback
from pathlib import Path

from celery import shared_task
from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils import timezone

from compliance.audit import services as audit
from compliance.forgetting import services as forgetting
from compliance.intake import services as intake
from compliance.intake.models import ErasureRequest, Notice
from compliance.jobs import scratch
from compliance.jobs import services as jobs
from compliance.jobs.failures import in_words
from compliance.jobs.models import Job
from compliance.jobs.progress import Later
from compliance.rules.errors import LeaseLost
from compliance.rules.terms import Work
from compliance.worker import clockwork, delivering, handlers, oblivion, outgoing, post, schedule, telling

log = logging.getLogger("oubli.worker")


def name() -> str:
    """Which worker this is, for the job row."""
    return f"{socket.gethostname()}:{os.getpid()}"


@shared_task(name="oubli.look")
def look() -> int:
    """Do every job that is due, oldest first; returns how many were taken."""
    taken = 0
    while (job := jobs.claim(name())) is not None:
        perform(job)
        audit.sequence()
        post_letters()
        taken += 1
    return taken


@shared_task(name="oubli.post")
def post_letters() -> int:
    """Send the letters that are owed, print those for the post, and tell the machines of partners and recipients."""
    sent = sum(post.send(notice) for notice in Notice.objects.filter(sent_at=None, due_at__lte=timezone.now())[:50])
    delivering.print_due()
    outgoing.send_due()
    telling.tell_due()
    return sent


@shared_task(name="oubli.tick")
def tick() -> None:
    """Every few seconds: letters, lapsed requests, clocks and holds, the log's next head, and whatever is due."""
    post_letters()
    clockwork.look()
    schedule.lapse_unconfirmed()
    audit.sequence()
    forgetting.tidy()
    oblivion.look()
    look()


def perform(job: Job) -> bool:
    """The five beats on one claimed job; a failure becomes data on its row. Returns whether it was done."""
    try:
        scratch.begin()
        with jobs.Heartbeat(job) as progress:
            if Work(job.work) in handlers.STANDING:
                return _stand_alone(job, progress)
            request = ErasureRequest.objects.select_related("entity").get(pk=job.case_id)
            due = request.stage.work == Work(job.work)  # a case that moved on leaves nothing to do
            outcome = handlers.load(Work(job.work))(request, progress) if due else None
            with jobs.fenced(job):
                if isinstance(outcome, Later):
                    jobs.postpone(job, outcome.due_at)
                    return True
                # Done before the move: the next state may start the same work again.
                jobs.finish(job)
                if outcome is not None:
                    intake.move(request, to=outcome, by=intake.SYSTEM)
    except LeaseLost:
        log.warning("job %s: lease lost, stopped without writing", job.pk)
        return False
    except Exception as error:
        _failed(job, error)
        return False
    return True


def _stand_alone(job: Job, progress: jobs.Heartbeat) -> bool:
    """Work without a case: there is no state to move."""
    handlers.standing(Work(job.work))(job.case_id, progress)
    with jobs.fenced(job):
        jobs.finish(job)
    return True


def _failed(job: Job, error: Exception) -> None:
    known = in_words(error)
    # The text of an unknown error may quote data: the log gets its class and place only.
    log.warning("job %s %s failed: %s", job.pk, job.work, known or _place(error))
    try:
        with transaction.atomic():
            jobs.fail(job, error)
            if Work(job.work) in handlers.STANDING:
                return
            request = ErasureRequest.objects.select_related("entity").get(pk=job.case_id)
            audit.record(
                "job.failed",
                case=request.reference,
                entity=request.entity.slug,
                by=intake.SYSTEM,
                detail={"work": job.work, "error": type(known or error).__name__, "attempt": job.attempts + 1},
            )
    except LeaseLost:
        log.warning("job %s: lease lost while recording a failure", job.pk)
    except DatabaseError as full:
        # Not even the failure can be written: the lease runs out, and the job is claimed again when there is room.
        log.warning("job %s: the failure could not be recorded: %s", job.pk, in_words(full) or _place(full))


def _place(error: Exception) -> str:
    """Class and place of an error: where it was raised, and the last line of ours that led there."""
    frames = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    ours = [frame for frame in frames if Path(frame[0]).is_relative_to(settings.BASE_DIR / "compliance")]
    places = dict.fromkeys(f"{file.rsplit('/', 1)[-1]}:{line}" for file, line in (*frames[-1:], *ours[-1:]))
    return f"{type(error).__name__} at {', called from '.join(places) or '?'}"
