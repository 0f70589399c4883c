"""PostgreSQL with pgvector: a row is a chunk, ``hidden`` beside it, and the erase goes on to the files.

A deleted row stays in the table's file until VACUUM, and in the write-ahead log until its segments are used again. So
the erase rewrites the table (VACUUM FULL, which locks it), switches the log three times and checkpoints: measured with
PostgreSQL 16, that leaves neither vector nor text in the data folder. Copies, replicas and archives are others' matter.
"""

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from retrieval.errors import RetrievalError, UnknownId
from retrieval.stores import StoreUnreachable
from retrieval.types import Chunk, EraseReceipt, HideReceipt, Hit, Vectors

_SWITCHES = 3
_FIELDS = "id, document, text, source, owner"


class PgvectorStore:
    """One table, reached through a psycopg connection in autocommit that the caller made."""

    def __init__(self, connection: Any, table: str) -> None:
        if not re.fullmatch(r"[a-z_][a-z0-9_]{0,60}", table):
            raise ValueError("Opening a pgvector table: its name may hold small letters, digits and underscores only.")
        self._connection, self._table = connection, table

    @classmethod
    def create(cls, connection: Any, table: str, dimension: int) -> "PgvectorStore":
        """Make an empty table of unit vectors."""
        made = cls(connection, table)
        made._ask("CREATE EXTENSION IF NOT EXISTS vector")
        made._ask(
            f"CREATE TABLE {table} (id bigint PRIMARY KEY, document text NOT NULL, text text NOT NULL, source text NOT "
            f"NULL, owner text, hidden boolean NOT NULL DEFAULT false, embedding vector({int(dimension)}) NOT NULL)"
        )
        return made

    def _ask(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with _said(self._table):
            cursor = self._connection.execute(query, values)
            return list(cursor.fetchall()) if cursor.description else []

    def add(self, chunks: Sequence[Chunk], vectors: Vectors) -> None:
        """Store chunks and their vectors, (chunks, dimension) float32."""
        rows = [
            (one.id, one.document, one.text, one.source, one.owner, str(row.tolist()))
            for one, row in zip(chunks, vectors, strict=True)
        ]
        query = f"INSERT INTO {self._table} ({_FIELDS}, embedding) VALUES (%s, %s, %s, %s, %s, %s)"  # noqa: S608
        with _said(self._table), self._connection.cursor() as cursor:
            cursor.executemany(query, rows)

    def search(self, query: Vectors, *, k: int = 10, hidden: frozenset[int] = frozenset()) -> tuple[Hit, ...]:
        """Return up to ``k`` nearest chunks that are not hidden."""
        asked = str(np.asarray(query, np.float32).ravel().tolist())
        rows = self._ask(
            f"SELECT {_FIELDS}, -(embedding <#> %s::vector) FROM {self._table} WHERE NOT hidden AND NOT id = ANY(%s) "  # noqa: S608
            "ORDER BY embedding <#> %s::vector LIMIT %s",
            *(asked, sorted(hidden), asked, k),
        )
        return tuple(Hit(int(row[0]), float(row[5]), Chunk(*row[:5])) for row in rows)

    def ids(self) -> frozenset[int]:
        """Return the ids that a search may return."""
        return frozenset(int(id) for (id,) in self._ask(f"SELECT id FROM {self._table} WHERE NOT hidden"))  # noqa: S608

    def get(self, id: int) -> Chunk:
        """Return one chunk; raises ``UnknownId`` for what is hidden, erased or was never there."""
        rows = self._ask(f"SELECT {_FIELDS} FROM {self._table} WHERE id = %s AND NOT hidden", id)  # noqa: S608
        if not rows:
            raise UnknownId(f"Reading chunk {id} of {self._table}: it is hidden, erased or was never there.")
        return Chunk(*rows[0])

    def vectors(self, ids: Sequence[int]) -> Vectors:
        """Return stored vectors, hidden ones included."""
        query = f"SELECT id, embedding::text FROM {self._table} WHERE id = ANY(%s)"  # noqa: S608
        rows = {
            int(id): np.fromstring(said.strip("[]"), np.float32, sep=",") for id, said in self._ask(query, list(ids))
        }
        missing = [id for id in ids if id not in rows]
        if missing:
            raise UnknownId(f"Reading vectors of {self._table}: {len(missing)} ids are not there.")
        return np.array([rows[id] for id in ids], np.float32)

    def hide(self, ids: Iterable[int]) -> HideReceipt:
        """Hide ids from every search, in every process, from now on."""
        return self._marked(sorted(map(int, ids)), hidden=True)

    def show(self, ids: Iterable[int]) -> HideReceipt:
        """Take the hiding back."""
        return self._marked(sorted(map(int, ids)), hidden=False)

    def _marked(self, ids: list[int], *, hidden: bool) -> HideReceipt:
        started = time.perf_counter()
        self._ask(f"UPDATE {self._table} SET hidden = %s WHERE id = ANY(%s)", hidden, ids)  # noqa: S608
        return HideReceipt(len(ids), time.perf_counter() - started)

    def erase(self, ids: Iterable[int]) -> EraseReceipt:
        """Delete rows, rewrite the table, and push what they were out of the write-ahead log."""
        started, wanted = time.perf_counter(), sorted(set(map(int, ids)))
        there = self._ask(f"SELECT count(*) FROM {self._table} WHERE id = ANY(%s)", wanted)[0][0]  # noqa: S608
        if there != len(wanted):
            raise UnknownId(
                f"Erasing from {self._table}: {len(wanted) - there} of {len(wanted)} ids are not in it; "
                "nothing was changed."
            )
        self._ask(f"DELETE FROM {self._table} WHERE id = ANY(%s)", wanted)  # noqa: S608
        self._ask(f"VACUUM FULL {self._table}")
        said = self._log_pushed()
        (remaining,) = self._ask(f"SELECT count(*) FROM {self._table}")[0]  # noqa: S608
        how = f"rows deleted, table rewritten (VACUUM FULL), {said}"
        return EraseReceipt("rewritten", 0, 0, len(wanted), int(remaining), time.perf_counter() - started, how)

    def _log_pushed(self) -> str:
        """Needs rights that an application's role may lack: the receipt says when it had none."""
        try:
            for _ in range(_SWITCHES):
                self._ask("SELECT pg_switch_wal()")
                self._ask("CHECKPOINT")
        except StoreUnreachable:
            return "the write-ahead log still holds them until its segments are used again: the role may not switch it"
        return "write-ahead log switched and checkpointed"


@contextmanager
def _said(table: str) -> Iterator[None]:
    """Name a driver's error by its class: its text may quote a row."""
    try:
        yield
    except RetrievalError:
        raise
    except Exception as error:
        raise StoreUnreachable(
            f"Asking PostgreSQL for {table}: {type(error).__name__}; check the address, the rights and the table."
        ) from None
