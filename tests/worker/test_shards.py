"""A divided search writes down what an undivided one does, and leaves none of its parts behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from compliance.intake import vault
from compliance.jobs.models import Job
from compliance.jobs.progress import Unattended
from compliance.provenance import services as provenance
from compliance.provenance.models import ScanShard, SearchNote, Trace
from compliance.provenance.scanning import Question
from compliance.rules.errors import ProofFailed, SourceUnreachable
from compliance.rules.terms import Work
from compliance.worker import shards
from retrieval.types import Needle
from tests.worker.small_company import House


@pytest.fixture
def accepted(records: House, settings: Any) -> House:
    """A company with an accepted case, and parts so small that its files are cut."""
    settings.OUBLI_SHARD_MEGABYTES = 0.02
    records.register()
    records.begin()
    records.accept()
    return records


def written(house: House) -> tuple[list[Any], list[Any]]:
    rows = Trace.objects.filter(request=house.case).order_by("artifact__slug", "record_key")
    notes = SearchNote.objects.filter(request=house.case).order_by("artifact__slug")
    found = list(rows.values_list("artifact__slug", "record_key", "support", "owner", "candidate", "content_key"))
    return found, list(notes.values_list("artifact__slug", "searched", "records", "digest", "facts", "note"))


def test_a_divided_search_finds_what_an_undivided_one_finds(accepted: House) -> None:
    provenance.trace(accepted.case, Unattended())
    whole = written(accepted)
    assert whole[0]
    shared = shards.Shared(accepted.case)
    provenance.trace(accepted.case, Unattended(), scan=shared)
    parts = ScanShard.objects.filter(request=accepted.case)
    assert parts.count() > 12
    assert not parts.filter(found=None).exists()
    assert not any(accepted.person.email.encode() in bytes(part.order) for part in parts)
    assert written(accepted) == whole
    shared.tidy()
    assert not ScanShard.objects.exists()
    assert not Job.objects.filter(work=Work.SCAN).exists()


def test_the_worker_divides_and_tidies_and_a_part_left_over_does_nothing(accepted: House) -> None:
    accepted.work()
    assert accepted.state() == "PLANNED"
    assert Trace.objects.filter(request=accepted.case).exists()
    assert not ScanShard.objects.exists()
    assert not Job.objects.filter(work=Work.SCAN).exists()
    late = ScanShard.objects.create(
        request=accepted.case, artifact_id=SearchNote.objects.all()[0].artifact_id, stamp="x", order=b"?"
    )
    shards.run(late.pk, Unattended())  # the case has gone on: the order is not even opened
    late.refresh_from_db()
    assert late.found is None


def test_what_a_dead_leader_left_is_kept_and_only_the_rest_is_read(accepted: House) -> None:
    case = accepted.case
    artifacts = [note for note in provenance.artifacts_of(case.entity) if note.connector == "files"]
    question = Question([Needle(kind="email", value=accepted.person.email, key="n")], region="DE")
    first = shards.Shared(case)(artifacts, question, Unattended())
    rows = list(ScanShard.objects.order_by("id"))
    times = {row.pk: row.created_at for row in rows}
    ScanShard.objects.filter(pk=rows[0].pk).update(found=None)  # killed before this part was read
    Job.objects.filter(case_id=rows[0].pk).delete()
    again = shards.Shared(case)(artifacts, question, Unattended())
    assert {slug: answer.matches for slug, answer in again.items()} == {s: a.matches for s, a in first.items()}
    assert {row.pk: row.created_at for row in ScanShard.objects.all()} == times
    file = Path(next(a for a in artifacts if a.slug == "tickets").location)
    target = file if file.is_file() else next(iter(sorted(file.rglob("*.jsonl"))))
    target.write_bytes(target.read_bytes() + b"\n")
    shards.Shared(case)(artifacts, question, Unattended())
    assert ScanShard.objects.count() > len(times), "a changed file was answered from what an earlier leader had read"


def test_a_part_that_cannot_be_read_fails_the_search_with_its_cause(accepted: House) -> None:
    case = accepted.case
    artifacts = [note for note in provenance.artifacts_of(case.entity) if note.connector == "files"]
    question = Question([Needle(kind="email", value=accepted.person.email, key="n")], region="DE")
    shared = shards.Shared(case)
    shared(artifacts, question, Unattended())
    part = ScanShard.objects.filter(artifact__slug="tickets")[0]
    content = vault.decrypt(vault.case_key(case), part.order)
    content["piece"]["files"] = []  # the whole place, which is gone meanwhile
    type(part.artifact).objects.filter(pk=part.artifact_id).update(location="/nowhere/at/all.jsonl")
    ScanShard.objects.filter(pk=part.pk).update(found=None, order=vault.encrypt(vault.case_key(case), content))
    Job.objects.filter(case_id=part.pk).update(status="failed", attempts=1)
    with pytest.raises(SourceUnreachable):
        shared._work([part.pk], Unattended())


def test_an_answer_that_lies_in_another_parts_row_is_refused_and_read_anew(accepted: House) -> None:
    case = accepted.case
    artifacts = [note for note in provenance.artifacts_of(case.entity) if note.connector == "files"]
    question = Question([Needle(kind="email", value=accepted.person.email, key="n")], region="DE")
    first = shards.Shared(case)(artifacts, question, Unattended())
    one, other = ScanShard.objects.filter(artifact__slug="tickets").order_by("created_at")[:2]
    ScanShard.objects.filter(pk=one.pk).update(found=other.found)
    with pytest.raises(ProofFailed, match="answer to another question"):
        shards.Shared(case)(artifacts, question, Unattended())
    assert not ScanShard.objects.filter(pk=one.pk).exists()
    again = shards.Shared(case)(artifacts, question, Unattended())
    assert {slug: answer.matches for slug, answer in again.items()} == {s: a.matches for s, a in first.items()}
