"""A step that is killed between its effect and its receipt is finished by the next run, and counted once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from compliance.jobs import services as jobs
from compliance.jobs.models import Job
from compliance.mitigation import rewriting
from compliance.mitigation.actions import promote_model, replay_model
from compliance.mitigation.models import Step
from compliance.mitigation.tasks import Task
from compliance.rules.terms import JobStatus, State
from compliance.worker import tasks
from tests.worker.small_company import RECORDS_ONLY, House


def _claimed() -> Job:
    job = jobs.claim("test")
    assert job is not None
    return job


class Killed(BaseException):
    """Stands for a kill: nothing that handles errors sees it."""


@pytest.mark.parametrize("moment", ["keep_undo", "merged"])
@pytest.mark.parametrize(("action", "artifact"), [("erase_records", "tickets"), ("purge_log", "conversations")])
def test_a_step_killed_after_its_effect_still_counts_what_it_did(
    records: House, monkeypatch: pytest.MonkeyPatch, moment: str, action: str, artifact: str
) -> None:
    records.planned()
    records.approve()
    real = getattr(rewriting, moment)

    def kills(task: Task, *others: Any) -> Any:
        if (task.step.action, task.artifact.slug) == (action, artifact):
            raise Killed
        return real(task, *others)

    with monkeypatch.context() as patch:
        patch.setattr(rewriting, moment, kills)
        with pytest.raises(Killed):
            tasks.perform(_claimed())
    (halfway,) = records.steps(status="running")
    assert (halfway.action, halfway.receipt) == (action, None)
    assert f'"{records.person.customer_id}"' not in _file_of(halfway).read_text()  # the effect is there
    Job.objects.filter(status=JobStatus.RUNNING).update(lease_until=timezone.now())
    records.work()
    assert records.state() is State.VALIDATED, records.stopped()
    receipt = records.steps(pk=halfway.pk)[0].receipt or {}
    assert receipt["removed"] + receipt["redacted"] == halfway.count > 0
    assert receipt["records_before"] == receipt["records_after"] + receipt["removed"]
    assert receipt["digest_before"] != receipt["digest_after"]
    assert {left.suffix for left in settings.OUBLI_UNDO.iterdir()} == {".enc"}


def _file_of(step: Step) -> Path:
    assert step.artifact is not None
    return Path(step.artifact.location)


@pytest.mark.parametrize(("module", "name"), [(replay_model, "_receipt"), (promote_model, "_sync")])
def test_a_model_made_or_moved_but_not_committed_is_made_or_found_again(
    house: House, monkeypatch: pytest.MonkeyPatch, module: Any, name: str
) -> None:
    house.keep_only((*RECORDS_ONLY, "held-out", "assistant"))
    house.planned()
    house.approve()

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(module, name, killed)
        with pytest.raises(Killed):
            tasks.perform(_claimed())
    (halfway,) = house.steps(status="running")
    assert module.__name__.endswith(halfway.action)
    Job.objects.filter(status=JobStatus.RUNNING).update(lease_until=timezone.now())
    assert tasks.perform(_claimed()) is True
    assert house.state() is State.MITIGATED
    made, promoted = (house.steps(action=action)[0].receipt or {} for action in ("replay_model", "promote_model"))
    assert promoted["serving"] == made["weights"] != promoted["superseded"]
    folders = {path.name for path in house.folder.iterdir() if path.name.lstrip(".").startswith("model")}
    assert folders == {"model", promoted["superseded_folder"]}
