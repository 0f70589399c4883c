"""Three lines in a company's own pipeline: the decorator of the one-file client, to a file and to a live server."""

from __future__ import annotations

import ast
import json
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from rest_framework.authtoken.models import Token

from compliance.api import pipeline_client
from compliance.api.pipeline_client import Lineage, Refused, Run, digest_of
from compliance.intake import vault
from compliance.provenance.models import Derivation, Exclusion, LineageUse
from compliance.rules.terms import Role
from retrieval.exclusion import identifier_key
from tests.api.building import ALICE, company
from tests.api.test_lineage import artifact


def test_the_client_needs_nothing_but_the_standard_library() -> None:
    tree = ast.parse(Path(pipeline_client.__file__).read_text(encoding="utf-8"))
    named = {a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names}
    named |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in named} <= sys.stdlib_module_names


def test_a_step_writes_its_start_and_its_end_with_versions_to_a_file(tmp_path: Path) -> None:
    rows, out = tmp_path / "rows.jsonl", tmp_path / "model"
    rows.write_text("{}\n")
    lineage = Lineage(str(tmp_path / "events.jsonl"))

    @lineage.step(reads=[rows], makes=[out, "s3://bucket/copy"], job="train")
    def train(times: int, *, run: Run) -> int:
        out.mkdir()
        (out / "weights").write_bytes(b"w" * times)
        run.reached(1200)
        run.reached(800)
        return times

    assert train(3) == 3
    start, end = map(json.loads, (tmp_path / "events.jsonl").read_text().splitlines())
    assert (start["eventType"], end["eventType"]) == ("START", "COMPLETE")
    assert start["run"] == end["run"]
    assert end["inputs"][0]["facets"]["version"]["datasetVersion"] == f"sha256:{digest_of(rows)}"
    assert end["outputs"][0]["facets"]["version"]["datasetVersion"] == f"sha256:{digest_of(out)}"
    assert [made["facets"]["oubli_step"]["step"] for made in end["outputs"]] == [1200, 1200]
    assert (end["outputs"][1]["namespace"], end["outputs"][1]["name"]) == ("s3://bucket", "copy")


def test_a_step_that_fails_says_so_and_fails_as_before(tmp_path: Path) -> None:
    lineage = Lineage(str(tmp_path / "events.jsonl"))

    @lineage.step(reads=["nowhere.jsonl"], makes=["oubli:model"])
    def train() -> None:
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        train()
    states = [json.loads(line)["eventType"] for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert states == ["START", "FAIL"]


def test_a_service_that_is_down_stops_no_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lineage = Lineage("http://127.0.0.1:9", token="t", timeout=1)
    assert lineage.step(makes=["oubli:model"])(lambda: 7)() == 7
    assert len((tmp_path / "lineage-unsent.jsonl").read_text().splitlines()) == 2


@pytest.mark.enable_socket
def test_a_live_service_takes_a_step_in_and_refuses_a_model_made_of_what_was_erased(
    transactional_db: None, live_server: Any, tmp_path: Path
) -> None:
    at, rows = company("aurora"), tmp_path / "train.jsonl"
    artifact(at, "aurora-rows", "dataset", rows)
    artifact(at, "aurora-assistant", "model", tmp_path / "model")
    lineage = Lineage(live_server.url, token=Token.objects.create(user=at.staff[Role.ENGINEER]).key)

    @lineage.step(reads=[rows], makes=["oubli:aurora-assistant"])
    def train(run: Run) -> str:
        run.reached(40)
        return "made"

    rows.write_text(json.dumps({"text": "The parcel is on its way."}) + "\n")
    assert train() == "made"
    assert Derivation.objects.filter(parent__slug="aurora-rows", child__slug="aurora-assistant").count() == 1
    assert LineageUse.objects.filter(version=f"sha256:{digest_of(rows)}", output=False).count() == 1
    assert LineageUse.objects.get(output=True).step == 40
    key = identifier_key(vault.lookup_key(), "email", ALICE)
    Exclusion.objects.create(key=key, kind="identifier", case="OUB-GONE-GONE", artifact="aurora-rows")
    rows.write_text(json.dumps({"text": f"Write to {ALICE}."}) + "\n")
    with pytest.raises(Refused) as refused:
        train()
    assert refused.value.status == 422
    assert "identifier of somebody who was erased" in refused.value.detail
    assert ALICE not in str(refused.value)
    for thread in threading.enumerate():
        if "process_request_thread" in thread.name:
            thread.join(timeout=5)
