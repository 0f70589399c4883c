"""A whole case without index and model, the worker run inline: it climbs, and nothing is done twice."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from compliance.audit import services as audit
from compliance.evidence import facts, verify
from compliance.evidence import services as evidence
from compliance.intake.models import Notice
from compliance.provenance import services as provenance
from compliance.rules.terms import State, StepStatus, Work
from compliance.worker import tasks
from compliance.worker.sample.people import namesake
from retrieval.scan import scan_tree
from retrieval.text import byte_patterns
from tests.worker.small_company import House


def whole_case(house: House) -> None:
    """From the form to the letter."""
    house.planned()
    house.approve()
    house.work()
    assert house.state() is State.VALIDATED, house.stopped()
    house.sign_off()
    house.work()


def test_a_case_ends_answered_and_its_pack_verifies(records: House) -> None:
    whole_case(records)
    assert records.state() is State.ANSWERED
    report = evidence.latest(records.case)
    assert report is not None
    command = [sys.executable, verify.__file__, str(evidence.pack_path(report)), "--key", evidence.fingerprint()]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    assert audit.verify_all().holds
    assert not Notice.objects.filter(request=records.case, sent_at=None).exists()


def test_the_person_is_in_no_file_and_the_namesake_still_is(records: House) -> None:
    untouched = records.folder / "index", records.folder / "model"
    whole_case(records)
    person = records.person
    values = (("email", person.email), ("phone", person.phone), ("customer_id", person.customer_id))
    patterns = [pattern for kind, value in values for pattern in byte_patterns(kind, value, "DE")]
    left = {Path(name) for name in scan_tree(records.folder, patterns)}
    assert {path for path in left if records.folder / path.parts[0] not in untouched} == set()
    rows = [json.loads(line) for line in (records.folder / "raw/tickets.jsonl").read_text().splitlines()]
    assert namesake(small=True).customer_id in {row["customer_id"] for row in rows}
    _the_letter_places_no_namesake(records)


def _the_letter_places_no_namesake(house: House) -> None:
    """Whoever proves a mailbox alone must not learn from it where the records of somebody of that name are."""
    assert [count for _, text, count in provenance.declined(house.case) if not text]
    assert all("same text" in said for said in facts.declined(house.case, "en"))


def test_work_that_runs_again_after_it_was_done_changes_nothing(records: House) -> None:
    records.planned()
    records.approve()
    job = records.job(Work.MITIGATE)
    receipts = _receipts(records, job_twice=True)
    tickets = (records.folder / "raw/tickets.jsonl").read_bytes()
    assert receipts == _receipts(records, job_twice=True)
    assert (records.folder / "raw/tickets.jsonl").read_bytes() == tickets
    assert records.job(Work.MITIGATE).pk == job.pk


def _receipts(house: House, *, job_twice: bool) -> list[object]:
    from compliance.jobs.progress import Unattended
    from compliance.worker import handlers

    if job_twice:
        handlers.mitigate(house.case, Unattended())
    return [step.receipt for step in house.steps()]


def test_every_step_ends_done_or_openly_waiting(records: House) -> None:
    whole_case(records)
    for step in records.steps():
        done = step.status == StepStatus.DONE and step.receipt
        assert done or step.scheduled_for or (step.status == StepStatus.WAITING and step.receipt), step


def test_the_worker_says_how_many_jobs_it_took(records: House) -> None:
    records.register()
    records.begin()
    assert tasks.look() == 0
    records.accept()
    assert tasks.look() == 2
