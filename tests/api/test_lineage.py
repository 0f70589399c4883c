"""Lineage as pipelines report it, by the standard's own client over HTTP."""

from __future__ import annotations

import gc
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import dataset_version_dataset
from openlineage.client.transport.http import ApiKeyTokenProvider, HttpConfig, HttpTransport
from openlineage.client.uuid import generate_new_uuid
from requests import HTTPError
from rest_framework.authtoken.models import Token

from compliance.intake import vault
from compliance.provenance import openlineage
from compliance.provenance.models import Artifact, Derivation, Exclusion, LineageRun
from compliance.rules import identifiers
from compliance.rules.terms import Role
from tests.api.building import ALICE, Company, client, company, send


@dataclass
class Pipeline:
    """A training pipeline with the standard's client, an engineer's token and two registered artifacts."""

    at: Company
    client: OpenLineageClient
    rows: Path

    def event(self, state: RunState, run: str, *, step: int = 0, inputs: list[Any] | None = None) -> RunEvent:
        version = dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion="sha256:" + "a" * 64)
        reads = [InputDataset(namespace="file", name=str(self.rows), facets={"version": version})]
        facet: Any = {"oubli_step": {"_producer": "test", "_schemaURL": "test", "step": step}}
        made = [OutputDataset(namespace="oubli", name="aurora-assistant", facets=facet)]
        return RunEvent(
            eventType=state,
            eventTime="2026-11-01T10:00:00Z",
            run=Run(runId=run),
            job=Job(namespace="training", name="fine-tune"),
            producer="test",
            inputs=reads if inputs is None else inputs,
            outputs=made,
        )


def artifact(at: Company, slug: str, kind: str, location: Path) -> Artifact:
    return Artifact.objects.create(
        slug=slug, name=slug, entity=at.entity, kind=kind, connector="files" if kind == "dataset" else "model",
        location=str(location), purpose="support", lawful_basis="contract", retention="a year",
    )  # fmt: skip


@pytest.fixture
def pipeline(transactional_db: None, live_server: Any, tmp_path: Path) -> Iterator[Pipeline]:
    at = company("aurora")
    rows = tmp_path / "train.jsonl"
    rows.write_text(json.dumps({"text": "The parcel is on its way."}) + "\n")
    artifact(at, "aurora-rows", "dataset", rows)
    artifact(at, "aurora-assistant", "model", tmp_path / "model")
    token = Token.objects.create(user=at.staff[Role.ENGINEER]).key
    auth = ApiKeyTokenProvider({"apiKey": token})
    retry: dict[str, Any] = {"total": 0}
    transport = HttpTransport(HttpConfig(url=live_server.url, auth=auth, retry=retry, timeout=20))
    with_client = OpenLineageClient(transport=transport)
    yield Pipeline(at, with_client, rows)
    with_client.close()
    gc.collect()  # what is left of the client keeps its connection open, and with it the server's thread
    for thread in threading.enumerate():  # no thread of the server outlives its test
        if "process_request_thread" in thread.name:
            thread.join(timeout=5)


def test_a_run_told_by_the_standard_client_becomes_lineage(pipeline: Pipeline) -> None:
    run = str(generate_new_uuid())
    for state, step in (
        (RunState.START, 0),
        (RunState.RUNNING, 600),
        (RunState.COMPLETE, 1200),
        (RunState.COMPLETE, 1200),
    ):
        pipeline.client.emit(pipeline.event(state, run, step=step))
    (told,) = LineageRun.objects.all()
    assert (told.last_event, told.checked, told.refused, told.unmapped) == ("COMPLETE", True, "", [])
    uses = {(use.artifact.slug, use.output): (use.version, use.step) for use in told.uses.select_related("artifact")}
    assert uses == {
        ("aurora-rows", False): ("sha256:" + "a" * 64, None),
        ("aurora-assistant", True): ("", 1200),
    }
    (link,) = Derivation.objects.all()
    assert (link.parent.slug, link.child.slug, link.run) == ("aurora-rows", "aurora-assistant", f"openlineage:{run}")


def test_a_model_whose_inputs_hold_an_erased_person_is_refused_before_it_is_trained(pipeline: Pipeline) -> None:
    key = identifiers.keyed_hash(vault.lookup_key(), "email", ALICE)
    Exclusion.objects.create(key=key, kind="identifier", case="OUB-GONE-CASE", artifact="aurora-rows")
    run = str(generate_new_uuid())
    pipeline.client.emit(pipeline.event(RunState.START, run))
    with pipeline.rows.open("a") as handle:
        handle.write(json.dumps({"text": f"write to {ALICE.upper()}"}) + "\n")
    with pytest.raises(HTTPError) as refused:
        pipeline.client.emit(pipeline.event(RunState.START, str(generate_new_uuid())))
    answer = refused.value.response
    assert answer.status_code == 422
    with pytest.raises(HTTPError):
        pipeline.client.emit(pipeline.event(RunState.COMPLETE, run))
    told = LineageRun.objects.get(uid=run)
    assert "aurora-rows: 1 of 2 rows hold an identifier of somebody who was erased" in told.refused
    assert ALICE not in told.refused.lower()
    assert Derivation.objects.count() == 1  # the map tells what was made all the same


def test_inputs_too_large_to_read_meanwhile_are_not_called_checked(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openlineage, "LARGEST", 10)
    pipeline.client.emit(pipeline.event(RunState.COMPLETE, str(generate_new_uuid())))
    assert not LineageRun.objects.get().checked


def test_what_is_not_registered_is_named_as_unmapped(pipeline: Pipeline) -> None:
    stray = InputDataset(namespace="s3://bucket", name=f"exports/{ALICE}.csv")
    pipeline.client.emit(pipeline.event(RunState.COMPLETE, str(generate_new_uuid()), inputs=[stray]))
    (told,) = LineageRun.objects.all()
    assert len(told.unmapped) == 1
    assert told.unmapped[0].startswith("s3://bucket")
    assert ALICE not in told.unmapped[0]


EVENT = {
    "eventType": "COMPLETE",
    "eventTime": "2026-11-01T10:00:00Z",
    "run": {"runId": "01a1fdaa-ae0f-7baa-98a6-c7107b5af5ce"},
    "job": {"namespace": "a", "name": "b"},
    "inputs": [],
    "outputs": [{"namespace": "oubli", "name": "aurora-model"}],
}


def test_another_companys_artifacts_cannot_be_written_about(aurora: Company, boreal: Company, tmp_path: Path) -> None:
    artifact(aurora, "aurora-model", "model", tmp_path)
    answer = send(client(boreal.staff[Role.ENGINEER]), "lineage", EVENT)
    assert answer.status_code == 422
    assert not LineageRun.objects.exists()
    assert send(client(aurora.staff[Role.ENGINEER]), "lineage", EVENT).status_code == 201


@pytest.mark.parametrize(
    "spoilt",
    [
        {"run": {"runId": "x"}},
        {"inputs": [1]},
        {"outputs": [{"namespace": "oubli"}]},
        {"eventTime": "yesterday"},
        {"inputs": [{"namespace": "a", "name": "b", "facets": {"version": 3}}]},
        {"inputs": [{"namespace": "a", "name": "b\u0000"}]},
    ],
)
def test_a_malformed_event_is_a_problem_document(aurora: Company, tmp_path: Path, spoilt: dict[str, Any]) -> None:
    artifact(aurora, "aurora-model", "model", tmp_path)
    answer = send(client(aurora.staff[Role.ENGINEER]), "lineage", {**EVENT, **spoilt})
    assert answer.status_code in (400, 422)
    assert answer["Content-Type"] == "application/problem+json"


def test_a_strange_step_or_version_is_not_believed(aurora: Company, tmp_path: Path) -> None:
    artifact(aurora, "aurora-model", "model", tmp_path)
    for step in (-1, True, 1 << 70, "12", None, {"a": 1}):
        facets = {"oubli_step": {"step": step}, "version": {"datasetVersion": "v" * 5000}}
        event = {**EVENT, "outputs": [{"namespace": "oubli", "name": "aurora-model", "facets": facets}]}
        assert send(client(aurora.staff[Role.ENGINEER]), "lineage", event).status_code == 201
    assert list(LineageRun.objects.get().uses.values_list("step", flat=True)) == [None]


@pytest.mark.parametrize("version", ["a\ud800", "a\x00", "of a@b.example", ["a"] * 3])
def test_a_version_is_a_word_that_every_database_holds_and_names_nobody(
    aurora: Company, tmp_path: Path, version: Any
) -> None:
    artifact(aurora, "aurora-model", "model", tmp_path)
    made = [{"namespace": "oubli", "name": "aurora-model", "facets": {"version": {"datasetVersion": version}}}]
    assert send(client(aurora.staff[Role.ENGINEER]), "lineage", {**EVENT, "outputs": made}).status_code == 201
    kept = LineageRun.objects.get().uses.get().version
    assert kept in ("a?", "a", "of [identifier]", "")


def test_a_run_that_is_told_over_and_over_does_not_grow_without_end(aurora: Company, tmp_path: Path) -> None:
    artifact(aurora, "aurora-model", "model", tmp_path)
    for time in range(6):
        read = [{"namespace": "s3://b", "name": f"{time} {n}"} for n in range(200)]
        send(client(aurora.staff[Role.ENGINEER]), "lineage", {**EVENT, "inputs": read})
    assert len(LineageRun.objects.get().unmapped) == openlineage.MOST_UNMAPPED
