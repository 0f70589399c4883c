"""Killed with SIGKILL at 200 random steps of an erase: the index opens, is before or after, and finishes by itself."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from retrieval.embedders import HashedWords
from retrieval.indexes.faiss import build
from retrieval.types import Chunk

SOME, MANY = [3, 4, 29], list(range(40))


@pytest.mark.parametrize(
    ("kind", "ids", "as_plain"),
    [
        ("flat", SOME, False),
        ("flat", SOME, True),
        ("hnsw", SOME, False),
        ("ivf", SOME, True),
        ("flat", MANY, False),
        ("hnsw", MANY, True),
    ],
    ids=["scrub", "scrub, plain", "repair", "lists, plain", "new generation", "new generation, plain"],
)
def test_killed_at_a_random_step_it_is_before_or_after(
    tmp_path: Path, kind: str, ids: list[int], as_plain: bool
) -> None:
    folder = tmp_path / "whole"
    chunks = [Chunk(number, f"d{number}", f"word{number % 7} person{number} Müller") for number in range(60)]
    build(folder, chunks, HashedWords(32), kind=kind)
    if as_plain:
        for path in (folder / "gen-000001").iterdir():
            path.rename(folder / path.name)
        (folder / "gen-000001").rmdir()
        (folder / "CURRENT").unlink()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(Path(__file__).with_name("dying.py")), str(folder), "34", json.dumps(ids), "11"]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=240).stdout
    told = json.loads(said.splitlines()[-1])
    assert told["wrong"] == 0, told
    assert told["before"] + told["after"] == 34
    assert told["before"] > 0
    assert told["after"] > 0
