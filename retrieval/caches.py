"""Empty an answer cache of one person: rows that name a document or hold an identifier, gone from the bytes too."""

import sqlite3
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from retrieval.cached import Packed
from retrieval.cached import Wanted as Wanted
from retrieval.errors import RetrievalError
from retrieval.locate import Locator
from retrieval.types import Needle, Progress, silent

_PATIENCE: Final = 30.0  # seconds for other programs to let go of a file


class CacheUnreadable(RetrievalError):
    """A cache that is not an SQLite file, is damaged, or stays locked."""


@dataclass(frozen=True, slots=True)
class PurgeReceipt:
    """Rows removed by table, rows that only share a name with the person (kept), and how.

    ``found_after`` is what a second look, after the removal, still finds: the proof is that it is 0.
    """

    removed: dict[str, int]
    remaining: int
    name_only: int
    seconds: float
    how: str
    found_after: int = 0


def purge_cache(
    path: Path,
    *,
    document_ids: Collection[str] = (),
    needles: Sequence[Needle] = (),
    region: str | None = None,
    progress: Progress = silent,
) -> PurgeReceipt:
    """Remove every row of an SQLite cache that hangs on a document or holds an identifier.

    A row hangs on a document when a column, or a field of JSON in it, named like ``documents`` or ``chunk_ids`` holds
    its id, alone or in a list.
    Values may be JSON, bytes, or packed (gzip, zlib, bzip2, xz), one in another. Rows supported by a name only are kept
    and counted. Raises ``CacheUnreadable``, which says whether anything was removed.
    """
    started = time.perf_counter()
    if not path.is_file():
        raise CacheUnreadable(f"Purging the cache {path}: there is no such file; check the location.")
    sought = wanted(document_ids, needles, region)
    with closing(sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)) as database:
        try:
            removed, remaining, name_only = _purge(database, sought, progress)
        except (sqlite3.Error, Packed, CacheUnreadable) as error:
            why = type(error).__name__ if isinstance(error, sqlite3.Error) else str(error)
            raise CacheUnreadable(
                f"Purging the cache {path}: {why}; nothing was removed. Check that it is an SQLite file that can be "
                "read, and that no other program holds it."
            ) from None
        try:
            _out_of_the_bytes(database)
            after = _left(database, sought)
        except sqlite3.Error as error:
            raise CacheUnreadable(
                f"Purging the cache {path}: {sum(removed.values())} rows are removed, but their bytes still stand in "
                f"the file or its log ({type(error).__name__}), because another program reads it or there is no room. "
                "End that, and run it again."
            ) from None
    how = "rows deleted with secure_delete, write-ahead log truncated, file rewritten (VACUUM)"
    return PurgeReceipt(removed, remaining, name_only, time.perf_counter() - started, how, after)


def wanted(document_ids: Collection[str], needles: Sequence[Needle], region: str | None) -> Wanted:
    """Return what is looked for; raises ``ValueError`` for nothing, which would find nothing and look like a proof."""
    if not document_ids and not needles:
        raise ValueError("Emptying a cache of nobody: give documents or identifiers.")
    return Wanted(frozenset(map(str, document_ids)), Locator(needles, region=region))


def _purge(database: sqlite3.Connection, wanted: Wanted, progress: Progress) -> tuple[dict[str, int], int, int]:
    """Delete rows in one transaction; nothing is gone before all that is there was read."""
    database.execute("PRAGMA secure_delete = ON")
    database.execute("BEGIN IMMEDIATE")
    removed: dict[str, int] = {}
    remaining = name_only = 0
    for table in _tables(database):
        verdicts = list(_verdicts(database, table, wanted))
        gone = [key for key, verdict in verdicts if verdict == "gone"]
        if gone and table.is_virtual:
            raise CacheUnreadable(
                f"its table {table.name} is a virtual one (a full-text index), whose copies are not removed here; "
                "delete the rows through the application that made it, or drop that table"
            )
        database.executemany(f"DELETE FROM {table.quoted} WHERE {table.where}", gone)  # noqa: S608 - quoted names
        removed[table.name] = len(gone)
        remaining += len(verdicts) - len(gone)
        name_only += sum(verdict == "name" for _, verdict in verdicts)
        progress(0.5, f"{sum(removed.values())} cached rows removed")
    database.execute("COMMIT")
    progress(1.0, f"{sum(removed.values())} cached rows removed")
    return removed, remaining, name_only


def _out_of_the_bytes(database: sqlite3.Connection) -> None:
    """Write the file anew and empty its log; raises ``sqlite3.OperationalError`` while another program reads there."""
    for step in ("PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
        answer = database.execute(step).fetchone()
    if answer and answer[0]:
        raise sqlite3.OperationalError("the write-ahead log is in use")


def _left(database: sqlite3.Connection, sought: Wanted) -> int:
    """Look again, at everything, as it is now."""
    tables = [_verdicts(database, table, sought) for table in _tables(database)]
    return sum(verdict == "gone" for rows in tables for _, verdict in rows)


@dataclass(frozen=True)
class _Table:
    """A table, and the columns by which a row of it is known."""

    name: str
    keys: tuple[str, ...]
    is_virtual: bool

    @property
    def quoted(self) -> str:
        return _quoted(self.name)

    @property
    def where(self) -> str:
        return " AND ".join(f"{key} IS ?" for key in self.keys)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _tables(database: sqlite3.Connection) -> list[_Table]:
    """Return the tables; those that a virtual one keeps its content in (its shadows) belong to that one."""
    listed = database.execute("PRAGMA main.table_list").fetchall()  # schema, name, type, columns, without rowid, strict
    if not listed:
        raise sqlite3.NotSupportedError("SQLite before 3.37 does not list its tables")
    return [
        _Table(name, _keys(database, name) if bare else ("rowid",), kind == "virtual")
        for _, name, kind, _, bare, _ in listed
        if kind in {"table", "virtual"} and not name.startswith("sqlite_")
    ]


def _keys(database: sqlite3.Connection, name: str) -> tuple[str, ...]:
    columns = database.execute(f"PRAGMA table_info({_quoted(name)})").fetchall()
    return tuple(_quoted(column[1]) for column in columns if column[5])


def _verdicts(
    database: sqlite3.Connection, table: _Table, wanted: Wanted
) -> Iterator[tuple[tuple[object, ...], str | None]]:
    keys = len(table.keys)
    cursor = database.execute(f"SELECT {', '.join(table.keys)}, * FROM {table.quoted}")  # noqa: S608 - quoted names
    columns = [column[0] for column in cursor.description][keys:]
    for row in cursor:
        yield row[:keys], wanted.verdict(dict(zip(columns, row[keys:], strict=True)))
