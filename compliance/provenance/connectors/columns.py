"""Rows of column stores (DuckDB, Delta, Iceberg, Lance): named values with a key column, and tables made of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from compliance.provenance.connectors import Place
from compliance.provenance.connectors.database import row_of
from compliance.provenance.connectors.rows import Row, replaced
from compliance.rules.errors import ConfigurationError


def rows_of(batches: Iterable[Any], place: Place) -> Iterator[Row]:
    """Every row of record batches, in their order."""
    for batch in batches:
        for value in batch.to_pylist():
            yield row_of(value, place)


def redacted(row: Row, changes: Mapping[str, str], place: Place) -> Row:
    """The row with other texts at some paths; numbers there become null."""
    return row_of(replaced(row.value, changes), place)


def need_key(names: Sequence[str], place: Place) -> str:
    """The declared key column; ``ConfigurationError`` names those that exist."""
    if place.key_field not in names:
        raise ConfigurationError(
            f"{place.name}: key_field is {place.key_field or 'missing'!r}, which is no column here.",
            remedy=f"Write key_field, one of: {', '.join(names)}.",
        )
    return place.key_field


def option(place: Place, name: str) -> str:
    """A needed option."""
    value = str(place.options.get(name) or "")
    if not value:
        raise ConfigurationError(f"{place.name}: no {name} named.", remedy=f"Write options.{name}.")
    return value


def table_from(values: Sequence[Mapping[str, Any]], schema: Any) -> Any:
    """Rows as an Arrow table of the store's own schema."""
    columns = [pa.array([value[field.name] for value in values], field.type) for field in schema]
    return pa.table(columns, schema=schema)
