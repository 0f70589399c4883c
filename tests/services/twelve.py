"""The company's stores, each made and read by its own library: fifteen places in thirteen kinds of store."""

from __future__ import annotations

import csv
import gzip
import io
import json
import shutil
import sqlite3
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from compliance.provenance.connectors import Place
from retrieval.embedders import HashedWords
from retrieval.indexes import chunks, faiss, layout
from retrieval.types import Chunk

Rows = Sequence[dict[str, Any]]
FIELDS = {"key_field": "id", "subject_fields": ["contact"], "text_fields": ["body"]}
SIZE = 32
EMBEDDED = {"text_field": "body", "embedder": "hashed-words"}


@dataclass(frozen=True)
class Store:
    """A place, how its own library reads everybody's rows, and all bytes it keeps: in folders, or as it answers."""

    place: Place
    read: Callable[[], list[dict[str, Any]]]
    folders: tuple[Path, ...] = ()
    stored: Callable[[], list[bytes]] = list

    def bytes_of(self) -> Iterator[bytes]:
        """Every file of the store, raw, and what a store without files here keeps."""
        for folder in self.folders:
            yield from (path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())
        yield from self.stored()


@dataclass(frozen=True)
class Servers:
    """Addresses of what runs."""

    postgresql: str
    mariadb: str
    redis: tuple[str, Path]
    s3: tuple[str, Any]
    extra: Mapping[str, Any] = field(default_factory=dict)


def vectors(rows: Rows) -> list[list[float]]:
    """A vector a row, of its body."""
    return [[float(x) for x in row] for row in HashedWords(SIZE).embed([str(row["body"]) for row in rows])]


def json_lines(folder: Path, rows: Rows, _: Servers) -> Store:
    """Nested lines, compressed, in a hidden folder; others lie in a Parquet file beside."""
    (folder / ".raw").mkdir(parents=True)
    deep = [{"id": r["id"], "contact": r["contact"], "thread": {"messages": [{"body": r["body"]}]}} for r in rows[::2]]
    path = folder / ".raw" / "tickets.jsonl.gz"
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in deep).encode()))
    pq.write_table(pa.Table.from_pylist(list(rows[1::2])), folder / "tickets.parquet", row_group_size=50)

    def read() -> list[dict[str, Any]]:
        lines = map(json.loads, gzip.decompress(path.read_bytes()).splitlines())
        flat = [{**row, "body": row["thread"]["messages"][0]["body"]} for row in lines]
        return flat + pq.read_table(folder / "tickets.parquet").to_pylist()

    options = {**FIELDS, "text_fields": ["body", "thread.messages.*.body"]}
    return Store(Place("files", "dataset", "files", str(folder), options), read, (folder,))


def archive(folder: Path, rows: Rows, _: Servers) -> Store:
    """A ZIP with a CSV file and a ZIP with a JSON document in it."""
    folder.mkdir()
    inner, table, path = io.BytesIO(), io.StringIO(), folder / "export.zip"
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as nested:
        nested.writestr("rows.json", json.dumps(list(rows[1::2]), indent=1))
    writer = csv.DictWriter(table, fieldnames=["id", "contact", "body", "n"])
    writer.writeheader()
    writer.writerows(rows[::2])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("rows.csv", table.getvalue())
        out.writestr("inner.zip", inner.getvalue())

    def read() -> list[dict[str, Any]]:
        with zipfile.ZipFile(path) as again, zipfile.ZipFile(io.BytesIO(again.read("inner.zip"))) as nested:
            text = io.StringIO(again.read("rows.csv").decode())
            return [*csv.DictReader(text), *json.loads(nested.read("rows.json"))]

    return Store(Place("archive", "dataset", "files", str(path), FIELDS), read, (folder,))


def logs(folder: Path, rows: Rows, _: Servers) -> Store:
    """A log in three rotations, the older ones compressed; a line that mentions her goes."""
    folder.mkdir()
    lines = [f"{r['id']} user={r['contact']} said: {r['body']}\n".encode() for r in rows]
    for number, (name, pack) in enumerate({"app.log": bytes, "app.log.1.gz": gzip.compress}.items()):
        (folder / name).write_bytes(pack(b"".join(lines[number::2])))

    def read() -> list[dict[str, Any]]:
        raw = (folder / "app.log").read_bytes() + gzip.decompress((folder / "app.log.1.gz").read_bytes())
        parts = [line.split(" ", 1) for line in raw.decode().splitlines()]
        return [{"id": name, "contact": "", "body": rest} for name, rest in parts]

    return Store(Place("logs", "log", "files", str(folder / "app.log*"), {"on_mention": "erase"}), read, (folder,))


def bucket(folder: Path, rows: Rows, servers: Servers) -> Store:
    """A bucket that keeps versions."""
    address, client = servers.s3
    client.create_bucket(Bucket="company")
    client.put_bucket_versioning(Bucket="company", VersioningConfiguration={"Status": "Enabled"})
    body = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    for _ in range(2):
        client.put_object(Bucket="company", Key="raw/rows.jsonl", Body=body)

    def read() -> list[dict[str, Any]]:
        raw = client.get_object(Bucket="company", Key="raw/rows.jsonl")["Body"].read()
        return [json.loads(line) for line in raw.splitlines()]

    def stored() -> list[bytes]:
        kept = client.list_object_versions(Bucket="company").get("Versions", [])
        wanted = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in kept]
        return [client.get_object(Bucket="company", **each)["Body"].read() for each in wanted]

    place = Place("bucket", "dataset", "objects", "s3://company/raw", {**FIELDS, "endpoint_url": address})
    return Store(place, read, stored=stored)


def sqlite(folder: Path, rows: Rows, _: Servers) -> Store:
    """A SQLite file with a write-ahead log and a full-text index."""
    folder.mkdir()
    path = folder / "crm.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE rows (id TEXT PRIMARY KEY, contact TEXT, body TEXT, n INTEGER)")
        database.executemany("INSERT INTO rows VALUES (:id, :contact, :body, :n)", rows)
    database.close()
    return _sql(f"sqlite:///{path}", "sqlite", (folder,))


def postgresql(folder: Path, rows: Rows, servers: Servers) -> Store:
    """PostgreSQL with a vector beside each row and a graph over them."""
    _load(servers.postgresql, rows, f", embedding vector({SIZE})", before="CREATE EXTENSION IF NOT EXISTS vector")
    engine = sa.create_engine(servers.postgresql)
    with engine.begin() as connection:
        for row, vector in zip(rows, vectors(rows), strict=True):
            connection.execute(
                sa.text("UPDATE rows SET embedding = CAST(:v AS vector) WHERE id = :id"),
                {"v": str(vector), "id": row["id"]},
            )
        connection.exec_driver_sql("CREATE INDEX ON rows USING hnsw (embedding vector_cosine_ops)")
        connection.exec_driver_sql("ANALYZE rows")
    engine.dispose()
    options = {"vector_field": "embedding", **EMBEDDED}
    return _sql(servers.postgresql, "postgresql", _data(servers.postgresql, "SHOW data_directory"), **options)


def mariadb(folder: Path, rows: Rows, servers: Servers) -> Store:
    """MariaDB, as its packages set it up."""
    _load(servers.mariadb, rows, "")
    return _sql(servers.mariadb, "mariadb", _data(servers.mariadb, "SELECT @@datadir"))


def _data(address: str, question: str) -> tuple[Path, ...]:
    """The folder of all of a server's data; none where it lies on another machine."""
    engine = sa.create_engine(address)
    with engine.connect() as connection:
        folder = Path(str(connection.exec_driver_sql(question).scalar_one()))
    engine.dispose()
    return (folder,) if folder.is_dir() else ()


def _load(address: str, rows: Rows, more: str, before: str = "SELECT 1") -> None:
    engine = sa.create_engine(address)
    with engine.begin() as connection:
        connection.exec_driver_sql(before)
        connection.exec_driver_sql(
            "DROP TABLE IF EXISTS rows" if "mysql" not in address else "DROP TABLE IF EXISTS `rows`"
        )
        name, wide = ("`rows`", " CHARACTER SET utf8mb4") if "mysql" in address else ("rows", "")
        connection.exec_driver_sql(
            f"CREATE TABLE {name} (id VARCHAR(20) PRIMARY KEY, contact TEXT, body TEXT, n INTEGER{more}){wide}"
        )
        insert = f"INSERT INTO {name} (id, contact, body, n) VALUES (:id, :contact, :body, :n)"  # noqa: S608
        connection.execute(sa.text(insert), list(rows))
    engine.dispose()


def _sql(address: str, name: str, folders: tuple[Path, ...], **options: object) -> Store:
    def read() -> list[dict[str, Any]]:
        engine = sa.create_engine(address)
        with engine.connect() as connection:
            table = "`rows`" if "mysql" in address else "rows"
            found = connection.exec_driver_sql(f"SELECT id, contact, body FROM {table}").fetchall()  # noqa: S608
        engine.dispose()
        return [{"id": row[0], "contact": row[1], "body": row[2]} for row in found]

    return Store(Place(name, "database", "sql", address, {**FIELDS, "table": "rows", **options}), read, folders)


def duckdb(folder: Path, rows: Rows, _: Servers) -> Store:
    """A DuckDB file."""
    import duckdb as library

    folder.mkdir()
    path = str(folder / "a.duckdb")
    with library.connect(path) as database:
        database.execute("CREATE TABLE rows (id TEXT PRIMARY KEY, contact TEXT, body TEXT, n INTEGER)")
        database.executemany("INSERT INTO rows VALUES (?, ?, ?, ?)", [list(row.values()) for row in rows])

    def read() -> list[dict[str, Any]]:
        with library.connect(path, read_only=True) as database:
            return list(database.execute("SELECT * FROM rows").to_arrow_table().to_pylist())

    place = Place("duckdb", "database", "duckdb", path, {**FIELDS, "table": "rows"})
    return Store(place, read, (folder,))


def delta(folder: Path, rows: Rows, _: Servers) -> Store:
    """A Delta table in several files."""
    import deltalake

    for start in range(0, len(rows), 100):
        deltalake.write_deltalake(str(folder), pa.Table.from_pylist(list(rows[start : start + 100])), mode="append")
    place = Place("delta", "dataset", "delta", str(folder), FIELDS)
    return Store(place, lambda: list(deltalake.DeltaTable(str(folder)).to_pyarrow_table().to_pylist()), (folder,))


def iceberg(folder: Path, rows: Rows, _: Servers) -> Store:
    """An Iceberg table in several snapshots."""
    from pyiceberg.catalog import load_catalog

    (folder / "warehouse").mkdir(parents=True)
    where = {"uri": f"sqlite:///{folder}/catalog.db", "warehouse": f"file://{folder}/warehouse"}
    catalog = load_catalog("default", type="sql", **where)
    catalog.create_namespace("crm")
    made = catalog.create_table("crm.rows", schema=pa.Table.from_pylist(list(rows)).schema)
    for start in range(0, len(rows), 100):
        made.append(pa.Table.from_pylist(list(rows[start : start + 100])))
    options = {**FIELDS, "table": "crm.rows", "warehouse": where["warehouse"]}
    place = Place("iceberg", "dataset", "iceberg", where["uri"], options)
    return Store(place, lambda: list(catalog.load_table("crm.rows").scan().to_arrow().to_pylist()), (folder,))


def redis(folder: Path, rows: Rows, servers: Servers) -> Store:
    """A cache with an append-only file and a snapshot: strings with JSON, and a stream."""
    import redis as library

    address, where = servers.redis
    with library.Redis.from_url(address) as client:
        client.flushall()
        for row in rows[::2]:
            client.set(
                f"row:{row['id']}", json.dumps({"id": row["id"], "contact": row["contact"], "body": row["body"]})
            )
        for row in rows[1::2]:
            client.xadd("row:stream", {"id": row["id"], "contact": row["contact"], "body": row["body"]})
        client.save()

    def read() -> list[dict[str, Any]]:
        with library.Redis.from_url(address, decode_responses=True) as client:
            kept = [json.loads(client.get(key)) for key in client.keys("row:R*")]
            return kept + [values for _, values in client.xrange("row:stream")]

    options = {"subject_fields": ["value.contact"], "text_fields": ["value.body"], "match": "row:*"}
    return Store(Place("redis", "cache", "redis", address, options), read, (where,))


def faiss_index(folder: Path, rows: Rows, _: Servers) -> Store:
    """A FAISS index with its chunks."""
    held = [Chunk(row["n"], row["id"], row["body"], "rows", row["contact"]) for row in rows]
    faiss.build(folder, held, HashedWords(SIZE))

    def read() -> list[dict[str, Any]]:
        kept = chunks.read(layout.current(folder).files / layout.CHUNKS)
        return [{"id": chunk.document, "contact": chunk.owner, "body": chunk.text} for chunk in kept.values()]

    place = Place("faiss", "index", "vector_index", str(folder), {"subject_fields": ["owner"]})
    return Store(place, read, (folder,))


def qdrant(folder: Path, rows: Rows, _: Servers) -> Store:
    """A Qdrant collection in a folder."""
    from qdrant_client import QdrantClient, models

    client = QdrantClient(path=str(folder))
    kind = models.VectorParams(size=SIZE, distance=models.Distance.DOT)
    client.create_collection("rows", vectors_config=kind)
    held = zip(rows, vectors(rows), strict=True)
    client.upsert("rows", [models.PointStruct(id=row["n"], payload=row, vector=vector) for row, vector in held])
    client.close()

    def read() -> list[dict[str, Any]]:
        again = QdrantClient(path=str(folder))
        found, _ = again.scroll("rows", limit=10_000)
        again.close()
        return [dict(point.payload or {}) for point in found]

    place = Place("qdrant", "index", "qdrant", str(folder), {**FIELDS, **EMBEDDED, "collection": "rows"})
    return Store(place, read, (folder,))


def chroma(folder: Path, rows: Rows, _: Servers) -> Store:
    """A Chroma collection in a folder."""
    import chromadb

    settings = chromadb.config.Settings(anonymized_telemetry=False)
    client = chromadb.PersistentClient(str(folder), settings=settings)
    made = client.create_collection("rows", embedding_function=None)
    made.add(
        ids=[row["id"] for row in rows],
        documents=[row["body"] for row in rows],
        metadatas=[{"id": row["id"], "contact": row["contact"]} for row in rows],
        embeddings=vectors(rows),
    )
    client.close()
    chromadb.api.client.SharedSystemClient.clear_system_cache()

    def read() -> list[dict[str, Any]]:
        # Opening a folder writes to it, with whatever this process has in memory: a copy is read.
        copy = shutil.copytree(folder, folder.with_name("chroma-read"), dirs_exist_ok=True)
        again = chromadb.PersistentClient(str(copy), settings=settings)
        found = again.get_collection("rows", embedding_function=None).get(include=["documents", "metadatas"])
        again.close()
        shutil.rmtree(copy)
        chromadb.api.client.SharedSystemClient.clear_system_cache()
        return [{**row, "body": text} for row, text in zip(found["metadatas"], found["documents"], strict=True)]

    options = {**FIELDS, "text_fields": ["document"], "collection": "rows", "embedder": "hashed-words"}
    return Store(Place("chroma", "index", "chroma", str(folder), options), read, (folder,))


def lancedb(folder: Path, rows: Rows, _: Servers) -> Store:
    """A LanceDB table with a full-text index."""
    import lancedb as library
    from lancedb.index import FTS

    held = [{**row, "vector": vector} for row, vector in zip(rows, vectors(rows), strict=True)]
    library.connect(str(folder)).create_table("rows", held).create_index("body", config=FTS())
    place = Place("lancedb", "index", "lancedb", str(folder), {**FIELDS, **EMBEDDED, "table": "rows"})

    def read() -> list[dict[str, Any]]:
        return list(library.connect(str(folder)).open_table("rows").to_arrow().to_pylist())

    return Store(place, read, (folder,))


def mlflow(folder: Path, rows: Rows, _: Servers) -> Store:
    """Runs of a file store, with tags and a text among the artifacts."""
    for row in rows:
        run = folder / "0" / row["id"]
        (run / "tags").mkdir(parents=True)
        (run / "artifacts").mkdir()
        (run / "meta.yaml").write_text("lifecycle_stage: active\n")
        (run / "tags" / "contact").write_text(row["contact"], "utf-8")
        (run / "artifacts" / "sample.txt").write_text(row["body"], "utf-8")

    def read() -> list[dict[str, Any]]:
        return list(_runs(folder))

    options = {"subject_fields": ["tags.contact"], "text_fields": ["artifacts.*"]}
    return Store(Place("mlflow", "log", "mlflow", str(folder), options), read, (folder,))


def _runs(folder: Path) -> Iterator[dict[str, Any]]:
    for run in sorted((folder / "0").iterdir()):
        contact, body = (run / "tags" / "contact"), (run / "artifacts" / "sample.txt")
        yield {"id": run.name, "contact": contact.read_text("utf-8"), "body": body.read_text("utf-8")}


STORES: Mapping[str, Callable[[Path, Rows, Servers], Store]] = {
    "files": json_lines,
    "archive": archive,
    "logs": logs,
    "bucket": bucket,
    "sqlite": sqlite,
    "postgresql": postgresql,
    "mariadb": mariadb,
    "duckdb": duckdb,
    "delta": delta,
    "iceberg": iceberg,
    "redis": redis,
    "faiss": faiss_index,
    "qdrant": qdrant,
    "chroma": chroma,
    "lancedb": lancedb,
    "mlflow": mlflow,
}
