"""A Chroma collection in a folder (``PersistentClient``). Options: ``collection`` (needed), ``embedder``.

Chroma keeps what is deleted: rows in its queue, tokens in its full-text index, vectors in its graph files, all of it
through a vacuum. The purge writes every collection into a new folder, compares, and swaps the folders. Whatever program
serves from the folder has to be stopped for that and started again.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, cast

from compliance.provenance.connectors import Place, points
from compliance.provenance.connectors.absence import Residue, counted, occurrences
from compliance.provenance.connectors.borrowed import package
from compliance.provenance.connectors.columns import option
from compliance.provenance.connectors.exchange import exchange
from compliance.provenance.connectors.rewriting import PREFIX, SUFFIX, translated
from compliance.provenance.connectors.rows import Row, Total
from compliance.provenance.connectors.store import Check, Edit, Purged, StoreConnector
from compliance.rules.errors import DamagedArtifact, OubliError, ProofFailed, SourceUnreachable

_BATCH = 500
_TEXT = "document"


class Collection:
    """One collection through one client."""

    def __init__(self, collection: Any, place: Place) -> None:
        self._collection, self._place = collection, place

    def rows(self) -> Iterator[Row]:
        """Every record: its document, metadata and vector."""
        for record in records_of(self._collection):
            yield points.row_of(record, self._place)

    def redacted(self, row: Row, changes: Mapping[str, str], place: Place) -> Row:
        """The record with other texts and a new vector."""
        options = {**place.options, "text_field": place.options.get("text_field") or _TEXT}
        return points.redacted(row, changes, Place(place.name, place.kind, place.connector, place.location, options))

    def apply(self, edit: Edit, check: Check) -> None:
        """Write what changed, delete what goes; without transactions, what was there is written back on failure."""
        for _, new in edit.changed:
            self._put(new)
        for start in range(0, len(edit.gone), _BATCH):
            self._collection.delete(ids=[str(row.value["id"]) for row in edit.gone[start : start + _BATCH]])
        total = Total()
        for row in self.rows():
            total.add(row.raw)
        try:
            check(total)
        except BaseException:
            for row in (*edit.gone, *(old for old, _ in edit.changed)):
                self._put(row)
            raise

    def _put(self, row: Row) -> None:
        put(self._collection, row)

    def facts(self) -> tuple[int, dict[str, Any]]:
        """Bytes of the folder, and the collection's name."""
        size = sum(path.stat().st_size for path in Path(self._place.location).rglob("*") if path.is_file())
        return size, {"collection": self._collection.name}


def put(collection: Any, row: Row) -> None:
    """Write a record, whether it is there or not."""
    payload = dict(row.value["payload"])
    document = payload.pop(_TEXT, None)
    collection.upsert(
        ids=[str(row.value["id"])],
        embeddings=[row.value["vector"]] if row.value["vector"] is not None else None,
        documents=[document] if document is not None else None,
        metadatas=[payload] if payload else None,
    )


@contextmanager
def opened(place: Place, *, writing: bool = False) -> Iterator[Collection]:
    """The collection; to read it, a private copy of the folder is opened.

    Chroma writes its graph file whenever a collection is opened, with whatever the opening process has in memory where
    nothing stands yet: here that may be the person. So the company's own folder is only opened to be changed.
    """
    with _folder_for(place, writing) as folder, client_of(folder, place) as client:
        name = option(place, "collection")
        if name not in {found.name for found in client.list_collections()}:
            raise SourceUnreachable(f"{place.name}: there is no such collection.")
        yield Collection(client.get_collection(name, embedding_function=None), place)


@contextmanager
def _folder_for(place: Place, writing: bool) -> Iterator[Path]:
    if writing or not Path(place.location).is_dir():
        yield Path(place.location)
        return
    with tempfile.TemporaryDirectory(prefix="oubli-chroma-") as name, translated(Path(place.location)):
        yield Path(shutil.copytree(place.location, Path(name) / "copy"))


def purge(place: Place) -> Purged:
    """Copy all collections into a new folder, compare, swap the folders, remove the old one."""
    folder = Path(place.location)
    target = folder.with_name(f"{PREFIX}{folder.name}{SUFFIX}")
    with translated(folder):
        shutil.rmtree(target, ignore_errors=True)
        try:
            _copy_apart(place, target)
            os.chmod(target, folder.stat().st_mode & 0o7777)
            exchange(target, folder)
        finally:
            shutil.rmtree(target, ignore_errors=True)
    return Purged("rewritten", ("all collections were copied into a new folder and the old one removed",))


def _copy_apart(place: Place, target: Path) -> None:
    """Have a process of its own write the new folder, which is told what stays and has never seen what went.

    Chroma's graph file is written with room for more, and what stands in that room is whatever its process had in
    memory: in this one, which reads the old folder, that may be the person.
    """
    command = [sys.executable, "-W", "ignore", "-m", "compliance.provenance.connectors.chroma_copy", str(target)]
    surroundings = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    before, pipe = Total(), subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env=surroundings) as writer:
        told, answer = cast(IO[bytes], writer.stdin), cast(IO[bytes], writer.stdout)
        with suppress(BrokenPipeError), told:
            for line in _kept(place, before):
                told.write(json.dumps(line).encode() + b"\n")
        said = answer.read().decode().strip()
    if said != before.hex():
        raise ProofFailed(
            f"{place.name}: the new folder does not hold every record; it was thrown away, the old one is untouched.",
            next_action="Stop what serves from the folder, see that the disk has room for a second copy, try again.",
        )


def _kept(place: Place, total: Total) -> Iterator[list[Any]]:
    """Every collection (name, metadata, measure of nearness), each followed by its records."""
    with client_of(Path(place.location), place) as client:
        for collection in client.list_collections():
            collection = client.get_collection(collection.name, embedding_function=None)
            space = (collection.configuration.get("hnsw") or {}).get("space") or "l2"
            yield ["collection", collection.name, collection.metadata, space]
            for record in records_of(collection):
                total.add(points.row_of(record, place).raw)
                yield ["record", record.id, dict(record.payload), record.vector]


def records_of(collection: Any) -> Iterator[points.Point]:
    start = 0
    while True:
        found = collection.get(limit=_BATCH, offset=start, include=["documents", "metadatas", "embeddings"])
        for number, name in enumerate(found["ids"]):
            payload = dict(found["metadatas"][number] or {})
            if found["documents"][number] is not None:
                payload[_TEXT] = found["documents"][number]
            vector = found["embeddings"][number] if found["embeddings"] is not None else None
            yield points.Point(name, payload, None if vector is None else [float(part) for part in vector])
        if len(found["ids"]) < _BATCH:
            return
        start += _BATCH


def residue(place: Place, patterns: Sequence[bytes]) -> Residue:
    """Raw and decoded bytes of every file of the folder, and the records as read."""
    with opened(place) as collection:
        rows = counted((row.raw for row in collection.rows()), patterns)
    return Residue(max(rows, occurrences(Path(place.location), patterns)))


@contextmanager
def client_of(folder: Path, place: Place, *, new: bool = False) -> Iterator[Any]:
    library = package("chromadb", place)
    if not new and not (folder / "chroma.sqlite3").is_file():
        raise SourceUnreachable(f"{place.name}: there is no Chroma folder {folder.name!r}.")
    settings = library.config.Settings(anonymized_telemetry=False, allow_reset=False)
    client = None
    try:
        client = library.PersistentClient(path=str(folder), settings=settings)
        yield client
    except OubliError:
        raise
    except Exception as error:
        # Its errors have no common root: whatever it says may quote a record, so only the kind is passed on.
        raise DamagedArtifact(f"{place.name}: Chroma could not read or write it ({type(error).__name__}).") from None
    finally:
        # A client that is not closed writes on from behind, and clients of one folder share their state for the whole
        # process: after a swap both would meet another folder.
        if client is not None:
            client.close()
        library.api.client.SharedSystemClient.clear_system_cache()


CONNECTOR = StoreConnector(opened, purge, residue)
