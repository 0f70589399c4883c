"""A Qdrant collection: a folder (the client's local mode) or a server's address.

Options: ``collection`` (needed), ``text_field``, ``embedder``; a server's key stands in the environment, in the
variable that ``api_key_variable`` names. In local mode the purge rewrites the collection's file; a server
drops deleted points when its optimiser runs, which nothing outside can see, so the level there stays where it is.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from compliance.provenance.connectors import Place, points
from compliance.provenance.connectors.absence import Residue, counted, occurrences
from compliance.provenance.connectors.borrowed import filled_in, package
from compliance.provenance.connectors.columns import option
from compliance.provenance.connectors.rows import Row, Total
from compliance.provenance.connectors.store import Check, Edit, Purged, StoreConnector
from compliance.rules.errors import DamagedArtifact, SourceUnreachable

_BATCH = 500


class Collection:
    """One collection through one client."""

    def __init__(self, client: Any, models: Any, place: Place) -> None:
        self._client, self._models, self._place, self._name = client, models, place, option(place, "collection")
        if not client.collection_exists(self._name):
            raise SourceUnreachable(f"{place.name}: there is no such collection.")

    def rows(self) -> Iterator[Row]:
        """Every point with its payload and vector."""
        start = None
        while True:
            found, start = self._client.scroll(
                self._name, limit=_BATCH, offset=start, with_payload=True, with_vectors=True
            )
            for point in found:
                yield points.row_of(points.Point(point.id, point.payload or {}, point.vector), self._place)
            if start is None:
                return

    def redacted(self, row: Row, changes: Mapping[str, str], place: Place) -> Row:
        """The point with other texts and a new vector."""
        return points.redacted(row, changes, place)

    def apply(self, edit: Edit, check: Check) -> None:
        """Delete, then write what changed; Qdrant has no transactions, so what was there is written back on failure."""
        if edit.changed:
            self._put([new for _, new in edit.changed])
        if edit.gone:
            ids = self._models.PointIdsList(points=[row.value["id"] for row in edit.gone])
            self._client.delete(self._name, points_selector=ids, wait=True)
        total = Total()
        for row in self.rows():
            total.add(row.raw)
        try:
            check(total)
        except BaseException:
            self._put([*edit.gone, *(old for old, _ in edit.changed)])
            raise

    def _put(self, rows: Sequence[Row]) -> None:
        made = [
            self._models.PointStruct(id=r.value["id"], payload=r.value["payload"], vector=r.value["vector"] or {})
            for r in rows
        ]
        self._client.upsert(self._name, points=made, wait=True)

    def facts(self) -> tuple[int, dict[str, Any]]:
        """Bytes of the folder (0 for a server) and the collection's size."""
        file = _file(self._place)
        return (file.stat().st_size if file else 0), {"collection": self._name, "local": file is not None}


@contextmanager
def opened(place: Place, *, writing: bool = False) -> Iterator[Collection]:
    """The collection."""
    library = package("qdrant_client", place, install="qdrant-client")
    client = _client(library, place)
    try:
        with _said(place):
            yield Collection(client, library.models, place)
    finally:
        client.close()


def _client(library: Any, place: Place) -> Any:
    if _is_server(place):
        variable = str(place.options.get("api_key_variable") or "")
        key = os.environ.get(variable) if variable else None
        return library.QdrantClient(url=filled_in(place.location, place), api_key=key, timeout=30)
    if not Path(place.location).is_dir():
        raise SourceUnreachable(f"{place.name}: there is no folder {Path(place.location).name!r}.")
    try:
        return library.QdrantClient(path=place.location)
    except RuntimeError:
        raise SourceUnreachable(f"{place.name}: another program holds the folder open.") from None


def purge(place: Place) -> Purged:
    """Rewrite the local file; a server is only asked, and nobody outside sees when it has done so."""
    file = _file(place)
    if file is None:
        return Purged("logically_deleted", ("the server drops deleted points when its optimiser merges segments",))
    with opened(place), closing(sqlite3.connect(file, timeout=20, isolation_level=None)) as connection:
        try:
            connection.execute("PRAGMA secure_delete=ON")
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            raise SourceUnreachable(
                f"{place.name}: the file could not be rewritten ({type(error).__name__})."
            ) from None
    return Purged("rewritten", ("the collection's file was rewritten (secure_delete, VACUUM)",))


def residue(place: Place, patterns: Sequence[bytes]) -> Residue:
    """Raw bytes of the collection's folder in local mode, and its points as read."""
    with opened(place) as collection:
        rows = counted((row.raw for row in collection.rows()), patterns)
    file = _file(place)
    return Residue(max(rows, occurrences(file.parent, patterns)) if file else rows, files=file is not None)


def _file(place: Place) -> Path | None:
    if _is_server(place):
        return None
    file = Path(place.location) / "collection" / option(place, "collection") / "storage.sqlite"
    if not file.is_file():
        raise SourceUnreachable(f"{place.name}: there is no such collection.")
    return file


def _is_server(place: Place) -> bool:
    return "://" in place.location or place.location.startswith("${")


@contextmanager
def _said(place: Place) -> Iterator[None]:
    errors = package("qdrant_client.http.exceptions", place, install="qdrant-client")
    try:
        yield
    except (errors.ApiException, ConnectionError) as error:
        raise SourceUnreachable(f"{place.name}: the server does not answer ({type(error).__name__}).") from None
    except sqlite3.Error as error:
        raise DamagedArtifact(f"{place.name}: the file is damaged ({type(error).__name__}).") from None


CONNECTOR = StoreConnector(opened, purge, residue)
