"""What databases keep after a delete, how it is rewritten, and where it is looked for.

* SQLite: free pages, full-text tokens, the write-ahead log. The whole file is searched.
* PostgreSQL: dead rows, statistics (``pg_statistic`` keeps values even after VACUUM FULL), the write-ahead log, whose
  recycled segments are overwritten with zeros by switching through all of them.
* MariaDB: free space of the table's file, undo pages in the system's own files, the redo log, the binary log.

What lies in a server's common files is counted apart (it is no row of this table and goes as the server goes on); the
receipt then says *rewritten* with that count, and not *byte_checked*.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from pathlib import Path

import sqlalchemy as sa

from compliance.provenance.connectors import Place
from compliance.provenance.connectors.absence import Residue, counted, occurrences
from compliance.provenance.connectors.database import MYSQL, database_file, opened, table_of
from compliance.provenance.connectors.rows import Row
from compliance.provenance.connectors.store import Purged
from compliance.rules.errors import SourceUnreachable

_SEGMENTS = 64  # of 16 MiB: with more, the log is left to its own rotation


def purged(place: Place) -> Purged:
    """Rewrite what the database keeps."""
    file = database_file(place)
    if file is not None:
        return _sqlite(file, place)
    with opened(place) as engine:
        table = table_of(place, engine)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            return (_mariadb if engine.dialect.name in MYSQL else _postgresql)(connection, table)


def residue(place: Place, patterns: Sequence[bytes], rows: Iterable[Row]) -> Residue:
    """Occurrences in the table's rows and own files; those in a server's common files are told in the notes."""
    file = database_file(place)
    if file is not None:
        return Residue(sum(occurrences(path, patterns) for path in _with_logs(file) if path.exists()))
    found = counted((row.raw for row in rows), patterns)
    with opened(place) as engine, engine.connect() as connection:
        table = table_of(place, engine)
        try:
            own, common = (_mariadb_files if engine.dialect.name in MYSQL else _postgresql_files)(connection, table)
        except (sa.exc.DBAPIError, PermissionError):
            return Residue(found, files=False)
    if not own:
        return Residue(found, files=False)
    try:
        found = max(found, sum(occurrences(path, patterns) for path in own))
        elsewhere = sum(occurrences(path, patterns) for path in common if path.exists())
    except PermissionError:
        return Residue(found, files=False)
    if not elsewhere:
        return Residue(found)
    note = f"the table's own files hold none; {elsewhere} occurrences in the server's common logs go as it goes on"
    return Residue(found, files=False, notes=() if found else (note,))


def _sqlite(file: Path, place: Place) -> Purged:
    with closing(sqlite3.connect(file, timeout=20, isolation_level=None)) as connection:
        try:
            connection.execute("PRAGMA secure_delete=ON")
            for name in _full_text(connection):
                connection.execute(f"INSERT INTO {name}({name}) VALUES ('optimize')")  # noqa: S608 - quoted name
            connection.execute("VACUUM")
            busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        except sqlite3.OperationalError as error:
            raise SourceUnreachable(f"{place.name}: the database could not be rewritten ({error}).") from None
    if busy:
        raise SourceUnreachable(
            f"{place.name}: another program reads the database; its write-ahead log was not emptied."
        )
    return Purged("rewritten", ("secure_delete, VACUUM, wal_checkpoint(TRUNCATE)",))


def _full_text(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute("SELECT name FROM sqlite_master WHERE sql LIKE 'CREATE VIRTUAL TABLE%USING fts5%'")
    return ['"' + name.replace('"', '""') + '"' for (name,) in rows.fetchall()]


def _with_logs(file: Path) -> list[Path]:
    return [file, *(file.with_name(file.name + end) for end in ("-wal", "-journal"))]


def _postgresql(connection: sa.Connection, table: sa.Table) -> Purged:
    name = connection.dialect.identifier_preparer.format_table(table)
    for statement in (f"VACUUM FULL {name}", f"ANALYZE {name}"):
        connection.exec_driver_sql(statement)
    notes = ["VACUUM FULL, ANALYZE"]
    try:
        connection.exec_driver_sql("VACUUM FULL pg_statistic")
        notes.append("VACUUM FULL pg_statistic")
        if _rotated(connection):
            notes.append("write-ahead log: every segment switched and overwritten")
    except sa.exc.DBAPIError:
        notes.append("this account may not rewrite statistics and the write-ahead log: they keep values until rotated")
    return Purged("rewritten", (*notes, "backups and archived logs keep old rows until they expire"))


def _rotated(connection: sa.Connection) -> bool:
    """Switch through all segments: a switch fills what is left of each with zeros, recycled ones included."""
    count = int(connection.exec_driver_sql("SELECT count(*) FROM pg_ls_waldir()").scalar_one())
    if count > _SEGMENTS:
        return False
    # The segment in use is first left behind, then recycled by a checkpoint, and then written over.
    for switches in (1, count + 2):
        for _ in range(switches):
            connection.exec_driver_sql("SELECT pg_logical_emit_message(false, 'oubli', '')")
            connection.exec_driver_sql("SELECT pg_switch_wal()")
        connection.exec_driver_sql("CHECKPOINT")
    return True


def _postgresql_files(connection: sa.Connection, table: sa.Table) -> tuple[list[Path], list[Path]]:
    base = Path(str(connection.exec_driver_sql("SELECT current_setting('data_directory')").scalar_one()))
    if not base.is_dir():
        return [], []
    names = connection.execute(sa.text(_RELATIONS), {"name": table.name, "schema": table.schema}).scalars()
    own = [path for name in names for path in base.glob(f"{name}*") if name]
    return own, [path for path in sorted((base / "pg_wal").iterdir()) if path.is_file()]


# The table, its indexes, its long values, and the statistics.
_RELATIONS = """
WITH t AS (SELECT c.oid, c.reltoastrelid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE c.relname = :name AND n.nspname = coalesce(:schema, current_schema()) AND c.relkind IN ('r', 'p'))
SELECT pg_relation_filepath(oid) FROM t UNION SELECT pg_relation_filepath(reltoastrelid) FROM t WHERE reltoastrelid <> 0
UNION SELECT pg_relation_filepath(indexrelid) FROM pg_index JOIN t ON indrelid IN (t.oid, t.reltoastrelid)
UNION SELECT pg_relation_filepath('pg_statistic'::regclass)
"""


def _mariadb(connection: sa.Connection, table: sa.Table) -> Purged:
    name = connection.dialect.identifier_preparer.format_table(table)
    for statement in (f"OPTIMIZE TABLE {name}", f"ANALYZE TABLE {name}"):
        connection.exec_driver_sql(statement).fetchall()
    notes = ["OPTIMIZE TABLE, ANALYZE TABLE"]
    try:
        size = int(connection.exec_driver_sql("SELECT @@innodb_log_file_size").scalar_one())
        # A redo log of another size is a new file; the old one, with what it kept, is removed.
        for wanted in (size * 2, size):
            connection.exec_driver_sql(f"SET GLOBAL innodb_log_file_size = {wanted}")
        notes.append("redo log written anew")
    except sa.exc.DBAPIError:
        notes.append("this account may not renew the redo log: it keeps values until overwritten")
    with suppress(sa.exc.DBAPIError):
        if connection.exec_driver_sql("SELECT @@log_bin").scalar_one():
            notes.append("the binary log keeps old rows until it expires (PURGE BINARY LOGS)")
    return Purged("rewritten", (*notes, "undo pages and backups keep old rows until they are used again or expire"))


def _mariadb_files(connection: sa.Connection, table: sa.Table) -> tuple[list[Path], list[Path]]:
    folder = str(connection.exec_driver_sql("SELECT @@datadir").scalar_one())
    base = Path(folder)
    if not base.is_dir():
        return [], []
    database = table.schema or str(connection.exec_driver_sql("SELECT DATABASE()").scalar_one())
    own = sorted((base / database).glob(f"{table.name}.*"))
    patterns = ("ibdata*", "ib_logfile*", "undo*", "aria_log.*", "*-bin.0*", "ib_buffer_pool")
    return own, [path for pattern in patterns for path in sorted(base.glob(pattern)) if path.is_file()]
