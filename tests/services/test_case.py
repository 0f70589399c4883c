"""One whole case on PostgreSQL and Redis: a real index, a real model, from the form to evidence that verifies."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from compliance.worker.sample.build import build
from compliance.worker.sample.people import company
from tests.services.installation import ROOT, Installation

pytestmark = [pytest.mark.services, pytest.mark.enable_socket]
VERIFIER = ROOT / "compliance" / "evidence" / "verify.py"


def verify(pack: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(VERIFIER), str(pack)], text=True, capture_output=True, check=False)


def test_a_whole_case_ends_answered_with_evidence_that_verifies(house: Installation, tmp_path: Path) -> None:
    """The small company's model never learned anybody's details: what is tested here is the way, not the forgetting."""
    sample = build(tmp_path / "aurora", small=True).folder
    person = company(small=True).demo
    systems, subject = str(sample / "systems.yaml"), f"email:{person.email}"
    house.settings["OUBLI_LEASE_SECONDS"] = "20"
    done = house.manage("run", "--no-serve", "--systems", systems, "--subject", subject)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]

    assert house.rows("SELECT state FROM intake_erasurerequest") == [("ANSWERED",)]
    assert house.rows("SELECT DISTINCT status FROM jobs_job WHERE work <> 'FOLLOW_UP'") == [("done",)]
    assert house.one("SELECT count(*) FROM validation_measurement WHERE verdict = 'failed'") == 0
    assert house.one("SELECT count(*) FROM validation_measurement WHERE verdict = 'passed'") > 10
    tickets = (sample / "raw" / "tickets.jsonl").read_text("utf-8")
    assert person.email not in tickets
    assert company(small=True).namesake.email in tickets

    [pack] = (house.var / "evidence").rglob("*.zip")
    assert verify(pack).returncode == 0
    content = bytearray(pack.read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "changed.zip").write_bytes(content)
    assert verify(tmp_path / "changed.zip").returncode != 0
    verified = house.manage("verify_log")
    assert verified.returncode == 0, verified.stderr
