"""Empty an answer cache of one person: rows that name a document or hold an identifier, gone from the bytes too."""

import sqlite3
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from retrieval.errors import RetrievalError
from retrieval.locate import Locator
from retrieval.types import Needle, Progress, silent

_LINKS = frozenset(
    f"{thing}{ending}" for thing in ("document", "chunk", "source") for ending in ("", "s", "_id", "_ids")
)


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

    A row hangs on a document when a column named like ``documents`` or ``chunk_ids`` holds its id, alone or in a list.
    Rows supported by a name only are kept and counted. Raises ``CacheUnreadable``; nothing is removed then.
    """
    started = time.perf_counter()
    if not path.is_file():
        raise CacheUnreadable(f"Purging the cache {path}: there is no such file; check the location.")
    sought = Wanted(frozenset(map(str, document_ids)), Locator(needles, region=region))
    try:
        with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as database:
            removed, remaining, name_only = _purge(database, sought, progress)
            after = _left(database, sought)
    except sqlite3.Error as error:
        raise CacheUnreadable(
            f"Purging the cache {path}: {type(error).__name__}; nothing was removed. Check that it is an SQLite file "
            "and that no other program holds it."
        ) from error
    how = "rows deleted with secure_delete, write-ahead log truncated, file rewritten (VACUUM)"
    return PurgeReceipt(removed, remaining, name_only, time.perf_counter() - started, how, after)


@dataclass(frozen=True)
class Wanted:
    """What a cached answer must not hang on: documents by id, identifiers wherever they stand."""

    documents: frozenset[str]
    locator: Locator

    def verdict(self, row: dict[str, object]) -> str | None:
        """Return ``gone``, ``name`` or nothing."""
        if any(_ids_in(value) & self.documents for column, value in row.items() if column.lower() in _LINKS):
            return "gone"
        texts = [value for value in row.values() if isinstance(value, str)]
        supports = {rule.support for text in texts for _, _, rule in self.locator.spans(text)}
        return "gone" if supports - {"name"} else ("name" if supports else None)


def wanted(document_ids: Collection[str], needles: Sequence[Needle], region: str | None) -> Wanted:
    """Return what is looked for; raises ``ValueError`` for nothing, which would find nothing and look like a proof."""
    if not document_ids and not needles:
        raise ValueError("Emptying a cache of nobody: give documents or identifiers.")
    return Wanted(frozenset(map(str, document_ids)), Locator(needles, region=region))


def _ids_in(value: object) -> frozenset[str]:
    """Return the ids of a cell: one id, a JSON list, or a list with commas."""
    marks = str.maketrans(dict.fromkeys("[]\"'", " "))
    return frozenset(part.strip() for part in str(value).translate(marks).split(","))


def _purge(database: sqlite3.Connection, wanted: Wanted, progress: Progress) -> tuple[dict[str, int], int, int]:
    database.execute("PRAGMA secure_delete = ON")
    database.execute("BEGIN IMMEDIATE")
    removed: dict[str, int] = {}
    remaining = name_only = 0
    for table in _tables(database):
        verdicts = dict(_verdicts(database, table, wanted))
        gone = [(row,) for row, verdict in verdicts.items() if verdict == "gone"]
        database.executemany(f"DELETE FROM {table} WHERE rowid = ?", gone)  # noqa: S608 - quoted name of the schema
        removed[table.strip('"')] = len(gone)
        remaining += len(verdicts) - len(gone)
        name_only += sum(verdict == "name" for verdict in verdicts.values())
        progress(0.5, f"{sum(removed.values())} cached rows removed")
    database.execute("COMMIT")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.execute("VACUUM")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    progress(1.0, f"{sum(removed.values())} cached rows removed")
    return removed, remaining, name_only


def _left(database: sqlite3.Connection, sought: Wanted) -> int:
    """Look again, at everything, as it is now."""
    tables = [_verdicts(database, table, sought) for table in _tables(database)]
    return sum(verdict == "gone" for rows in tables for _, verdict in rows)


def _tables(database: sqlite3.Connection) -> list[str]:
    query = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    return ['"' + name.replace('"', '""') + '"' for (name,) in database.execute(query).fetchall()]


def _verdicts(database: sqlite3.Connection, table: str, wanted: Wanted) -> Iterator[tuple[int, str | None]]:
    cursor = database.execute(f"SELECT rowid AS rowid_, * FROM {table}")  # noqa: S608 - quoted name of the schema
    columns = [column[0] for column in cursor.description][1:]
    for rowid, *values in cursor:
        yield rowid, wanted.verdict(dict(zip(columns, values, strict=True)))
