"""A source or artifact that cannot be read stops the case there, in words; repaired and tried again, it goes on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import faiss
import numpy as np
import pytest
import yaml
from django.test import Client

from compliance.audit.models import Event
from compliance.provenance.models import Trace
from compliance.rules.terms import JobStatus, State, Work
from tests.worker.small_company import RECORDS_ONLY, House

Repair = Callable[[], object]


def moved_file(house: House) -> Repair:
    """Somebody moved the tickets."""
    path = house.folder / "raw/tickets.jsonl"
    away = path.rename(house.folder / "elsewhere.jsonl")
    return lambda: away.rename(path)


def silent_database(house: House) -> Repair:
    """Nothing listens where PostgreSQL should."""
    original = house.systems.read_text()
    content = yaml.safe_load(original)
    table = next(a for a in content["artifacts"] if a["id"] == "customers")
    table["location"] = "postgresql+psycopg://oubli:${CRM_PASSWORD}@127.0.0.1:1/crm"
    house.systems.write_text(yaml.safe_dump(content, allow_unicode=True))

    def repair() -> None:
        house.systems.write_text(original)
        house.register()

    return repair


def cut_short(path: Path) -> Repair:
    """The last third of a file is missing."""
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    return lambda: path.write_bytes(whole)


def truncated_parquet(house: House) -> Repair:
    """The training set was copied halfway."""
    return cut_short(house.folder / "derived/training.parquet")


def truncated_lines(house: House) -> Repair:
    """The conversation log ends inside a line."""
    return cut_short(house.folder / "logs/conversations.jsonl")


def damaged_database(house: House) -> Repair:
    """The first page of the customer table is noise."""
    path = house.folder / "crm/customers.sqlite"
    whole = path.read_bytes()
    path.write_bytes(b"\x00garbage" * 100 + whole[800:])
    return lambda: path.write_bytes(whole)


def _manifest(house: House) -> Path:
    folder = house.folder / "index"
    return folder / (folder / "CURRENT").read_text().strip() / "manifest.json"


def other_dimension(house: House) -> Repair:
    """Somebody put an index of another dimension in its place: the manifest says 384."""
    path = _manifest(house).with_name("index.faiss")
    assert json.loads(_manifest(house).read_text())["dimension"] == 384
    whole = path.read_bytes()
    other = faiss.IndexIDMap2(faiss.IndexFlatIP(128))
    other.add_with_ids(np.eye(128, dtype=np.float32), np.arange(128))
    faiss.write_index(other, str(path))
    return lambda: path.write_bytes(whole)


def truncated_index(house: House) -> Repair:
    """The vectors were copied halfway."""
    return cut_short(_manifest(house).with_name("index.faiss"))


def model_without_weights(house: House) -> Repair:
    """The model folder holds a configuration and nothing else of use."""
    path = house.folder / "model/model.safetensors"
    away = path.rename(house.folder / "weights.away")
    return lambda: away.rename(path)


def pickled_weights(house: House) -> Repair:
    """The weights lie there as a pickle, which is never opened."""
    repair = model_without_weights(house)
    shutil.copy(house.folder / "weights.away", house.folder / "model/pytorch_model.bin")

    def undo() -> None:
        (house.folder / "model/pytorch_model.bin").unlink()
        repair()

    return undo


RECORDS = [
    (moved_file, "SourceUnreachable", "Support tickets"),
    (silent_database, "SourceUnreachable", "Customer table"),
    (truncated_parquet, "DamagedArtifact", "training.parquet"),
    (truncated_lines, "DamagedArtifact", "conversations.jsonl"),
    (damaged_database, "DamagedArtifact", "Customer table"),
]
HEAVY = [
    (other_dimension, "DamagedArtifact", "Search index"),
    (truncated_index, "DamagedArtifact", "Search index"),
    (model_without_weights, "ModelUnreadable", "Language model"),
    (pickled_weights, "ModelUnreadable", "safetensors"),
]
ALL = [
    *((RECORDS_ONLY, *row) for row in RECORDS),
    *(((*RECORDS_ONLY, "held-out", "search", "assistant"), *row) for row in HEAVY),
]


@pytest.mark.parametrize(("artifacts", "broken", "error", "named"), ALL, ids=lambda v: getattr(v, "__name__", ""))
def test_a_case_stops_where_it_cannot_read_and_goes_on_once_it_can(
    house: House,
    monkeypatch: pytest.MonkeyPatch,
    artifacts: tuple[str, ...],
    broken: Callable[[House], Repair],
    error: str,
    named: str,
) -> None:
    monkeypatch.setenv("CRM_PASSWORD", "nobody listens anyway")
    house.keep_only(artifacts)
    repair = broken(house)
    house.register()
    house.begin()
    house.accept()
    house.exhaust()
    job = house.stopped()
    assert job is not None
    assert (job.work, job.error_class, house.state()) == (Work.TRACE, error, State.ACCEPTED)
    assert named in job.error_message
    assert job.next_action
    assert house.person.email not in job.error_message + job.next_action
    assert not Trace.objects.filter(request=house.case).exists()
    _shown_and_tried_again(house, job.error_message, job.next_action, repair)
    house.work()
    assert house.state() is State.PLANNED
    assert house.steps()


def _shown_and_tried_again(house: House, cause: str, action: str, repair: Repair) -> None:
    """The officer reads cause and next action, mends, and presses the button."""
    from django.utils.html import escape

    client = Client()
    client.force_login(house.users["olga.demo"])
    page = client.get(f"/officer/cases/{house.case.reference}/").content.decode()
    assert escape(cause) in page
    assert escape(action) in page
    repair()
    job = house.stopped()
    assert job is not None
    assert client.post(f"/officer/cases/{house.case.reference}/jobs/{job.pk}/retry/").status_code == 302
    assert house.job(Work.TRACE).status == JobStatus.QUEUED
    assert Event.objects.filter(case=house.case.reference, kind="job.retried").exists()


def test_what_may_pass_is_tried_again_by_itself_and_what_may_not_is_not(records: House) -> None:
    repair = moved_file(records)
    records.register()
    records.begin()
    records.accept()
    records.work()
    job = records.job(Work.TRACE)
    assert (job.status, job.permanent, job.attempts) == (JobStatus.QUEUED, False, 1)
    assert job.due_at > job.created_at
    repair()
    cut_short(records.folder / "derived/training.parquet")
    records.work()
    job = records.job(Work.TRACE)
    assert (job.status, job.permanent, job.attempts) == (JobStatus.FAILED, True, 2)


def test_a_source_lost_after_approval_stops_at_its_step_and_keeps_what_was_done(records: House) -> None:
    records.planned()
    records.approve()
    repair = moved_file(records)
    records.exhaust()
    job = records.stopped()
    assert job is not None
    assert (job.work, records.state()) == (Work.MITIGATE, State.APPROVED)
    failed = [step for step in records.steps() if step.status == "failed"]
    assert [(step.action, step.receipt) for step in failed] == [("erase_records", None)]
    assert failed[0].error == job.error_message
    done = {step.pk: step.receipt for step in records.steps(status="done")}
    assert done
    client = Client()
    client.force_login(records.users["olga.demo"])
    assert "Failed" in client.get(f"/officer/cases/{records.case.reference}/").content.decode()
    repair()
    client.post(f"/officer/cases/{records.case.reference}/jobs/{job.pk}/retry/")
    records.work()
    assert records.state() is State.VALIDATED, records.stopped()
    assert done == {s.pk: s.receipt for s in records.steps() if s.pk in done}
