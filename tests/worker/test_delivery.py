"""Messages may be lost, forged or come twice, and workers may be frozen: the rows decide."""

from __future__ import annotations

import json
import shutil
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.utils import timezone

from compliance.celery import app
from compliance.intake import services as intake
from compliance.intake.models import Notice
from compliance.jobs import services as jobs
from compliance.jobs.broker import Channel, Transport
from compliance.jobs.models import Job
from compliance.rules.errors import LeaseLost
from compliance.rules.terms import JobStatus, State, Work
from compliance.worker import post, tasks
from tests.services.servers import wait_until
from tests.worker.small_company import House


@pytest.fixture
def accepted(records: House) -> House:
    """A case whose trace is due."""
    records.register()
    records.begin()
    records.accept()
    return records


def expire(job: Job) -> None:
    """The worker that holds the job has been silent for too long."""
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def claimed(worker: str) -> Job:
    """A job that this worker has claimed."""
    job = jobs.claim(worker)
    assert job is not None
    return job


def test_a_second_delivery_of_the_same_message_does_nothing(accepted: House) -> None:
    assert tasks.look() == 2
    rows = list(Job.objects.values())
    assert tasks.look() == 0
    assert list(Job.objects.values()) == rows


def test_of_two_workers_one_claims(accepted: House) -> None:
    assert claimed("one").worker == "one"
    assert jobs.claim("two") is None


def test_a_worker_whose_job_was_taken_over_cannot_commit(accepted: House) -> None:
    frozen = claimed("frozen")
    expire(frozen)
    taken = claimed("awake")
    assert taken.fence == frozen.fence + 1
    assert tasks.perform(frozen) is False
    assert accepted.state() is State.ACCEPTED
    with pytest.raises(LeaseLost), jobs.fenced(frozen):
        intake.move(accepted.case, to=State.TRACED, by="frozen")
    assert accepted.state() is State.ACCEPTED
    assert tasks.perform(taken) is True
    assert accepted.state() is State.TRACED


def test_a_frozen_worker_cannot_record_its_failure_over_the_new_ones_work(accepted: House) -> None:
    frozen = claimed("frozen")
    expire(frozen)
    taken = claimed("awake")
    with pytest.raises(LeaseLost):
        jobs.fail(frozen, RuntimeError("late"))
    taken.refresh_from_db()
    assert (taken.status, taken.worker, taken.error_class) == (JobStatus.RUNNING, "awake", "")


def test_the_heartbeat_renews_the_lease_while_the_handler_works(accepted: House, settings: Any) -> None:
    settings.OUBLI_LEASE_SECONDS = 1
    job = claimed("steady")
    assert job.lease_until is not None
    with jobs.Heartbeat(job):
        wait_until(lambda: Job.objects.filter(pk=job.pk, lease_until__gt=job.lease_until).exists(), 60, "a heartbeat")
        settings.OUBLI_LEASE_SECONDS = 600  # from the next beat on, so that no machine is too slow to look
        far = timezone.now() + timedelta(seconds=300)
        wait_until(lambda: Job.objects.filter(pk=job.pk, lease_until__gt=far).exists(), 60, "the next heartbeat")
        assert jobs.claim("greedy") is None
    assert "heartbeat" not in {thread.name for thread in threading.enumerate()}
    expire(job)
    assert claimed("next").fence == job.fence + 1


def test_a_heartbeat_tells_that_the_job_was_passed_on(accepted: House, settings: Any) -> None:
    settings.OUBLI_LEASE_SECONDS = 1
    job = claimed("slow")
    with jobs.Heartbeat(job) as progress:
        Job.objects.filter(pk=job.pk).update(fence=job.fence + 1)
        wait_until(lambda: progress.lost, 60, "the next heartbeat")
        with pytest.raises(LeaseLost):
            progress(0.5, "still here")


def test_a_forged_message_wakes_nothing_that_is_not_due(accepted: House) -> None:
    Job.objects.update(due_at=timezone.now() + timedelta(days=1))
    for forged in ((), (str(Job.objects.get().pk),), ({"case": "any", "to": "CLOSED"},)):
        app.tasks["oubli.look"].apply(args=forged)
    assert accepted.state() is State.ACCEPTED
    assert Job.objects.get().status == JobStatus.QUEUED


def test_with_the_broker_down_a_request_is_still_received_and_done_at_the_next_tick(records: House) -> None:
    messages = Path(django_settings.BASE_DIR, app.conf.broker_transport_options["data_folder_out"])
    shutil.rmtree(messages)
    messages.write_text("a file stands where the broker's folder was", encoding="utf-8")
    try:
        records.register()
        records.begin()
        records.accept()
        assert records.state() is State.ACCEPTED
        assert records.job(Work.TRACE).status == JobStatus.QUEUED
    finally:
        messages.unlink()
        messages.mkdir()
    tasks.tick()
    assert records.state() is State.PLANNED


def test_a_damaged_message_is_skipped_and_the_next_one_is_read(tmp_path: Path) -> None:
    options = {"data_folder_in": str(tmp_path), "data_folder_out": str(tmp_path), "control_folder": str(tmp_path / "c")}
    with app.connection_for_read(transport=Transport, transport_options=options) as connection:
        channel = connection.channel()
        assert isinstance(channel, Channel)
        (tmp_path / "00000000_torn.post.msg").write_text('{"body": ')
        channel._put("post", {"body": "whole"})
        assert channel._get("post") == {"body": "whole"}
        assert not list(tmp_path.glob("*post.msg*"))
        channel._put("post", {"body": 1})
        written = next(tmp_path.glob("*.post.msg"))
        assert json.loads(written.read_text()) == {"body": 1}


def test_a_handler_is_not_called_for_a_case_that_moved_on(accepted: House) -> None:
    job = claimed("late")
    intake.move(accepted.case, to=State.TRACED, by=intake.SYSTEM)
    assert tasks.perform(job) is True
    assert accepted.state() is State.TRACED
    assert Job.objects.get(pk=job.pk).status == JobStatus.DONE


def test_a_letter_delivered_but_not_noted_goes_again_under_the_same_message_id(
    records: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    records.register()
    records.begin()
    records.accept()
    real = EmailMultiAlternatives.send

    def sent_then_cut_off(message: EmailMultiAlternatives) -> int:
        real(message)
        raise ConnectionResetError

    owed = Notice.objects.get(request=records.case, kind="accepted")
    with monkeypatch.context() as patch:
        patch.setattr(EmailMultiAlternatives, "send", sent_then_cut_off)
        assert post.send(owed) == 0
    owed.refresh_from_db()
    assert (owed.sent_at, owed.tries) == (None, 1)
    assert post.send(owed) == 1
    assert post.send(owed) == 0
    first, second = (letter.extra_headers["Message-ID"] for letter in mail.outbox[-2:])
    assert first == second
    assert first != mail.outbox[0].extra_headers["Message-ID"]
    assert records.case.reference not in first
