"""Lineage out of the files of DVC, MLflow and pipelines: versions with digests, and what was made from what."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from compliance.accounts.models import LegalEntity
from compliance.provenance import told
from compliance.provenance.models import Artifact, Derivation, LineageUse
from compliance.rules.errors import DamagedArtifact

MD5 = "0123456789abcdef0123456789abcdef"
LOCK = f"""
schema: '2.0'
stages:
  train:
    cmd: python train.py
    deps:
    - path: raw/tickets.jsonl
      hash: md5
      md5: {MD5}
      size: 10
    - path: train.py
      md5: ffff
    outs:
    - path: ../models/answering
      md5: abcd.dir
"""


def place(entity: LegalEntity, slug: str, kind: str, location: Path | str) -> Artifact:
    return Artifact.objects.create(
        slug=slug, name=slug, entity=entity, kind=kind, connector="model" if kind == "model" else "files",
        location=str(location), purpose="support", lawful_basis="contract", retention="a year",
    )  # fmt: skip


@pytest.fixture
def firm(db: None, tmp_path: Path) -> LegalEntity:
    """A company with raw files, a training set and a model, registered."""
    entity = LegalEntity.objects.create(slug="firm", name="Firm", laws=["gdpr"], country="DE", phone_region="DE")
    (tmp_path / "repo/raw").mkdir(parents=True)
    (tmp_path / "repo/raw/tickets.jsonl").write_text(json.dumps({"text": "The parcel is late."}) + "\n")
    place(entity, "raw", "dataset", tmp_path / "repo/raw")
    place(entity, "rows", "dataset", tmp_path / "repo/rows/*.jsonl")
    place(entity, "answering", "model", tmp_path / "models/answering")
    return entity


def take_in(*paths: Path) -> str:
    said = StringIO()
    call_command("lineage", "firm", *map(str, paths), stdout=said)
    return said.getvalue()


def links() -> set[tuple[str, str]]:
    return set(Derivation.objects.values_list("parent__slug", "child__slug"))


def versions() -> set[tuple[str, bool, str, int | None]]:
    return set(LineageUse.objects.values_list("artifact__slug", "output", "version", "step"))


def test_a_stage_of_dvc_made_its_outs_from_its_deps_in_their_versions(firm: LegalEntity, tmp_path: Path) -> None:
    (tmp_path / "repo/dvc.lock").write_text(LOCK)
    (tmp_path / "repo/rows.dvc").write_text(f"outs:\n- md5: {MD5}\n  path: rows/all.jsonl\n")
    said = take_in(tmp_path / "repo")
    assert "train.py is registered nowhere" in said
    assert links() == {("raw", "answering")}
    seen = {("raw", False, f"md5:{MD5}", None), ("answering", True, "md5:abcd.dir", None)}
    assert versions() == {*seen, ("rows", True, f"md5:{MD5}", None)}
    take_in(tmp_path / "repo")
    assert LineageUse.objects.count() == 3, "the same files read twice are the same runs"


def test_a_run_of_mlflow_tells_its_inputs_and_up_to_which_step_its_model_was_trained(
    firm: LegalEntity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    import mlflow
    from mlflow.data.meta_dataset import MetaDataset
    from mlflow.data.sources import LocalArtifactDatasetSource

    mlflow.set_tracking_uri((tmp_path / "mlruns").as_uri())
    with mlflow.start_run() as run:
        source = LocalArtifactDatasetSource(str(tmp_path / "repo/raw/tickets.jsonl"))
        mlflow.log_input(MetaDataset(source, name="tickets", digest="d1"), context="training")
        mlflow.set_tag("oubli.inputs", "rows@v7")
        mlflow.set_tag("oubli.outputs", "answering@sha256:beef#1200")
    with mlflow.start_run():
        mlflow.log_param("says", "nothing of lineage")
    assert "1 runs taken in" in take_in(tmp_path / "mlruns")
    assert links() == {("raw", "answering"), ("rows", "answering")}
    assert versions() == {
        ("raw", False, "d1", None), ("rows", False, "v7", None), ("answering", True, "sha256:beef", 1200),
    }  # fmt: skip
    assert Derivation.objects.filter(run__contains=run.info.run_id[:8]).count() == 2


def event(tmp_path: Path, **changes: Any) -> str:
    said = {
        "eventType": "COMPLETE",
        "eventTime": "2026-11-01T10:00:00Z",
        "run": {"runId": "0193b9a5-0000-7000-8000-000000000001"},
        "job": {"namespace": "n", "name": "train"},
        "inputs": [{"namespace": "file", "name": str(tmp_path / "repo/rows/a.jsonl")}],
        "outputs": [{"namespace": "oubli", "name": "answering"}],
    }
    return json.dumps({**said, **changes}) + "\n"


def test_a_file_of_run_events_is_taken_in_and_a_damaged_line_is_named(firm: LegalEntity, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    elsewhere = event(tmp_path, inputs=[], outputs=[{"namespace": "s3://b", "name": "k"}])
    file.write_text(event(tmp_path) + "\n" + elsewhere)
    assert "1 runs taken in, 1 of nothing that is registered here" in take_in(file)
    assert links() == {("rows", "answering")}
    for broken in ("[]", '{"run": {"runId": "x"}}', "{", event(tmp_path, inputs=3)):
        file.write_text(event(tmp_path) + broken)
        with pytest.raises(CommandError, match="line 2: it is no RunEvent"):
            take_in(file)


@pytest.mark.parametrize("content", ["stages: [", "stages: 3", "stages: {a: 1}", "- 1", "stages: {a: {deps: {b: 1}}}"])
def test_files_that_are_no_dvc_files_are_named_or_say_nothing(firm: LegalEntity, tmp_path: Path, content: str) -> None:
    (tmp_path / "repo/dvc.lock").write_text(content)
    try:
        assert links() == set()
        said = take_in(tmp_path / "repo")
        assert "0 runs taken in" in said
    except CommandError as error:
        assert "dvc.lock: it is no YAML" in str(error)


def test_too_large_a_file_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(told, "LARGEST", 10)
    (tmp_path / "dvc.lock").write_text(LOCK)
    with pytest.raises(DamagedArtifact, match="too large"):
        list(told.dvc(tmp_path))


BOMB = "\n".join(
    ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}, *a{n - 1}]" for n in range(1, 16))]
)


def test_aliases_that_would_fill_the_memory_are_no_path_and_no_version(firm: LegalEntity, tmp_path: Path) -> None:
    (tmp_path / "repo/dvc.lock").write_text(
        f"{BOMB}\nstages: {{train: {{deps: [{{path: *a15, md5: *a15}}, {{path: raw/tickets.jsonl, hash: *a15}}]}}}}\n"
    )
    (found,) = told.dvc(tmp_path / "repo")
    assert max(len(str(each)) for each in found.inputs) < 1_000


@pytest.mark.parametrize("namespace", [[], {}, 3, None])
def test_a_data_set_without_words_is_no_event_of_a_file(firm: LegalEntity, tmp_path: Path, namespace: Any) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text(event(tmp_path, inputs=[{"namespace": namespace, "name": "n"}]))
    with pytest.raises(CommandError, match="line 1: it is no RunEvent"):
        take_in(file)
