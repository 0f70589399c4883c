"""What was made from what, recorded as it is made: one OpenLineage-like run event a line in ``lineage.jsonl``."""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FILE = "lineage.jsonl"
NAMESPACE = "aurora-support"


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def record(
    folder: Path, *, job: str, inputs: Sequence[str], outputs: Sequence[str], started: str, ended: str = ""
) -> None:
    """Add a finished run: its inputs and outputs, relative to the folder, with digests; on the disk before going on."""
    ended = ended or now()
    event = {
        "eventType": "COMPLETE",
        "eventTime": ended,
        "run": {
            "runId": str(uuid.uuid4()),
            "facets": {"nominalTime": {"nominalStartTime": started, "nominalEndTime": ended}},
        },
        "job": {"namespace": NAMESPACE, "name": job},
        "inputs": [_dataset(folder, name) for name in inputs],
        "outputs": [_dataset(folder, name) for name in outputs],
        "producer": "manage.py build_sample",
    }
    with (folder / FILE).open("a", encoding="utf-8") as out:
        out.write(json.dumps(event) + "\n")
        out.flush()
        os.fsync(out.fileno())


def read(folder: Path) -> list[dict[str, Any]]:
    """Every recorded run."""
    path = folder / FILE
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def digest(path: Path) -> str:
    """sha256 of a file, or over the names and digests of all files of a folder."""
    if path.is_file():
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    files = sorted(entry for entry in path.rglob("*") if entry.is_file())
    lines = "".join(f"{entry.relative_to(path)} {digest(entry)}\n" for entry in files)
    return hashlib.sha256(lines.encode()).hexdigest()


def _dataset(folder: Path, name: str) -> dict[str, Any]:
    return {
        "namespace": "file",
        "name": name,
        "facets": {"version": {"datasetVersion": f"sha256:{digest(folder / name)}"}},
    }
