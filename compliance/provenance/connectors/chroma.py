"""A Chroma collection in a folder (``PersistentClient``). Options: ``collection`` (needed), ``embedder``.

Chroma keeps what is deleted: rows in its queue, tokens in its full-text index, vectors in its graph files, all of it
through a vacuum. The purge writes every collection into a new folder, compares, and swaps the folders. Whatever program
serves from the folder has to be stopped for that and started again.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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
        for record in _records(self._collection):
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
        payload = dict(row.value["payload"])
        document = payload.pop(_TEXT, None)
        self._collection.upsert(
            ids=[str(row.value["id"])],
            embeddings=[row.value["vector"]] if row.value["vector"] is not None else None,
            documents=[document] if document is not None else None,
            metadatas=[payload] if payload else None,
        )

    def facts(self) -> tuple[int, dict[str, Any]]:
        """Bytes of the folder, and the collection's name."""
        size = sum(path.stat().st_size for path in Path(self._place.location).rglob("*") if path.is_file())
        return size, {"collection": self._collection.name}


@contextmanager
def opened(place: Place, *, writing: bool = False) -> Iterator[Collection]:
    """The collection."""
    with _client(Path(place.location), place) as client:
        name = option(place, "collection")
        if name not in {found.name for found in client.list_collections()}:
            raise SourceUnreachable(f"{place.name}: there is no such collection.")
        yield Collection(client.get_collection(name, embedding_function=None), place)


def purge(place: Place) -> Purged:
    """Copy all collections into a new folder, compare, swap the folders, remove the old one."""
    folder = Path(place.location)
    target = folder.with_name(f"{PREFIX}{folder.name}{SUFFIX}")
    with translated(folder):
        shutil.rmtree(target, ignore_errors=True)
        try:
            with _client(folder, place) as old, _client(target, place, new=True) as new:
                _copy(old, new, place)
            os.chmod(target, folder.stat().st_mode & 0o7777)
            exchange(target, folder)
        finally:
            shutil.rmtree(target, ignore_errors=True)
    return Purged("rewritten", ("all collections were copied into a new folder and the old one removed",))


def _copy(old: Any, new: Any, place: Place) -> None:
    for source in old.list_collections():
        source = old.get_collection(source.name, embedding_function=None)
        space = {"hnsw": {"space": (source.configuration.get("hnsw") or {}).get("space") or "l2"}}
        target = new.create_collection(
            source.name, metadata=source.metadata, embedding_function=None, configuration=space
        )
        held = Collection(target, place)
        before, after = Total(), Total()
        for record in _records(source):
            row = points.row_of(record, place)
            before.add(row.raw)
            held._put(row)
        for row in held.rows():
            after.add(row.raw)
        if before != after:
            raise ProofFailed(f"{place.name}: the new folder does not hold every record; it was thrown away.")


def _records(collection: Any) -> Iterator[points.Point]:
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
def _client(folder: Path, place: Place, *, new: bool = False) -> Iterator[Any]:
    library = package("chromadb", place)
    if not new and not (folder / "chroma.sqlite3").is_file():
        raise SourceUnreachable(f"{place.name}: there is no Chroma folder {folder.name!r}.")
    settings = library.config.Settings(anonymized_telemetry=False, allow_reset=False)
    try:
        client = library.PersistentClient(path=str(folder), settings=settings)
        yield client
    except OubliError:
        raise
    except Exception as error:
        # Its errors have no common root: whatever it says may quote a record, so only the kind is passed on.
        raise DamagedArtifact(f"{place.name}: Chroma could not read or write it ({type(error).__name__}).") from None
    finally:
        # Clients of one folder share their state for the whole process; after a swap it would be another folder's.
        library.api.client.SharedSystemClient.clear_system_cache()


CONNECTOR = StoreConnector(opened, purge, residue)
