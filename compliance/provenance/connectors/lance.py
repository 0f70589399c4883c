"""A LanceDB table in a folder. Options: ``table`` (needed), ``vector_field``, ``text_field``, ``embedder``.

``key_field`` is needed. Deletes in Lance only mark rows, and its compaction passes over one person's; here a new
version is written without them, others' vectors bit for bit, and the purge drops every older version with its files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute

from compliance.provenance.connectors import Place
from compliance.provenance.connectors.absence import Residue, counted, occurrences
from compliance.provenance.connectors.borrowed import package
from compliance.provenance.connectors.columns import need_key, option, redacted, rows_of, table_from
from compliance.provenance.connectors.database import row_of
from compliance.provenance.connectors.embedding import vectors
from compliance.provenance.connectors.rows import Row, Total
from compliance.provenance.connectors.store import Check, Edit, Purged, StoreConnector
from compliance.rules.errors import DamagedArtifact, SourceUnreachable


class Table:
    """The table at its newest version."""

    def __init__(self, database: Any, table: Any, place: Place) -> None:
        self._database, self._table, self._place = database, table, place
        need_key(table.schema.names, place)

    def rows(self) -> Iterator[Row]:
        """Every row; its vector counts among its bytes."""
        return rows_of(self._table.to_arrow().to_batches(max_chunksize=1024), self._place)

    def redacted(self, row: Row, changes: Mapping[str, str], place: Place) -> Row:
        """The row with other texts, and a new vector where its text has one."""
        new = redacted(row, changes, place)
        name = str(place.options.get("vector_field") or "vector")
        if row.value.get(name) is None:
            return new
        text = str(new.value.get(str(place.options.get("text_field") or "text")) or "")
        vector = pa.array(vectors([text], len(row.value[name]), place), pa.list_(pa.float32())).to_pylist()[0]
        return row_of({**new.value, name: vector}, place)

    def apply(self, edit: Edit, check: Check) -> None:
        """One new version without the rows; the old version is put back when somebody else's row changed."""
        version, indices = self._table.version, list(self._table.list_indices())
        arrow = self._table.to_arrow()
        concerned = [*edit.gone, *(old for old, _ in edit.changed)]
        touched = pa.array([row.value[self._place.key_field] for row in concerned])
        column = arrow.column(self._place.key_field)
        kept = arrow.filter(pa.compute.invert(pa.compute.is_in(column, touched.cast(column.type))))
        if edit.changed:
            kept = pa.concat_tables([kept, table_from([new.value for _, new in edit.changed], arrow.schema)])
        self._table = self._database.create_table(option(self._place, "table"), kept, mode="overwrite")
        try:
            check(self._total())
        except BaseException:
            self._table.restore(version)
            raise
        edit.notes.extend(_indexed_again(self._table, indices, self._place))

    def _total(self) -> Total:
        total = Total()
        for row in self.rows():
            total.add(row.raw)
        return total

    def facts(self) -> tuple[int, dict[str, Any]]:
        """Bytes below the folder, version, columns."""
        size = sum(path.stat().st_size for path in Path(self._place.location).rglob("*") if path.is_file())
        return size, {"version": self._table.version, "columns": self._table.schema.names}


def _indexed_again(table: Any, indices: Sequence[Any], place: Place) -> list[str]:
    """Build the indexes of the old version on the new one, of their kind; what could not be built is said."""
    kinds, notes = package("lancedb.index", place, install="lancedb"), []
    for index in indices:
        kind, column = str(index.index_type), index.columns[0]
        try:
            table.create_index(column, config=getattr(kinds, kind)(), replace=True)
        except (AttributeError, ValueError, RuntimeError, OSError):
            notes.append(f"the {kind} index on {column} was not built again: build it as it was built before")
    return [*notes, "indexes were built again with their kind's usual settings"] if indices else notes


@contextmanager
def opened(place: Place, *, writing: bool = False) -> Iterator[Table]:
    """The table."""
    with _said(place):
        database = _database(place)
        yield Table(database, database.open_table(option(place, "table")), place)


def purge(place: Place) -> Purged:
    """Drop every version but the newest, with files that nothing names."""
    with _said(place):
        table = _database(place).open_table(option(place, "table"))
        table.optimize(cleanup_older_than=timedelta(0), delete_unverified=True)
        left = _empty_folders(Path(place.location))
    return Purged("rewritten", (f"older versions were removed; {left} empty folders went with them",))


def _empty_folders(base: Path) -> int:
    gone = 0
    for folder in sorted((path for path in base.rglob("*") if path.is_dir()), reverse=True):
        with suppress(OSError):
            folder.rmdir()
            gone += 1
    return gone


def residue(place: Place, patterns: Sequence[bytes]) -> Residue:
    """Raw bytes of every file of the table, and its rows as read."""
    folder = Path(place.location) / f"{option(place, 'table')}.lance"
    with opened(place) as table:
        rows = counted((row.raw for row in table.rows()), patterns)
    return Residue(max(rows, occurrences(folder, patterns)))


def _database(place: Place) -> Any:
    if not Path(place.location).is_dir():
        raise SourceUnreachable(f"{place.name}: there is no folder {Path(place.location).name!r}.")
    return package("lancedb", place).connect(place.location)


@contextmanager
def _said(place: Place) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, ValueError) as error:
        if "not found" in str(error).lower():
            raise SourceUnreachable(f"{place.name}: the folder has no such table.") from None
        raise DamagedArtifact(f"{place.name}: the table cannot be read ({type(error).__name__}).") from None
    except (OSError, RuntimeError) as error:
        raise DamagedArtifact(f"{place.name}: the table cannot be read or written ({type(error).__name__}).") from None


CONNECTOR = StoreConnector(opened, purge, residue, level="rewritten")
