"""A second pair of eyes: reads records with nothing but each format's own library, and compares in the plainest way.

Everything is folded to letters and digits, and an identifier's letters and digits are looked for in it. It finds more
than the locator does (it knows no word boundaries), and shares no code with it.
"""

from __future__ import annotations

import json
import os
import sqlite3
import unicodedata
from collections.abc import Iterable, Iterator
from glob import glob
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from compliance.provenance.connectors import Place
from compliance.provenance.connectors.database import address
from compliance.rules.errors import SourceUnreachable
from compliance.validation.plainfiles import lines
from compliance.validation.plainstores import OTHER_STORES


def plain(text: str) -> str:
    """Letters and digits of a text, lower case, without accents, in one run."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in decomposed if c.isalnum())


def forms(kind: str, value: str) -> set[str]:
    """What an identifier leaves when only letters and digits stay; too short ones find everybody and are left out."""
    if kind == "email":
        local, _, domain = value.rpartition("@")
        found = {plain(value), plain(f"{local.partition('+')[0]}@{domain}")}
    elif kind == "phone":
        digits = "".join(c for c in value if c.isdigit())
        found = {digits, digits.lstrip("0")[-9:]}
    else:
        found = {plain(value)}
    return {form for form in found if len(form) >= 6}


def rows_with(place: Place, wanted: Iterable[str]) -> int:
    """How many rows of a place hold one of the forms."""
    needles = tuple(wanted)
    return sum(any(form in text for form in needles) for text in map(plain, _texts(place)))


def _texts(place: Place) -> Iterator[str]:
    if place.connector == "sql":
        yield from _sql(place)
        return
    if place.connector in OTHER_STORES:
        yield from map(_joined, OTHER_STORES[place.connector](place))
        return
    for path in _paths(place):
        if path.is_file():
            yield from _file(path)


def _paths(place: Place) -> list[Path]:
    root = Path(place.location)
    if root.is_dir():
        return sorted(_below(root, place))
    found = [root] if root.exists() else sorted(map(Path, glob(place.location, recursive=True, include_hidden=True)))
    if not found:
        raise SourceUnreachable(f"{place.name}: it is not where it was registered.")
    return found


def _below(root: Path, place: Place) -> Iterator[Path]:
    """The files below a folder; one that cannot be read is an error, never a folder without files."""

    def refuse(error: OSError) -> None:
        raise SourceUnreachable(f"{place.name}: the folder {Path(error.filename or root).name} cannot be read.")

    for base, _, names in os.walk(root, onerror=refuse):
        yield from (Path(base, name) for name in names)


def _file(path: Path) -> Iterator[str]:
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        for batch in pq.ParquetFile(path).iter_batches(batch_size=1000):
            yield from (_joined(row) for row in batch.to_pylist())
    elif path.suffix in {".sqlite", ".sqlite3", ".db"}:
        yield from _sqlite(path)
    elif path.suffix not in {".faiss", ".safetensors", ".npy"}:
        with path.open("rb") as handle:
            yield from (_line(line.decode("utf-8", "replace")) for line in lines(handle, path.stat().st_size))


def neighbours_with(place: Place, wanted: Iterable[str]) -> list[str]:
    """Other tables of a place's SQLite file whose rows hold one of the forms; what is called by one is not named."""
    if place.connector != "sql" or not place.location.startswith("sqlite:"):
        return []
    needles, own = tuple(wanted), str(place.options["table"])
    with sqlite3.connect(f"file:{sa.make_url(place.location).database}?mode=ro", uri=True) as connection:
        held = [name for name in _tables(connection) if name != own and _held(connection, name, needles)]
    named = [name for name in held if not any(form in plain(name) for form in needles)]
    return named if len(named) == len(held) else [*named, "one that is called after the person"]


def _held(connection: sqlite3.Connection, table: str, needles: tuple[str, ...]) -> bool:
    return any(form in plain(_joined(row)) for row in _rows(connection, table) for form in needles)


def _tables(connection: sqlite3.Connection) -> list[str]:
    return [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]


def _rows(connection: sqlite3.Connection, table: str) -> Iterator[Any]:
    quoted = table.replace('"', '""')
    yield from connection.execute(f'SELECT * FROM "{quoted}"')  # noqa: S608 - quoted name


def _line(line: str) -> str:
    """A JSON line is read as what it says, so that an escaped letter hides nothing."""
    try:
        return _joined(json.loads(line))
    except ValueError:
        return line


def _joined(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(_joined(v) for v in value.values())
    if isinstance(value, list | tuple):
        return " ".join(_joined(v) for v in value)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _sqlite(path: Path) -> Iterator[str]:
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        for table in _tables(connection):
            yield from map(_joined, _rows(connection, table))


def _sql(place: Place) -> Iterator[str]:
    engine = sa.create_engine(address(place))
    try:
        with engine.connect() as connection:
            schema = str(place.options.get("schema") or "") or None
            table = sa.Table(str(place.options["table"]), sa.MetaData(), autoload_with=engine, schema=schema)
            yield from (_joined(tuple(row)) for row in connection.execute(sa.select(table)))
    finally:
        engine.dispose()
