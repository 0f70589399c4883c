"""What else lies at a mapped address: tables and collections beside those that the map names, read without writing."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from compliance.provenance.catalogue import ArtifactEntry
from compliance.provenance.connectors import load
from compliance.provenance.connectors.borrowed import package
from compliance.provenance.connectors.database import opened
from compliance.rules.errors import OubliError, SourceUnreachable

_SYSTEM = ("information_schema", "pg_catalog", "pg_toast", "mysql", "performance_schema", "sys")


def beside(entries: Sequence[ArtifactEntry]) -> Iterator[tuple[ArtifactEntry, str, str]]:
    """(a mapped place, "table" or "collection", a name at its address that no place names).

    A folder or server that cannot be listed is left out here: reading the place itself says why.
    """
    named: dict[tuple[str, str], set[str]] = defaultdict(set)
    first: dict[tuple[str, str], ArtifactEntry] = {}
    for entry in entries:
        if entry.connector in LISTS:
            address = entry.connector, entry.location
            named[address].add(_name_of(entry))
            first.setdefault(address, entry)
    for address, entry in first.items():
        word, listed = LISTS[entry.connector]
        try:
            found = listed(entry)
        except (OubliError, OSError, sqlite3.Error, sa.exc.SQLAlchemyError):
            continue
        yield from ((entry, word, name) for name in sorted(set(found) - named[address]))


def _name_of(entry: ArtifactEntry) -> str:
    schema = str(entry.options.get("schema") or "")
    name = str(entry.options.get("table") or entry.options.get("collection") or "")
    return f"{schema}.{name}" if schema and entry.connector == "sql" else name


def _duckdb(entry: ArtifactEntry) -> Collection[str]:
    library = package("duckdb", entry.place())
    if not Path(entry.location).is_file():
        raise SourceUnreachable(f"{entry.id}: there is no file.")
    statement = "SELECT table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE'"
    try:
        with library.connect(entry.location, read_only=True, config={"enable_external_access": "false"}) as database:
            return {str(name) for (name,) in database.execute(statement).fetchall()}
    except library.Error:
        raise SourceUnreachable(f"{entry.id}: it cannot be opened.") from None


def _lance(entry: ArtifactEntry) -> Collection[str]:
    return {path.name.removesuffix(".lance") for path in Path(entry.location).glob("*.lance")}


def _chroma(entry: ArtifactEntry) -> Collection[str]:
    file = Path(entry.location) / "chroma.sqlite3"
    with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as database:
        return {str(name) for (name,) in database.execute("SELECT name FROM collections")}


def _qdrant(entry: ArtifactEntry) -> Collection[str]:
    return {path.parent.name for path in Path(entry.location).glob("collection/*/storage.sqlite")}


def _schemas(entry: ArtifactEntry) -> Collection[str]:
    """Tables of the other schemas of a database: those of its own are looked into one by one elsewhere."""
    load(entry.connector)
    with opened(entry.place()) as engine:
        inspector = sa.inspect(engine)
        if engine.dialect.name != "postgresql":
            return set()
        names = [name for name in inspector.get_schema_names() if name not in _SYSTEM]
        other = [name for name in names if name != inspector.default_schema_name]
        return {f"{schema}.{table}" for schema in other for table in inspector.get_table_names(schema=schema)}


LISTS: Final[dict[str, tuple[str, Callable[[ArtifactEntry], Collection[str]]]]] = {
    "sql": ("table", _schemas),
    "duckdb": ("table", _duckdb),
    "lancedb": ("table", _lance),
    "chroma": ("collection", _chroma),
    "qdrant": ("collection", _qdrant),
}
