"""Stores beside files and databases, read by their own libraries alone, for the second pair of eyes."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from compliance.provenance.connectors import Place
from compliance.validation.plainfiles import lines


def _duckdb(place: Place) -> Iterator[Any]:
    import duckdb

    parts = (str(place.options.get("schema") or "main"), str(place.options["table"]))
    table = ".".join('"' + part.replace('"', '""') + '"' for part in parts)
    with duckdb.connect(place.location, read_only=True) as connection:
        yield from connection.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608 - quoted names


def _delta(place: Place) -> Iterator[Any]:
    from deltalake import DeltaTable

    yield from DeltaTable(place.location).to_pyarrow_table().to_pylist()


def _iceberg(place: Place) -> Iterator[Any]:
    from pyiceberg.catalog import load_catalog

    options = place.options
    where = {"uri": os.path.expandvars(place.location), "type": str(options.get("catalog") or "sql")}
    where |= {"warehouse": str(options["warehouse"])} if options.get("warehouse") else {}
    catalog = load_catalog(str(options.get("catalog_name") or "default"), **where)
    yield from catalog.load_table(str(options["table"])).scan().to_arrow().to_pylist()


def _lance(place: Place) -> Iterator[Any]:
    import lancedb

    yield from lancedb.connect(place.location).open_table(str(place.options["table"])).to_arrow().to_pylist()


def _qdrant(place: Place) -> Iterator[Any]:
    from qdrant_client import QdrantClient

    server = "://" in place.location or "${" in place.location
    key = os.environ.get(str(place.options.get("api_key_variable") or ""))
    where: dict[str, Any] = {"url": os.path.expandvars(place.location), "api_key": key}
    client = QdrantClient(**(where if server else {"path": place.location}))
    try:
        offset = None
        while True:
            found, offset = client.scroll(str(place.options["collection"]), limit=500, offset=offset)
            yield from (point.payload or {} for point in found)
            if offset is None:
                return
    finally:
        client.close()


def _chroma(place: Place) -> Iterator[Any]:
    import chromadb

    settings = chromadb.config.Settings(anonymized_telemetry=False)
    copy = tempfile.TemporaryDirectory(prefix="oubli-chroma-")
    # Opening a folder writes to it: what is proved is read from a copy.
    folder = shutil.copytree(place.location, Path(copy.name) / "copy")
    client: Any = chromadb.PersistentClient(str(folder), settings=settings)
    try:
        collection = client.get_collection(str(place.options["collection"]), embedding_function=None)
        found = collection.get(include=["documents", "metadatas"])
        yield from zip(found["ids"], found["documents"] or [], found["metadatas"] or [], strict=False)
    finally:
        client.close()
        client.clear_system_cache()
        copy.cleanup()


def _redis(place: Place) -> Iterator[Any]:
    import redis

    readers: Mapping[str, Callable[[Any, bytes], Any]] = {
        "string": lambda client, key: client.get(key),
        "hash": lambda client, key: list(client.hgetall(key).items()),
        "list": lambda client, key: client.lrange(key, 0, -1),
        "set": lambda client, key: list(client.smembers(key)),
        "zset": lambda client, key: client.zrange(key, 0, -1),
        "stream": lambda client, key: [list(entry.items()) for _, entry in client.xrange(key)],
    }
    with redis.Redis.from_url(os.path.expandvars(place.location)) as client:
        for key in client.scan_iter(match=str(place.options.get("match") or "*")):
            yield key, readers[client.type(key).decode()](client, key)


def _objects(place: Place) -> Iterator[Any]:
    import fsspec

    protocol, _, path = place.location.partition("://")
    endpoint = place.options.get("endpoint_url")
    options = {"client_kwargs": {"endpoint_url": endpoint}} if endpoint else {}
    files = fsspec.filesystem(protocol, skip_instance_cache=True, **options)
    for name in files.glob(path) if "*" in path else files.find(path):
        with files.open(name, "rb") as handle:
            yield from lines(handle, int(files.info(name)["size"]))


def _images(place: Place) -> Iterator[Any]:
    """Names of files and the lines of the people file; what stands in a picture's bytes is searched as bytes."""
    root = Path(place.location)
    yield from (path.relative_to(root).as_posix() for path in root.rglob("*"))
    people = root / Path(str(place.options.get("people") or "people.csv")).name
    if people.is_file():
        yield from people.read_bytes().splitlines()


def _mlflow(place: Place) -> Iterator[Any]:
    for path in Path(place.location).rglob("*"):
        if path.is_file():
            yield path.read_bytes()


OTHER_STORES: Mapping[str, Callable[[Place], Iterator[Any]]] = {
    "duckdb": _duckdb,
    "delta": _delta,
    "iceberg": _iceberg,
    "lancedb": _lance,
    "qdrant": _qdrant,
    "chroma": _chroma,
    "redis": _redis,
    "objects": _objects,
    "mlflow": _mlflow,
    "images": _images,
}
