"""A table in a database, through SQLAlchemy: ``sqlite:///file`` or ``postgresql+psycopg://…``.

Options: ``table`` (needed), ``schema``, ``on_mention: redact|erase``; ``key_field`` is needed and must be unique.
Erasing is one transaction that rolls back unless the counts are right and everybody else's rows are as they were.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from compliance.provenance.connectors import Description, Match, Place, Progress, Receipt, Redaction, silent
from compliance.provenance.connectors.absence import Residue, measured, occurrences
from compliance.provenance.connectors.database import database_file, key_column, opened, row_of, table_of
from compliance.provenance.connectors.editing import Books, Orders, keep_undo, orders, unique_or_refuse
from compliance.provenance.connectors.matching import derived, matches
from compliance.provenance.connectors.rows import Row, Total, replaced
from compliance.rules.errors import ProofFailed, SourceUnreachable
from retrieval.types import Needle

_CHUNK = 500


def describe(place: Place) -> Description:
    """Digest over all rows in any order, size of the file (0 for a server), rows and columns."""
    with opened(place) as engine, engine.connect() as connection:
        table = table_of(place, engine)
        total = _total(connection, table, place)
    file = database_file(place)
    detail = {"table": table.name, "columns": [column.name for column in table.columns], "dialect": engine.dialect.name}
    return Description(_digest(total), file.stat().st_size if file else 0, total.count, detail)


def find(place: Place, needles: Sequence[Needle], *, region: str = "", progress: Progress = silent) -> Iterator[Match]:
    """Every occurrence of a needle in the declared columns, in any spelling."""
    return matches(_rows(place), place, needles, region=region, progress=progress)


def records(place: Place, keys: Collection[str] | None) -> Iterator[Row]:
    """The records of those names, or all of them."""
    return (row for row in _rows(place) if keys is None or row.key in keys)


def find_derived(place: Place, keys: Collection[str]) -> Iterator[Match]:
    """Rows whose lineage column names one of the keys."""
    return derived(_rows(place), place, keys)


def erase(
    place: Place,
    *,
    records: Collection[str] = (),
    redactions: Mapping[str, Sequence[Redaction]] | None = None,
    undo: Path | None = None,
    region: str = "",
    progress: Progress = silent,
) -> Receipt:
    """Delete and redact in one transaction; the deleted rows' bytes stay in the file until ``purge``."""
    started = time.monotonic()
    todo = orders(place, records, redactions, region)
    books = Books()
    with opened(place, writing=True) as engine:
        table = table_of(place, engine)
        with engine.begin() as connection:
            _lock(connection, table)
            rows = list(_concerned(connection, table, place, todo, books))
            changed = _edit(rows, todo, books)
            keep_undo(undo, books.undo)
            _carry_out(connection, table, place, [row.key for row in rows if row.key in todo.records], changed)
            after = _total(connection, table, place)
            books.check(after, place.name)
    progress(1.0, f"{place.name}: {books.removed} rows deleted, {books.redacted} redacted")
    return _receipt(books, after, time.monotonic() - started)


def absent(place: Place, patterns: Sequence[bytes]) -> int:
    """Occurrences in the database file and its write-ahead log, raw and decoded; for a server, in the rows as read."""
    file = database_file(place)
    if file is None:
        return sum(row.raw.count(pattern) for row in _rows(place) for pattern in patterns if pattern)
    return sum(occurrences(path, patterns) for path in _with_logs(file) if path.exists())


def purge(place: Place, patterns: Sequence[bytes] = ()) -> Receipt:
    """Rewrite what the database keeps after a delete: free pages, write-ahead log, dead rows, statistics."""
    started = time.monotonic()
    before = describe(place).digest
    file = database_file(place)
    notes = _purge_sqlite(file, place) if file else _purge_server(place)
    after = describe(place).digest
    if before != after:
        raise ProofFailed(f"{place.name}: rows changed while the database was rewritten; run the purge again.")
    receipt = Receipt(
        "rewritten", digest_before=before, digest_after=after, seconds=time.monotonic() - started, notes=notes
    )
    return measured(receipt, place, patterns, _residue)


def _residue(place: Place, patterns: Sequence[bytes]) -> Residue:
    return Residue(absent(place, patterns), files=database_file(place) is not None)


def _purge_sqlite(file: Path, place: Place) -> tuple[str, ...]:
    with closing(sqlite3.connect(file, timeout=20, isolation_level=None)) as connection:
        try:
            connection.execute("PRAGMA secure_delete=ON")
            connection.execute("VACUUM")
            busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        except sqlite3.OperationalError as error:
            raise SourceUnreachable(f"{place.name}: the database could not be rewritten ({error}).") from None
    if busy:
        raise SourceUnreachable(
            f"{place.name}: another program reads the database; its write-ahead log was not emptied."
        )
    return ("secure_delete, VACUUM, wal_checkpoint(TRUNCATE)",)


def _purge_server(place: Place) -> tuple[str, ...]:
    with opened(place) as engine:
        name = engine.dialect.identifier_preparer.format_table(table_of(place, engine))
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for statement in (f"VACUUM FULL {name}", f"ANALYZE {name}"):
                connection.exec_driver_sql(statement)
    return ("VACUUM FULL, ANALYZE", "the server's write-ahead log and backups keep old rows until they are rotated")


def _lock(connection: sa.Connection, table: sa.Table) -> None:
    if connection.dialect.name == "postgresql":
        name = connection.dialect.identifier_preparer.format_table(table)
        connection.exec_driver_sql(f"LOCK TABLE {name} IN SHARE ROW EXCLUSIVE MODE")


def _concerned(connection: sa.Connection, table: sa.Table, place: Place, todo: Orders, books: Books) -> Iterator[Row]:
    for row in _read(connection, table, place):
        if todo.concerns(row.key):
            yield row
        else:
            books.before.add(row.raw)


def _edit(rows: Sequence[Row], todo: Orders, books: Books) -> dict[str, dict[str, Any]]:
    unique_or_refuse((row.key for row in rows), todo.place)
    changed: dict[str, dict[str, Any]] = {}
    for row in rows:
        new = todo.apply(row, books, _redacted)
        if new is not None and new is not row:
            changed[row.key] = {name: value for name, value in new.value.items() if value != row.value[name]}
    return changed


def _carry_out(
    connection: sa.Connection,
    table: sa.Table,
    place: Place,
    gone: Sequence[str],
    changed: Mapping[str, Mapping[str, Any]],
) -> None:
    key = sa.cast(key_column(table, place), sa.String)
    deleted = 0
    for start in range(0, len(gone), _CHUNK):
        deleted += connection.execute(table.delete().where(key.in_(gone[start : start + _CHUNK]))).rowcount
    updated = sum(
        connection.execute(table.update().where(key == name).values(**values)).rowcount
        for name, values in changed.items()
    )
    if (deleted, updated) != (len(gone), len(changed)):
        raise ProofFailed(
            f"{place.name}: {deleted} rows deleted, {updated} changed; {len(gone)} and {len(changed)} were meant.",
            next_action="Nothing was changed (rolled back). Look for triggers or a key that is not unique.",
        )


def _redacted(row: Row, changes: Mapping[str, str], place: Place) -> Row:
    return row_of(replaced(row.value, changes), place)


def _rows(place: Place) -> Iterator[Row]:
    with opened(place) as engine, engine.connect() as connection:
        yield from _read(connection, table_of(place, engine), place)


def _read(connection: sa.Connection, table: sa.Table, place: Place) -> Iterator[Row]:
    # On the statement, not on the connection: a server-side cursor is for reading only.
    result = connection.execute(sa.select(table), execution_options={"yield_per": 1000})
    for row in result.mappings():
        yield row_of(dict(row), place)


def _total(connection: sa.Connection, table: sa.Table, place: Place) -> Total:
    total = Total()
    for row in _read(connection, table, place):
        total.add(row.raw)
    return total


def _digest(total: Total) -> str:
    return hashlib.sha256(total.hex().encode()).hexdigest()


def _with_logs(file: Path) -> list[Path]:
    return [file, *(file.with_name(file.name + end) for end in ("-wal", "-journal"))]


def _receipt(books: Books, after: Total, seconds: float) -> Receipt:
    nothing = not books.removed and not books.redacted
    return Receipt(
        level="logically_deleted",
        removed=books.removed,
        redacted=books.redacted,
        remaining=books.stale,
        digest_before=_digest(books.before),
        digest_after=_digest(after),
        records_before=books.before.count,
        records_after=after.count,
        others_before=books.others_before.hex(),
        others_after=books.others_after(after).hex(),
        seconds=seconds,
        notes=("nothing left to do: the records were already gone",) if nothing else ("free pages remain until purge",),
    )
