"""A table of a DuckDB file. Options: ``table`` (needed), ``schema``; ``key_field`` is needed.

DuckDB keeps deleted rows in its file through CHECKPOINT and VACUUM; the purge copies the database into a new file,
compares every table, and swaps it in.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from compliance.provenance.connectors import Place
from compliance.provenance.connectors.absence import Residue, occurrences
from compliance.provenance.connectors.borrowed import package
from compliance.provenance.connectors.columns import need_key, option, redacted
from compliance.provenance.connectors.database import row_of
from compliance.provenance.connectors.paths import refuse_second_names
from compliance.provenance.connectors.rewriting import PREFIX, SUFFIX, sync, sync_folder, translated
from compliance.provenance.connectors.rows import Row, Total
from compliance.provenance.connectors.store import Check, Edit, Purged, StoreConnector
from compliance.rules.errors import DamagedArtifact, NotAllowed, ProofFailed, SourceUnreachable

_BATCH = 1000


class Table:
    """One table through one connection."""

    def __init__(self, connection: Any, place: Place) -> None:
        self._connection, self._place = connection, place
        schema = str(place.options.get("schema") or "main")
        self._name = f"{_quoted(schema)}.{_quoted(option(place, 'table'))}"
        self._columns = [row[0] for row in connection.execute(f"DESCRIBE {self._name}").fetchall()]
        self._key = f"CAST({_quoted(need_key(self._columns, place))} AS VARCHAR)"

    def rows(self) -> Iterator[Row]:
        """Every row."""
        result = self._connection.cursor().execute(f"SELECT * FROM {self._name}")  # noqa: S608 - quoted names
        while values := result.fetchmany(_BATCH):
            yield from (row_of(dict(zip(self._columns, value, strict=True)), self._place) for value in values)

    def redacted(self, row: Row, changes: Mapping[str, str], place: Place) -> Row:
        """The row with other texts."""
        return redacted(row, changes, place)

    def apply(self, edit: Edit, check: Check) -> None:
        """One transaction, rolled back when somebody else's row changed."""
        self._connection.execute("BEGIN")
        try:
            for row in edit.gone:
                self._connection.execute(f"DELETE FROM {self._name} WHERE {self._key} = ?", [row.key])  # noqa: S608
            for old, new in edit.changed:
                self._update(old, new)
            # In the transaction's own connection: another cursor would not see what it did.
            check(self._total())
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def _update(self, old: Row, new: Row) -> None:
        for name, value in new.value.items():
            if value != old.value[name]:
                statement = f"UPDATE {self._name} SET {_quoted(name)} = ? WHERE {self._key} = ?"  # noqa: S608
                self._connection.execute(statement, [value, old.key])

    def _total(self) -> Total:
        total = Total()
        result = self._connection.execute(f"SELECT * FROM {self._name}")  # noqa: S608 - quoted names
        while values := result.fetchmany(_BATCH):
            for value in values:
                total.add(row_of(dict(zip(self._columns, value, strict=True)), self._place).raw)
        return total

    def facts(self) -> tuple[int, dict[str, Any]]:
        """Bytes of the file, and the columns."""
        size = Path(self._place.location).stat().st_size
        return size, {"table": self._place.options["table"], "columns": self._columns}


@contextmanager
def opened(place: Place, *, writing: bool = False) -> Iterator[Table]:
    """The table; nothing outside the file is reachable through the connection."""
    duckdb, path = package("duckdb", place), _file(place)
    with _said(duckdb, place), translated(path):
        settings = {"enable_external_access": "false", "autoload_known_extensions": "false"}
        connection = duckdb.connect(str(path), read_only=not writing, config=settings)
        try:
            yield Table(connection, place)
        finally:
            connection.close()


def purge(place: Place) -> Purged:
    """Copy the database into a new file, compare, swap, remove the write-ahead log."""
    duckdb, path = package("duckdb", place), _file(place)
    refuse_second_names(path, place)
    target = path.with_name(f"{PREFIX}{path.name}{SUFFIX}")
    with _said(duckdb, place), translated(path):
        try:
            _copy(duckdb, path, target, place)
            os.chmod(target, path.stat().st_mode & 0o7777)
            sync(target)
            os.replace(target, path)
            sync_folder(path.parent)
        finally:
            for left in (target, target.with_name(target.name + ".wal")):
                left.unlink(missing_ok=True)
    return Purged("rewritten", ("the database was copied into a new file and the old one removed",))


def _copy(duckdb: Any, path: Path, target: Path, place: Place) -> None:
    target.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as connection:
        connection.execute("CHECKPOINT")
        connection.execute(f"ATTACH '{str(target).replace(chr(39), chr(39) * 2)}' AS fresh")
        source = _quoted(connection.execute("SELECT current_database()").fetchone()[0])
        connection.execute(f"COPY FROM DATABASE {source} TO fresh")
        if _counts(connection, source) != _counts(connection, "fresh"):
            raise ProofFailed(f"{place.name}: the copy does not hold every table's rows; it was thrown away.")
        connection.execute("CHECKPOINT fresh")
        connection.execute("DETACH fresh")
    path.with_name(path.name + ".wal").unlink(missing_ok=True)


def _counts(connection: Any, database: str) -> dict[tuple[str, str], int]:
    names = connection.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = ? AND NOT internal",
        [database.strip('"')],
    ).fetchall()
    return {
        (schema, table): connection.execute(
            f"SELECT count(*) FROM {database}.{_quoted(schema)}.{_quoted(table)}"  # noqa: S608 - quoted names
        ).fetchone()[0]
        for schema, table in names
    }


def residue(place: Place, patterns: Sequence[bytes]) -> Residue:
    """Raw bytes of the file and its log, and what every table decodes to (columns may be compressed in the file)."""
    path = _file(place)
    files = [path, path.with_name(path.name + ".wal"), path.with_name(f"{PREFIX}{path.name}{SUFFIX}")]
    raw = sum(occurrences(file, patterns) for file in files if file.exists())
    with opened(place) as table:
        rows = sum(row.raw.count(pattern) for row in table.rows() for pattern in patterns if pattern)
    return Residue(max(raw, rows))


@contextmanager
def _said(duckdb: Any, place: Place) -> Iterator[None]:
    try:
        yield
    except duckdb.CatalogException:
        raise SourceUnreachable(f"{place.name}: the database has no such table.") from None
    except duckdb.ConstraintException:
        raise NotAllowed(
            f"{place.name}: a constraint forbids it (other rows refer to these, or a column may not be null).",
            next_action="Register the referring table as a place too; its rows go first. Nothing was changed.",
        ) from None
    except duckdb.IOException as error:
        if "lock" in str(error).lower():
            raise SourceUnreachable(f"{place.name}: another program holds the database file open.") from None
        raise DamagedArtifact(f"{place.name}: the file is damaged, or no DuckDB database.") from None
    except duckdb.Error as error:
        raise SourceUnreachable(f"{place.name}: the database refused ({type(error).__name__}).") from None


def _file(place: Place) -> Path:
    path = Path(place.location)
    if not path.is_file():
        raise SourceUnreachable(f"{place.name}: there is no database file {path.name!r}.")
    return path


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


CONNECTOR = StoreConnector(opened, purge, residue)
