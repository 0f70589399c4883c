"""Change documents in SQLite: rows go, come back as they were, or say something else.

One transaction (``secure_delete``: freed bytes are zeroed; foreign keys and triggers do what the schema says), then the
file is written anew without its free pages (``VACUUM``), and the write-ahead log is emptied. SQLite's own journal makes
each of these whole or absent after a kill; the index's journal has them done again.
"""

import json
import shutil
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from errno import ENOSPC
from pathlib import Path
from typing import Any, Final

from retrieval.errors import IndexBusy, StoreOutOfStep
from retrieval.indexes.altering import Alteration
from retrieval.indexes.documents_sqlite import chunk_of, columns_of, connected, names_of, said, table_of
from retrieval.types import Chunk

_TEXTS: Final = ("document", "text", "source", "owner")
_DOING: Final = "Changing"


def rows(path: Path, ids: Sequence[int]) -> dict[int, str]:
    """Return rows whole, with all columns, as text from which ``prepare`` and ``alter`` put them back."""
    with said(path, "Reading"), closing(connected(path)) as database:
        table = table_of(database, path)
        names = names_of(database, table)
        select = f"SELECT {', '.join(map(_quoted, names))} FROM {table} WHERE id = ?"  # noqa: S608 - the schema's own names
        return {id: _written(names, row) for id in ids for row in database.execute(select, (id,)).fetchall()}


def prepare(path: Path, change: Alteration) -> None:
    """Try the change and take it back: a trigger, a lock or a full disk is met before anything counts."""
    size = path.stat().st_size
    if shutil.disk_usage(path.parent).free < 2 * size:
        raise OSError(ENOSPC, "no room to write its documents anew; nothing was changed", str(path))
    with said(path, _DOING), closing(connected(path)) as database:
        _empty_log(database, path)
        _apply(database, path, change)
        database.execute("ROLLBACK")


def alter(path: Path, change: Alteration) -> None:
    """Change the file and its log, whatever of it was done already."""
    with said(path, _DOING), closing(connected(path)) as database:
        _apply(database, path, change)
        database.execute("COMMIT")
        database.execute("VACUUM")
        _empty_log(database, path)


def _apply(database: sqlite3.Connection, path: Path, change: Alteration) -> None:
    """Change in a transaction that the caller ends; what a trigger keeps or makes of it is an error."""
    table = table_of(database, path)
    database.execute("PRAGMA secure_delete = ON")
    database.execute("PRAGMA foreign_keys = ON")
    database.execute("BEGIN IMMEDIATE")
    database.executemany(f"DELETE FROM {table} WHERE id = ?", [(id,) for id in change.gone])  # noqa: S608 - the schema's own name
    for row in change.back.values():
        _insert(database, table, json.loads(row))
    for chunk in change.texts:
        _update(database, path, table, chunk)
    wrong = _wrong(database, path, table, change)
    if wrong:
        database.execute("ROLLBACK")
        raise StoreOutOfStep(
            f"{_DOING} {path}: {wrong} of {len(change)} rows are not as they should be afterwards (a trigger keeps or "
            "changes them); nothing was changed. Remove the trigger."
        )


def _insert(database: sqlite3.Connection, table: str, row: Mapping[str, Any]) -> None:
    if database.execute(f"SELECT 1 FROM {table} WHERE id = ?", (row["id"],)).fetchall():  # noqa: S608
        return
    names, marks = ", ".join(map(_quoted, row)), ", ".join("?" * len(row))
    database.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", [_read(value) for value in row.values()])  # noqa: S608


def _update(database: sqlite3.Connection, path: Path, table: str, chunk: Chunk) -> None:
    """Write what differs and nothing else: a number that stands for a document stays a number."""
    (was,) = _chunks(database, path, table, chunk.id) or [chunk]
    there = names_of(database, table)
    for name in _TEXTS:
        if name in there and getattr(was, name) != getattr(chunk, name):
            value = (getattr(chunk, name), chunk.id)
            database.execute(f"UPDATE {table} SET {_quoted(name)} = ? WHERE id = ?", value)  # noqa: S608


def _wrong(database: sqlite3.Connection, path: Path, table: str, change: Alteration) -> int:
    still = sum(len(_chunks(database, path, table, id)) for id in change.gone)
    names = names_of(database, table)
    select = f"SELECT {', '.join(map(_quoted, names))} FROM {table} WHERE id = ?"  # noqa: S608
    found = {id: [_written(names, row) for row in database.execute(select, (id,)).fetchall()] for id in change.back}
    there = set(names)
    said_so = (
        _chunks(database, path, table, one.id) == [_without(one, missing=set(_TEXTS) - there)] for one in change.texts
    )
    return still + sum(found[id] != [row] for id, row in change.back.items()) + sum(not is_so for is_so in said_so)


def _without(chunk: Chunk, *, missing: set[str]) -> Chunk:
    """A chunk as a table without some columns gives it back."""
    empty: dict[str, Any] = {"source": "", "owner": None}
    return replace(chunk, **{name: empty[name] for name in missing})


def _chunks(database: sqlite3.Connection, path: Path, table: str, id: int) -> list[Chunk]:
    select = f"SELECT {columns_of(database, table)} FROM {table} WHERE id = ?"  # noqa: S608
    return [chunk_of(path, row) for row in database.execute(select, (id,)).fetchall()]


def _empty_log(database: sqlite3.Connection, path: Path) -> None:
    busy, _, _ = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise IndexBusy(
            f"{_DOING} {path}: another process reads it in a transaction that does not end, so its write-ahead log "
            "cannot be emptied; end that and try again."
        )


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def _written(names: Sequence[str], row: Sequence[Any]) -> str:
    values = ({"hex": value.hex()} if isinstance(value, bytes) else value for value in row)
    return json.dumps(dict(zip(names, values, strict=True)), ensure_ascii=False)


def _read(value: Any) -> Any:
    return bytes.fromhex(value["hex"]) if isinstance(value, dict) else value
