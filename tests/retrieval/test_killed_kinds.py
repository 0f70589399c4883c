"""Killed with SIGKILL at random steps of an erase, kind by kind: each file is as before or as after, byte for byte."""

import json
import os
import subprocess
import sys
from pathlib import Path

import faiss
import pytest

from tests.retrieval.test_lists_beside import with_lists_beside
from tests.retrieval.test_scrub import plain

SOME, MANY = [3, 4, 1199], list(range(40))
NO_MAP, ARRAY, TABLE = faiss.DirectMap.NoMap, faiss.DirectMap.Array, faiss.DirectMap.Hashtable
QUICK = [("HNSW8,SQ8", SOME, NO_MAP), ("IDMap2,HNSW8,PQ4x4np", MANY, NO_MAP)]
KINDS = [
    ("IVF8,PQ4x6", SOME, TABLE),
    ("HNSW8,PQ4x4np", SOME, NO_MAP),
    ("HNSW8,SQ8", MANY, NO_MAP),
    ("IDMap2,HNSW8,SQfp16", SOME, NO_MAP),
    ("IVF8,SQ8", SOME, NO_MAP),
    ("IVF8,PQ4x6", MANY, NO_MAP),
    ("IVF8,Flat", SOME, ARRAY),
    ("IVF8,Flat", SOME, TABLE),
    ("IVF8,SQ8", SOME, ARRAY),
    ("SQ8", SOME, NO_MAP),
    ("IDMap2,PQ4x4np", SOME, NO_MAP),
    ("SQfp16", SOME, NO_MAP),
    ("PCA8,Flat", SOME, NO_MAP),
    ("L2norm,IVF8,Flat", SOME, NO_MAP),
    ("OPQ4_8,IVF8,PQ4x4np", SOME, NO_MAP),
    ("IDMap2,PCA8,HNSW8,Flat", SOME, NO_MAP),
    ("IDMap2,PCA8,SQ8", SOME, NO_MAP),
]


def killed(folder: Path, ids: list[int], times: int) -> dict[str, int]:
    """Kill erases of copies of a folder, and return what became of them."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(Path(__file__).with_name("dying.py")), str(folder), str(times), json.dumps(ids), "7"]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=600)
    told: dict[str, int] = json.loads(run.stdout.splitlines()[-1])
    return told


def judged(told: dict[str, int], times: int) -> None:
    assert told["wrong"] == 0, told
    assert told["before"] + told["after"] == times
    assert told["before"] > 0
    assert told["after"] > 0


@pytest.mark.parametrize(("factory", "ids", "direct"), QUICK)
def test_killed_at_a_random_step_its_files_are_before_or_after(
    tmp_path: Path, factory: str, ids: list[int], direct: int
) -> None:
    folder = plain(tmp_path / "whole", factory, direct=direct)
    judged(killed(folder, ids, 6), 6)


@pytest.mark.slow
@pytest.mark.parametrize(("factory", "ids", "direct"), [*QUICK, *KINDS])
def test_killed_at_many_random_steps_its_files_are_before_or_after(
    tmp_path: Path, factory: str, ids: list[int], direct: int
) -> None:
    folder = plain(tmp_path / "whole", factory, direct=direct)
    judged(killed(folder, ids, 40), 40)


@pytest.mark.parametrize(
    ("factory", "ids"),
    [
        ("IVF8,Flat", SOME),
        pytest.param("IVF8,Flat", MANY, marks=pytest.mark.slow),
        pytest.param("IVF8,PQ4x6", SOME, marks=pytest.mark.slow),
    ],
)
def test_killed_while_lists_in_a_file_of_their_own_are_changed(tmp_path: Path, factory: str, ids: list[int]) -> None:
    folder = with_lists_beside(plain(tmp_path / "whole", factory))
    judged(killed(folder, ids, 6), 6)
