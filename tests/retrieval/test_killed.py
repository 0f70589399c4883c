"""Killed with SIGKILL at 200 random steps of an erase: the index opens, is before or after, and finishes by itself."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from retrieval.embedders import HashedWords
from retrieval.erase import erase
from retrieval.indexes import seen
from retrieval.indexes.faiss import build
from retrieval.types import Chunk

SOME, MANY = [3, 4, 29], list(range(40))


@pytest.mark.parametrize(
    ("kind", "ids", "store", "compared"),
    [
        ("flat", SOME, "generations", "before"),
        ("flat", SOME, "chunks.jsonl", "before"),
        ("flat", SOME, "chunks.jsonl", "later"),
        ("hnsw", SOME, "generations", "before"),
        ("ivf", SOME, "chunks.jsonl", "later"),
        ("flat", MANY, "generations", "before"),
        ("hnsw", MANY, "chunks.jsonl", "before"),
        ("flat", SOME, "chunks.sqlite", "before"),
        ("flat", MANY, "chunks.sqlite", "before"),
        ("flat", SOME, "chunks.parquet", "before"),
        ("flat", MANY, "chunks.parquet", "before"),
    ],
    ids=[
        "scrub",
        "scrub, plain",
        "scrub, compared later",
        "repair",
        "lists, plain",
        "new generation",
        "new generation, plain",
        "scrub, sqlite",
        "new generation, sqlite",
        "scrub, parquet",
        "new generation, parquet",
    ],
)
def test_killed_at_a_random_step_it_is_before_or_after(
    tmp_path: Path, kind: str, ids: list[int], store: str, compared: str
) -> None:
    folder = tmp_path / "whole"
    chunks = [Chunk(number, f"d{number}", f"word{number % 7} person{number} Müller") for number in range(60)]
    build(folder, chunks, HashedWords(32), kind=kind)
    if store != "generations":
        for path in (folder / "gen-000001").iterdir():
            path.rename(folder / path.name)
        (folder / "gen-000001").rmdir()
        (folder / "CURRENT").unlink()
    if store not in ("generations", "chunks.jsonl"):
        stored_in(folder, store, chunks)
    if compared == "later":
        erase(folder, [59])
        while not (folder / seen.SEEN).exists():  # not noted within the tick in which the files were written
            seen.note(folder, folder, ["index.faiss", "chunks.jsonl"])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    times = 34 if store in ("generations", "chunks.jsonl") else 17
    command = [
        sys.executable,
        str(Path(__file__).with_name("dying.py")),
        str(folder),
        str(times),
        json.dumps(ids),
        "11",
    ]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=240).stdout
    told = json.loads(said.splitlines()[-1])
    assert told["wrong"] == 0, told
    assert told["before"] + told["after"] == times
    assert told["before"] > 0
    assert told["after"] > 0


def stored_in(folder: Path, store: str, chunks: Sequence[Chunk]) -> None:
    """Keep the documents in another format, in a folder that is nobody's of ours any more."""
    for path in folder.iterdir():
        if path.name != "index.faiss":
            path.unlink()
    if store == "chunks.parquet":
        pq.write_table(pa.Table.from_pylist([asdict(chunk) for chunk in chunks]), folder / store, row_group_size=25)
        return
    with closing(sqlite3.connect(folder / store)) as database, database:
        database.execute("PRAGMA journal_mode = wal")
        database.execute("CREATE TABLE chunks (id INTEGER PRIMARY KEY, document TEXT, text TEXT)")
        rows = [(chunk.id, chunk.document, chunk.text) for chunk in chunks]
        database.executemany("INSERT INTO chunks VALUES (?, ?, ?)", rows)
