"""Small real stores with two people in them, one for each connector and format."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from compliance.provenance.connectors import Place
from retrieval.embedders import HashedWords
from retrieval.indexes import faiss
from retrieval.types import Chunk, Needle

ALICE = Needle(kind="email", value="alice.moreau@post.example", key="needle-1")
PATTERNS = [b"alice.moreau@post.example", b"Alice.Moreau@Post.Example", b"alice.moreau+shop@post.example"]

RECORDS: list[dict[str, Any]] = [
    {"id": "T-1", "email": "bob@post.example", "body": "My box hums.", "parent": "P-1", "n": 1},
    {"id": "T-2", "email": "alice.moreau+shop@post.example", "body": "Where is my box?", "parent": "P-2", "n": 2},
    {
        "id": "T-3",
        "email": "carla@post.example",
        "body": "Ask Alice.Moreau@Post.Example, she knows — ção",
        "parent": "P-3",
        "n": 3,
    },
    {"id": "T-4", "email": "alice.moreau@post.example", "body": 'He said "no", twice.', "parent": "P-2", "n": 4},
    {"id": "T-5", "email": "dieter@post.example", "body": "Line one\nline two", "parent": "P-4", "n": 5},
]
OPTIONS = {"key_field": "id", "subject_fields": ["email"], "text_fields": ["body"], "lineage_field": "parent"}


def jsonl(folder: Path) -> Place:
    path = folder / "tickets.jsonl"
    path.write_bytes(b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in RECORDS))
    return Place("tickets", "dataset", "files", str(path), OPTIONS)


def delimited(folder: Path) -> Place:
    path = folder / "tickets.csv"
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, fieldnames=list(RECORDS[0]))
        writer.writeheader()
        writer.writerows(RECORDS)
    return Place("tickets", "dataset", "files", str(path), OPTIONS)


def parquet(folder: Path) -> Place:
    path = folder / "tickets.parquet"
    table = pa.Table.from_pylist(RECORDS).replace_schema_metadata({"made_by": "a test"})
    pq.write_table(table, path, row_group_size=2, compression="zstd")
    return Place("tickets", "dataset", "files", str(path), OPTIONS)


def sqlite(folder: Path) -> Place:
    path = folder / "tickets.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE tickets (id TEXT PRIMARY KEY, email TEXT, body TEXT, parent TEXT, n INTEGER)")
        database.executemany("INSERT INTO tickets VALUES (:id, :email, :body, :parent, :n)", RECORDS)
    database.close()
    return Place("tickets", "database", "sql", f"sqlite:///{path}", {**OPTIONS, "table": "tickets"})


RECORD_STORES: dict[str, Callable[[Path], Place]] = {
    "jsonl": jsonl,
    "csv": delimited,
    "parquet": parquet,
    "sqlite": sqlite,
}


def index(folder: Path) -> Place:
    path = folder / "index"
    chunks = [Chunk(row["n"], row["parent"], row["body"], "tickets", row["email"]) for row in RECORDS]
    faiss.build(path, chunks, HashedWords())
    return Place("index", "index", "vector_index", str(path), {"subject_fields": ["owner"]})


def others(place: Place) -> list[str]:
    """What the records of everybody else hold, read by other code than the connector's."""
    path = Path(place.location.removeprefix("sqlite:///"))
    if path.suffix == ".sqlite":
        with sqlite3.connect(path) as database:
            found = database.execute("SELECT * FROM tickets WHERE id IN ('T-1', 'T-5')").fetchall()
        database.close()
        return [repr(row) for row in found]
    if path.suffix == ".parquet":
        return [repr(row) for row in pq.read_table(path).to_pylist() if row["id"] in ("T-1", "T-5")]
    text = path.read_bytes().decode()
    return [piece for piece in text.split("\n") if "T-1" in piece or "T-5" in piece or "line two" in piece]
