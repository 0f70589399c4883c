"""Opening a registered database: address with ``${NAME}`` from the environment, one table, rows with stable bytes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from compliance.provenance.connectors import Place
from compliance.provenance.connectors.borrowed import filled_in
from compliance.provenance.connectors.rows import Row, flatten, key_of
from compliance.rules.errors import ConfigurationError, DamagedArtifact, NoSpace, NotAllowed, SourceUnreachable

_DRIVERS = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql", "mariadb": "mariadb+pymysql"}
_DIALECTS = ("sqlite", *_DRIVERS, *_DRIVERS.values())
# What an address may say beside host and name. Others make client libraries read files of this machine.
_SETTINGS = frozenset({"host", "port", "sslmode", "sslrootcert", "ssl_ca", "charset", "application_name"})
MYSQL = ("mysql", "mariadb")


@contextmanager
def opened(place: Place, *, writing: bool = False) -> Iterator[sa.Engine]:
    """An engine for the place, disposed of afterwards; database errors said in our own words.

    ``writing`` takes SQLite's write lock at the start, so that what is read is what is changed.
    """
    url = address(place)
    file = database_file(place)
    if file is not None and not file.is_file():
        raise SourceUnreachable(f"{place.name}: there is no database file {file.name!r}.")
    engine = _engine(url, writing)
    try:
        yield engine
    except sa.exc.DBAPIError as error:
        raise _in_words(error, place) from None
    finally:
        engine.dispose()


def address(place: Place) -> sa.URL:
    """The database's URL with names from the environment filled in; the filled-in form is never shown."""
    try:
        url = sa.make_url(filled_in(place.location, place))
    except sa.exc.ArgumentError:
        raise ConfigurationError(
            f"{place.name}: the location is no database address.",
            remedy="Write sqlite:///file, postgresql://… or mariadb://…",
        ) from None
    if url.drivername not in _DIALECTS:
        raise ConfigurationError(
            f"{place.name}: no support for {url.drivername!r} databases.", remedy=f"Use one of {', '.join(_DIALECTS)}."
        )
    if unknown := sorted(set(url.query) - _SETTINGS):
        raise ConfigurationError(
            f"{place.name}: the address has settings that are not allowed: {', '.join(unknown)}.",
            remedy=f"Leave them out; allowed are {', '.join(sorted(_SETTINGS))}.",
        )
    return url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))


def database_file(place: Place) -> Path | None:
    """The file of a SQLite database, ``None`` for a server."""
    url = address(place)
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def table_of(place: Place, engine: sa.Engine) -> sa.Table:
    """The declared table as the database has it."""
    name = str(place.options.get("table") or "")
    if not name:
        raise ConfigurationError(f"{place.name}: no table named.", remedy="Write options.table.")
    try:
        schema = place.options.get("schema")
        with warnings.catch_warnings():
            # A type that SQLAlchemy does not know (a vector) is read as the text that the server gives.
            warnings.simplefilter("ignore", sa.exc.SAWarning)
            table = sa.Table(name, sa.MetaData(), autoload_with=engine, schema=str(schema) if schema else None)
    except sa.exc.NoSuchTableError:
        raise ConfigurationError(
            f"{place.name}: the database has no table {name!r}.", remedy="Correct options.table."
        ) from None
    key_column(table, place)
    return _untyped(table) if engine.dialect.name == "sqlite" else table


def _untyped(table: sa.Table) -> sa.Table:
    """SQLite stores what it was given: read that, not what the column's declared type would make of it."""
    for column in table.columns:
        column.type = sa.types.NULLTYPE
    return table


def key_column(table: sa.Table, place: Place) -> sa.Column[Any]:
    """The column that names a row."""
    if place.key_field not in table.columns:
        raise ConfigurationError(
            f"{place.name}: key_field is {place.key_field or 'missing'!r}, which is no column of {table.name!r}.",
            remedy=f"Write key_field, one of: {', '.join(column.name for column in table.columns)}.",
        )
    return table.columns[place.key_field]


def row_of(value: Mapping[str, Any], place: Place) -> Row:
    """A row with canonical bytes: its columns by name, each value as Python writes it."""
    raw = repr(sorted(value.items())).encode("utf-8", "surrogatepass")
    fields = dict(flatten(value))
    key = str(value[place.key_field]) if value.get(place.key_field) is not None else key_of(fields, raw, place)
    return Row(key, fields, raw, value, f"{place.name}, table {place.options.get('table')}")


def _engine(url: sa.URL, writing: bool) -> sa.Engine:
    if url.get_backend_name() != "sqlite":
        # MariaDB: serializable reads lock what they read, so that what is compared is what is changed. Elsewhere the
        # table is locked by name.
        strict = {"isolation_level": "SERIALIZABLE"} if writing and url.get_backend_name() in MYSQL else {}
        return sa.create_engine(url, poolclass=sa.pool.NullPool, connect_args={"connect_timeout": 10}, **strict)
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool, connect_args={"timeout": 20})

    @sa.event.listens_for(engine, "connect")
    def wipe_what_is_deleted(connection: Any, _: Any) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA secure_delete=ON")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


def _in_words(error: sa.exc.DBAPIError, place: Place) -> Exception:
    text = str(error.orig).lower()
    if isinstance(error, sa.exc.IntegrityError):
        return NotAllowed(
            f"{place.name}: the database's own rules forbid it (rows refer to these, or a column may not be null).",
            next_action="Nothing was changed. Say in options.references what becomes of the rows that refer to these.",
        )
    if "not a database" in text or "malformed" in text:
        return DamagedArtifact(f"{place.name}: the file is damaged, or no database.")
    if "disk is full" in text or "no space" in text:
        return NoSpace(f"{place.name}: the database has no room left; the transaction was rolled back.")
    return SourceUnreachable(f"{place.name}: the database does not answer as it should ({type(error.orig).__name__}).")
