"""Documents in SQLite: the table ``chunks``, or the only one with the columns id, document and text."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from errno import ENOSPC
from pathlib import Path
from threading import Lock
from typing import Any, Final
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

from retrieval.errors import IndexBusy, IndexUnreadable, StoreOutOfStep
from retrieval.types import Chunk

_NEEDED: Final = ("id", "document", "text")
_OPTIONAL: Final = ("source", "owner")
_PATIENCE = 30.0  # seconds that another connection's transaction is waited for
_TABLES: Final = "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"


class SqliteDocuments(Mapping[int, Chunk]):
    """Chunks by id, each read when it is asked for; ids are those of the moment of opening."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock()
        with said(path, "Reading"):
            self._database = _reader(path)
            self._database.execute("PRAGMA cache_size = 0")  # no page of texts stays longer than it is read
            self._table = table_of(self._database, path)
            self._select = f"SELECT {columns_of(self._database, self._table)} FROM {self._table}"  # noqa: S608 - the schema's own names
            self._ids = _ids(self._database, self._table, path)

    def __getitem__(self, id: int) -> Chunk:
        with said(self.path, "Reading"), self._lock:
            rows = self._database.execute(f"{self._select} WHERE id = ?", (id,)).fetchall()
        if not rows:
            raise KeyError(id)
        return chunk_of(self.path, rows[0])

    def __contains__(self, id: object) -> bool:
        return isinstance(id, int) and bool(np.isin(id, self._ids))

    def __iter__(self) -> Iterator[int]:
        return iter(self._ids.tolist())

    def __len__(self) -> int:
        return len(self._ids)

    def several(self, ids: Sequence[int]) -> dict[int, Chunk]:
        """Return chunks by id; raises ``KeyError`` when one is gone."""
        return {id: self[id] for id in ids}

    def values(self) -> Any:
        """Yield every chunk by ascending id."""
        with said(self.path, "Reading"), closing(_reader(self.path)) as database:
            for row in database.execute(f"{self._select} ORDER BY id"):
                yield chunk_of(self.path, row)

    def live(self) -> npt.NDArray[np.int64]:
        """Return the ids that are there, ascending."""
        return self._ids

    def has(self, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Say of each id whether it is there."""
        return np.isin(ids, self._ids)


def opened(path: Path) -> SqliteDocuments:
    """Open documents; raises ``IndexUnreadable`` for a file without any, ``StoreOutOfStep`` for an id given twice."""
    return SqliteDocuments(path)


def _reader(path: Path) -> sqlite3.Connection:
    """Connect for reading; not read-only, for a reader must be able to roll back what a killed writer left."""
    database = connected(path)
    database.execute("PRAGMA query_only = ON")
    return database


def connected(path: Path) -> sqlite3.Connection:
    """Connect to a file that is there, for reading and writing."""
    if not path.exists():
        raise IndexUnreadable(f"Reading {path}: there is no such file; restore it or rebuild the index.")
    uri = f"file:{quote(str(path.resolve()))}?mode=rw"
    return sqlite3.connect(uri, uri=True, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)


def table_of(database: sqlite3.Connection, path: Path) -> str:
    """Return the quoted name of the table that holds the documents."""
    names = [str(name) for (name,) in database.execute(_TABLES).fetchall()]
    fitting = [name for name in names if set(_NEEDED) <= set(names_of(database, _quoted(name)))]
    chosen = ["chunks"] if "chunks" in fitting else fitting
    if len(chosen) != 1:
        raise IndexUnreadable(
            f"Reading {path}: {len(chosen)} of its {len(names)} tables have the columns {', '.join(_NEEDED)}; "
            "name the one that holds the documents chunks, or rebuild the index."
        )
    return _quoted(chosen[0])


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def names_of(database: sqlite3.Connection, table: str) -> list[str]:
    """Return the names of a table's columns, computed ones left out."""
    return [str(row[1]) for row in database.execute(f"PRAGMA table_info({table})").fetchall()]


def columns_of(database: sqlite3.Connection, table: str) -> str:
    """Return what is selected of a chunk: its columns, and nothing for those that are not there."""
    there = names_of(database, table)
    return ", ".join([*_NEEDED, *(name if name in there else f"NULL AS {name}" for name in _OPTIONAL)])


def _ids(database: sqlite3.Connection, table: str, path: Path) -> npt.NDArray[np.int64]:
    rows = [id for (id,) in database.execute(f"SELECT id FROM {table} ORDER BY id").fetchall()]  # noqa: S608
    if not all(isinstance(id, int) for id in rows):
        raise IndexUnreadable(f"Reading {path}: a row's id is no whole number; restore it or rebuild the index.")
    ids = np.array(rows, np.int64)
    if (ids[1:] == ids[:-1]).any():
        raise StoreOutOfStep(f"Reading {path}: an id stands there for the second time; give every row its own.")
    return ids


def chunk_of(path: Path, row: Sequence[Any]) -> Chunk:
    """Return a selected row as a chunk; raises ``IndexUnreadable`` for one that is none."""
    id, document, text, source, owner = row
    if document is None or not isinstance(text, str):
        raise IndexUnreadable(
            f"Reading {path}, row of id {id}: not a chunk with id, document and text; restore it or rebuild the index."
        )
    return Chunk(int(id), str(document), text, "" if source is None else str(source), owner)


@contextmanager
def said(path: Path, doing: str) -> Iterator[None]:
    """Say what SQLite reports in our words; its own may quote a row."""
    try:
        yield
    except sqlite3.OperationalError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # without what the extended codes add
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise IndexBusy(f"{doing} {path}: another process holds it; try again later.") from None
        if code == sqlite3.SQLITE_FULL:
            raise OSError(ENOSPC, "no room to write its documents anew; make some and try again", str(path)) from None
        raise IndexUnreadable(_unreadable(doing, path, error)) from None
    except sqlite3.IntegrityError:
        raise StoreOutOfStep(
            f"{doing} {path}: its own constraints or triggers refuse it; nothing was changed. Remove what hangs on the "
            "rows first."
        ) from None
    except (sqlite3.Error, OverflowError) as error:
        raise IndexUnreadable(_unreadable(doing, path, error)) from None


def _unreadable(doing: str, path: Path, error: Exception) -> str:
    return f"{doing} {path}: SQLite cannot read it ({type(error).__name__}); restore it or rebuild the index."
