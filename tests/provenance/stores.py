"""The same five records in every store that lies in a folder, and what stands there of other people, read past us."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from compliance.provenance.connectors import Place
from retrieval.embedders import HashedWords
from tests.provenance.places import OPTIONS, RECORDS

DIMENSION = 32
VECTORS = [[float(x) for x in row] for row in HashedWords(DIMENSION).embed([str(row["body"]) for row in RECORDS])]
EMBEDDED = {"text_field": "body", "embedder": "hashed-words"}


@dataclass(frozen=True)
class Made:
    """A place, and how its own library reads the bodies of everybody's records by id."""

    place: Place
    bodies: Callable[[], Mapping[str, Any]]


def duckdb(folder: Path) -> Made:
    import duckdb

    path = folder / "a.duckdb"
    with duckdb.connect(str(path)) as database:
        database.execute("CREATE TABLE tickets (id TEXT PRIMARY KEY, email TEXT, body TEXT, parent TEXT, n INTEGER)")
        database.execute("CREATE VIEW bodies AS SELECT id, body FROM tickets")
        database.executemany("INSERT INTO tickets VALUES (?, ?, ?, ?, ?)", [list(row.values()) for row in RECORDS])

    def bodies() -> Mapping[str, Any]:
        with duckdb.connect(str(path), read_only=True) as database:
            return dict(database.execute("SELECT * FROM bodies").fetchall())

    return Made(Place("tickets", "database", "duckdb", str(path), {**OPTIONS, "table": "tickets"}), bodies)


def delta(folder: Path) -> Made:
    import deltalake

    path = str(folder / "delta")
    for part in (RECORDS[:3], RECORDS[3:]):
        deltalake.write_deltalake(path, pa.Table.from_pylist(part), mode="append")
    return Made(
        Place("tickets", "dataset", "delta", path, OPTIONS),
        lambda: _bodies(deltalake.DeltaTable(path).to_pyarrow_table()),
    )


def iceberg(folder: Path) -> Made:
    from pyiceberg.catalog import load_catalog

    where = {"uri": f"sqlite:///{folder}/catalog.db", "warehouse": f"file://{folder}/warehouse"}
    (folder / "warehouse").mkdir()
    catalog = load_catalog("default", type="sql", **where)
    catalog.create_namespace("crm")
    table = catalog.create_table("crm.tickets", schema=pa.Table.from_pylist(RECORDS).schema)
    for part in (RECORDS[:3], RECORDS[3:]):
        table.append(pa.Table.from_pylist(part))
    options = {**OPTIONS, "table": "crm.tickets", "warehouse": where["warehouse"]}
    place = Place("tickets", "dataset", "iceberg", where["uri"], options)
    return Made(place, lambda: _bodies(catalog.load_table("crm.tickets").scan().to_arrow()))


def lancedb(folder: Path) -> Made:
    import lancedb

    path = str(folder / "lance")
    rows = [{**row, "vector": vector} for row, vector in zip(RECORDS, VECTORS, strict=True)]
    lancedb.connect(path).create_table("tickets", rows)
    place = Place("tickets", "index", "lancedb", path, {**OPTIONS, **EMBEDDED, "table": "tickets"})
    return Made(place, lambda: _bodies(lancedb.connect(path).open_table("tickets").to_arrow()))


def qdrant(folder: Path) -> Made:
    from qdrant_client import QdrantClient, models

    path = str(folder / "qdrant")
    client = QdrantClient(path=path)
    client.create_collection(
        "tickets", vectors_config=models.VectorParams(size=DIMENSION, distance=models.Distance.DOT)
    )
    points = [
        models.PointStruct(id=row["n"], payload=row, vector=vector)
        for row, vector in zip(RECORDS, VECTORS, strict=True)
    ]
    client.upsert("tickets", points)
    client.close()

    def bodies() -> Mapping[str, Any]:
        again = QdrantClient(path=path)
        found, _ = again.scroll("tickets", limit=100, with_payload=True)
        again.close()
        return {point.payload["id"]: point.payload["body"] for point in found if point.payload}

    place = Place("tickets", "index", "qdrant", path, {**OPTIONS, **EMBEDDED, "collection": "tickets"})
    return Made(place, bodies)


def chroma(folder: Path) -> Made:
    import chromadb

    path = str(folder / "chroma")
    settings = chromadb.config.Settings(anonymized_telemetry=False)
    client = chromadb.PersistentClient(path, settings=settings)
    made = client.create_collection("tickets", embedding_function=None)
    made.add(
        ids=[row["id"] for row in RECORDS],
        documents=[row["body"] for row in RECORDS],
        metadatas=[{name: value for name, value in row.items() if name != "body"} for row in RECORDS],
        embeddings=VECTORS,
    )
    client.close()
    chromadb.api.client.SharedSystemClient.clear_system_cache()

    def bodies() -> Mapping[str, Any]:
        again = chromadb.PersistentClient(path, settings=settings)
        found = again.get_collection("tickets", embedding_function=None).get(include=["documents"])
        again.close()
        chromadb.api.client.SharedSystemClient.clear_system_cache()
        return dict(zip(found["ids"], found["documents"], strict=True))

    options = {**OPTIONS, "text_fields": ["document"], "collection": "tickets", "embedder": "hashed-words"}
    return Made(Place("tickets", "index", "chroma", path, options), bodies)


def mlflow(folder: Path) -> Made:
    base = folder / "mlruns"
    for row in RECORDS:
        run = base / "0" / str(row["id"])
        for part, texts in (("params", {"n": row["n"]}), ("tags", {"owner": row["email"], "body": row["body"]})):
            (run / part).mkdir(parents=True)
            for name, text in texts.items():
                (run / part / name).write_text(str(text), "utf-8")
        (run / "meta.yaml").write_text(f"run_id: {row['id']}\nlifecycle_stage: active\n")
        (run / "parent").write_text(str(row["parent"]))
        (run / "weights.bin").write_bytes(b"\x00\x01" * 50)
    options = {"subject_fields": ["tags.owner"], "text_fields": ["tags.body"], "lineage_field": "parent"}
    place = Place("tickets", "log", "mlflow", str(base), options)
    return Made(place, lambda: {run.parent.parent.name: run.read_text("utf-8") for run in base.glob("0/*/tags/body")})


def _bodies(table: Any) -> Mapping[str, Any]:
    return {row["id"]: row["body"] for row in table.to_pylist()}


STORES: dict[str, Callable[[Path], Made]] = {
    "duckdb": duckdb,
    "delta": delta,
    "iceberg": iceberg,
    "lancedb": lancedb,
    "qdrant": qdrant,
    "chroma": chroma,
    "mlflow": mlflow,
}
