"""Whole cases on PostgreSQL and Redis, from the form to evidence that verifies."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from compliance.worker.sample.build import build
from compliance.worker.sample.people import company
from compliance.worker.sample.steps import DATA, Recipe
from tests.services.installation import ROOT, Installation

pytestmark = [pytest.mark.services, pytest.mark.enable_socket]
VERIFIER = ROOT / "compliance" / "evidence" / "verify.py"


def verify(pack: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(VERIFIER), str(pack)], text=True, capture_output=True, check=False)


def case_of(house: Installation, systems: Path) -> Path:
    """Take the demonstration person's case all the way; the pack of its evidence."""
    house.settings["OUBLI_LEASE_SECONDS"] = "20"
    subject = f"email:{company(small=True).demo.email}"
    done = house.manage("run", "--no-serve", "--systems", str(systems), "--subject", subject)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    [pack] = (house.var / "evidence").rglob("*.zip")
    return pack


def assert_answered(house: Installation, sample: Path) -> None:
    """What the database and the company's files say when a case has ended well."""
    assert house.rows("SELECT state FROM intake_erasurerequest") == [("ANSWERED",)]
    assert house.rows("SELECT DISTINCT status FROM jobs_job WHERE work <> 'FOLLOW_UP'") == [("done",)]
    assert house.one("SELECT count(*) FROM validation_measurement WHERE verdict = 'failed'") == 0
    assert house.one("SELECT count(*) FROM validation_measurement WHERE verdict = 'passed'") > 10
    tickets = (sample / "raw" / "tickets.jsonl").read_text("utf-8")
    assert company(small=True).demo.email not in tickets
    assert company(small=True).namesake.email in tickets
    verified = house.manage("verify_log")
    assert verified.returncode == 0, verified.stderr


def without_models(folder: Path) -> Path:
    """The small company's files and databases, without its index and its model; returns its systems.yaml."""
    for step in DATA:
        assert step.work is not None
        step.work(folder, Recipe(seed=7, small=True))
    content = yaml.safe_load((ROOT / "compliance" / "worker" / "sample" / "systems.template.yaml").read_text("utf-8"))
    content["artifacts"] = [place for place in content["artifacts"] if place["connector"] in ("files", "sql")]
    kept = {place["id"] for place in content["artifacts"]}
    content["derivations"] = [
        {**made, "at": "2026-01-02T03:04:05+00:00"} for made in content["derivations"] if made["to"] in kept
    ]
    path = folder / "systems.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")
    return path


def test_a_case_over_files_and_databases_is_answered_with_evidence_that_verifies(
    house: Installation, tmp_path: Path
) -> None:
    sample = tmp_path / "aurora"
    pack = case_of(house, without_models(sample))
    assert_answered(house, sample)
    assert verify(pack).returncode == 0
    content = bytearray(pack.read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "changed.zip").write_bytes(content)
    assert verify(tmp_path / "changed.zip").returncode != 0


@pytest.mark.slow
def test_a_case_with_an_index_and_a_model_is_answered_too(house: Installation, tmp_path: Path) -> None:
    """The small company's model never learned anybody's details: what is tested here is the way, not the forgetting."""
    sample = build(tmp_path / "aurora", small=True).folder
    pack = case_of(house, sample / "systems.yaml")
    assert_answered(house, sample)
    assert house.one("SELECT count(*) FROM validation_measurement WHERE name LIKE 'extraction%%'") > 0
    assert verify(pack).returncode == 0
