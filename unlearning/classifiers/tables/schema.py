"""A table by its schema: target, identifier columns, and what every other column holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from unlearning.errors import RowsError

MOST_CLASSES = 200
LARGEST = 1e100  # squares of larger ones, which scaling needs, are no numbers any more


@dataclass(frozen=True)
class Schema:
    """`target` is what is predicted; `identifiers` name rows or persons and are never features."""

    target: str
    identifiers: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """Features by column, labels, one id a row (the first identifier column, or the row's number)."""

    columns: dict[str, np.ndarray]
    labels: np.ndarray
    ids: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, places: np.ndarray) -> Table:
        """The rows at these places."""
        columns = {name: values[places] for name, values in self.columns.items()}
        return Table(columns, self.labels[places], tuple(self.ids[i] for i in places))

    def without(self, ids: Sequence[str]) -> Table:
        """The rest; RowsError when an id names no row."""
        gone = set(ids)
        missing = len(gone - set(self.ids))
        if missing:
            raise RowsError(f"taking rows out of a table: {missing} of {len(gone)} ids name no row; check the list")
        return self.take(np.array([n for n, i in enumerate(self.ids) if i not in gone], dtype=int))


def read_table(path: Path, schema: Schema) -> Table:
    """CSV or Parquet; RowsError when a column is missing or no model could use it, or the file is damaged.

    Numbers and dates become float64 (dates in days since 1970), NaN where they are empty; words stay words.
    """
    try:
        table = pa.parquet.read_table(path) if path.suffix == ".parquet" else _of_csv(path, schema)
    except (OSError, pa.ArrowException):
        raise RowsError(f"reading {path.name}: it cannot be read as {path.suffix or 'CSV'}; check the file") from None
    missing = [name for name in (schema.target, *schema.identifiers) if name not in table.column_names]
    if missing:
        raise RowsError(
            f"reading {path.name}: no column {', '.join(missing)} among its {table.num_columns}; check schema.json and "
            "that the file begins with its columns' names, parted by commas"
        )
    if table.num_rows == 0:
        raise RowsError(f"reading {path.name}: it has no rows")
    _usable(table, schema, path)
    columns = {
        name: _values(table[name], path, name)
        for name in table.column_names
        if name != schema.target and name not in schema.identifiers
    }
    labels = np.asarray(table[schema.target].to_pylist())
    named = table[schema.identifiers[0]].to_pylist() if schema.identifiers else range(table.num_rows)
    return Table(columns, labels, tuple(str(i).strip() for i in named))


def _of_csv(path: Path, schema: Schema) -> Any:
    """Identifiers stay as they are written: 007 is nobody's 7, and long numbers are not rounded to one another."""
    words = {name: pa.string() for name in schema.identifiers}
    return pa.csv.read_csv(path, convert_options=pa.csv.ConvertOptions(column_types=words))


def _usable(table: Any, schema: Schema, path: Path) -> None:
    """RowsError for what no model of classes could be fitted on, or by which no row could be named."""
    names = table.column_names
    if len(set(names)) != len(names):
        raise RowsError(f"reading {path.name}: two columns have the same name; rename one")
    if schema.target in schema.identifiers or set(names) == {schema.target, *schema.identifiers}:
        raise RowsError(f"reading {path.name}: beside target and identifiers a column to learn from is needed")
    kind = table[schema.target].type
    if not _is_label(kind) or table[schema.target].null_count or "" in table[schema.target].unique().to_pylist():
        raise RowsError(f"reading {path.name}: the target must be words, whole numbers or yes and no, in every row")
    different = len(table[schema.target].unique())
    if different > MOST_CLASSES:
        raise RowsError(
            f"reading {path.name}: the target has {different} different values; what is learned here are classes, "
            f"{MOST_CLASSES} at most, so group them first"
        )
    for name in schema.identifiers[:1]:
        if table[name].null_count or "" in {str(value).strip() for value in table[name].to_pylist()}:
            raise RowsError(f"reading {path.name}: column {name} is empty in some rows; every row needs an id")


def _is_label(kind: Any) -> bool:
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    checks = (pa.types.is_integer, pa.types.is_boolean, pa.types.is_string, pa.types.is_large_string)
    return any(check(inner) for check in checks)


def _values(column: Any, path: Path, name: str) -> np.ndarray:
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_temporal(kind) and not pa.types.is_duration(kind) and not pa.types.is_interval(kind):
        return _days(column)
    if any(
        check(kind) for check in (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_decimal)
    ):
        values = np.array(column.cast(pa.float64()).to_numpy(), dtype=float)
        if np.isinf(values).any():
            raise RowsError(f"reading {path.name}: column {name} has infinite numbers; correct them first")
        if (np.abs(values) > LARGEST).any():
            raise RowsError(f"reading {path.name}: column {name} has numbers beyond {LARGEST:g}; correct them first")
        return values
    if not any(check(kind) for check in (pa.types.is_string, pa.types.is_large_string, pa.types.is_null)):
        raise RowsError(
            f"reading {path.name}: column {name} holds no numbers, dates or words in UTF-8; convert it or take it out"
        )
    return np.asarray(["" if value is None else value for value in column.to_pylist()], dtype=object)


def _days(column: Any) -> np.ndarray:
    """Days since 1970 (of a time of day: since midnight), NaN where there is none."""
    if pa.types.is_time(column.type):
        seconds = [None if t is None else t.hour * 3600 + t.minute * 60 + t.second for t in column.to_pylist()]
        return np.array([np.nan if s is None else s / 86_400 for s in seconds])
    micros = column.cast(pa.timestamp("us"), safe=False).cast(pa.int64())
    return np.array(micros.cast(pa.float64(), safe=False).to_numpy(), dtype=float) / 86_400e6
