"""A table in a database, through SQLAlchemy: ``sqlite:///file``, ``postgresql://…`` or ``mariadb://…``.

Options: ``table`` (needed), ``schema``, ``on_mention: redact|erase``, ``null_fields`` (columns that become null in the
person's rows, which then stay), ``references`` (``{table.column: delete|null}``: what becomes of rows that refer to
erased ones), ``vector_field``, ``text_field``, ``embedder`` (pgvector); ``key_field`` is needed and must be unique.
Erasing is one transaction that rolls back unless the counts are right and everybody else's rows are as they were.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from compliance.provenance.connectors import Description, Match, Place, Progress, Receipt, Redaction, silent
from compliance.provenance.connectors.absence import measured
from compliance.provenance.connectors.database import MYSQL, database_file, key_column, opened, row_of, table_of
from compliance.provenance.connectors.editing import Books, Orders, keep_undo, orders, unique_or_refuse
from compliance.provenance.connectors.matching import derived, matches
from compliance.provenance.connectors.references import refers_to, release
from compliance.provenance.connectors.rows import Row, Total, replaced
from compliance.provenance.connectors.sql_purge import purged, residue
from compliance.provenance.connectors.vector_column import with_new_vector
from compliance.rules.errors import ProofFailed
from retrieval.types import Needle

_CHUNK = 500


def describe(place: Place) -> Description:
    """Digest over all rows in any order, size of the file (0 for a server), rows and columns."""
    with opened(place) as engine, engine.connect() as connection:
        table = table_of(place, engine)
        total = _total(connection, table, place)
    file = database_file(place)
    detail = {
        "table": table.name,
        "columns": [column.name for column in table.columns],
        "dialect": engine.dialect.name,
        "refers_to": refers_to(table),
    }
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
            gone = [row for row in rows if row.key in todo.records and not _nulls(place)]
            notes = release(connection, table, gone, place)
            _carry_out(connection, table, place, gone, changed)
            after = _counted_again(connection, table, place, books, changed)
            books.check(after, place.name)
    progress(1.0, f"{place.name}: {books.removed} rows deleted, {books.redacted} redacted")
    receipt = _receipt(books, after, time.monotonic() - started)
    return replace(receipt, notes=(*receipt.notes, *notes))


def absent(place: Place, patterns: Sequence[bytes]) -> int:
    """Occurrences in the table's own files, raw and decoded, where they can be read from here; and in its rows."""
    return residue(place, patterns, _rows(place)).count


def purge(place: Place, patterns: Sequence[bytes] = ()) -> Receipt:
    """Rewrite what the database keeps after a delete: free pages, write-ahead log, dead rows, statistics."""
    started = time.monotonic()
    before = describe(place).digest
    done = purged(place)
    after = describe(place).digest
    if before != after:
        raise ProofFailed(f"{place.name}: rows changed while the database was rewritten; run the purge again.")
    seconds = time.monotonic() - started
    receipt = Receipt(done.level, digest_before=before, digest_after=after, seconds=seconds, notes=done.notes)
    return measured(receipt, place, patterns, lambda place, patterns: residue(place, patterns, _rows(place)))


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


def _nulls(place: Place) -> tuple[str, ...]:
    return tuple(place.options.get("null_fields") or ())


def _edit(rows: Sequence[Row], todo: Orders, books: Books) -> dict[str, dict[str, Any]]:
    unique_or_refuse((row.key for row in rows), todo.place)
    changed: dict[str, dict[str, Any]] = {}
    nulls = _nulls(todo.place)
    for row in rows:
        if nulls and row.key in todo.records:
            new: Row | None = books.exchange(row, _nulled(row, nulls, todo.place), todo.place)
        else:
            new = todo.apply(row, books, _redacted)
        if new is not None and new is not row:
            changed[row.key] = {name: value for name, value in new.value.items() if value != row.value[name]}
    return changed


def _nulled(row: Row, nulls: Sequence[str], place: Place) -> Row:
    """The row without the person; the row itself when nothing is left to take out."""
    if all(row.value.get(name) is None for name in nulls):
        return row
    return row_of({**row.value, **dict.fromkeys(nulls)}, place)


def _carry_out(
    connection: sa.Connection,
    table: sa.Table,
    place: Place,
    gone: Sequence[Row],
    changed: Mapping[str, Mapping[str, Any]],
) -> None:
    deleted = 0
    for start in range(0, len(gone), _CHUNK):
        keys = [row.key for row in gone[start : start + _CHUNK]]
        deleted += connection.execute(table.delete().where(_named(connection, table, place, keys))).rowcount
    updated = sum(
        connection.execute(table.update().where(_named(connection, table, place, [name])).values(**values)).rowcount
        for name, values in changed.items()
    )
    if (deleted, updated) != (len(gone), len(changed)):
        raise ProofFailed(
            f"{place.name}: {deleted} rows deleted, {updated} changed; {len(gone)} and {len(changed)} were meant.",
            next_action="Nothing was changed (rolled back). Look for triggers or a key that is not unique.",
        )


def _named(connection: sa.Connection, table: sa.Table, place: Place, keys: Sequence[str]) -> sa.ColumnElement[bool]:
    """Rows with exactly these keys: MariaDB would take letters of another case, and trailing spaces, for the same."""
    key = sa.cast(key_column(table, place), sa.String)
    if connection.dialect.name in MYSQL:
        binary = sa.cast(sa.cast(key_column(table, place), sa.CHAR), sa.LargeBinary)
        return binary.in_([name.encode() for name in keys])
    return key.in_(list(keys))


def _redacted(row: Row, changes: Mapping[str, str], place: Place) -> Row:
    return row_of(with_new_vector(row.value, replaced(row.value, changes), place), place)


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


def _counted_again(
    connection: sa.Connection, table: sa.Table, place: Place, books: Books, changed: Collection[str]
) -> Total:
    """The total of what stands there now; a changed row is known by its key: a server writes numbers its own way."""
    total, books.fresh = Total(), Total()
    for row in _read(connection, table, place):
        total.add(row.raw)
        if row.key in changed:
            books.fresh.add(row.raw)
    return total


def _digest(total: Total) -> str:
    return hashlib.sha256(total.hex().encode()).hexdigest()


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
