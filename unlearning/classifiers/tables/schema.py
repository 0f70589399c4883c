"""A table by its schema: target, identifier columns, and encoders that are learned from rows and forget with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from unlearning.errors import RowsError


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
    """CSV or Parquet; RowsError when a column is missing, a number is none, or the file is damaged."""
    try:
        table = pa.parquet.read_table(path) if path.suffix == ".parquet" else pa.csv.read_csv(path)
    except (OSError, pa.ArrowException):
        raise RowsError(f"reading {path.name}: it cannot be read as {path.suffix or 'CSV'}; check the file") from None
    missing = [name for name in (schema.target, *schema.identifiers) if name not in table.column_names]
    if missing:
        raise RowsError(
            f"reading {path.name}: no column {', '.join(missing)} among its {table.num_columns}; check schema.json and "
            "that the file begins with its columns' names"
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
    return Table(columns, labels, tuple(str(i) for i in named))


def _usable(table: Any, schema: Schema, path: Path) -> None:
    """RowsError for what no model of classes could be fitted on, or by which no row could be named."""
    names = table.column_names
    if len(set(names)) != len(names):
        raise RowsError(f"reading {path.name}: two columns have the same name; rename one")
    if schema.target in schema.identifiers or set(names) == {schema.target, *schema.identifiers}:
        raise RowsError(f"reading {path.name}: beside target and identifiers a column to learn from is needed")
    kind = table[schema.target].type
    if not _is_label(kind) or table[schema.target].null_count:
        raise RowsError(f"reading {path.name}: the target must be words, whole numbers or yes and no, in every row")
    for name in schema.identifiers[:1]:
        if table[name].null_count or "" in {str(value) for value in table[name].to_pylist()}:
            raise RowsError(f"reading {path.name}: column {name} is empty in some rows; every row needs an id")


def _is_label(kind: Any) -> bool:
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    checks = (pa.types.is_integer, pa.types.is_boolean, pa.types.is_string, pa.types.is_large_string)
    return any(check(inner) for check in checks)


def _values(column: Any, path: Path, name: str) -> np.ndarray:
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_boolean(column.type):
        values = np.asarray(column.cast(pa.float64()).to_numpy(), dtype=float)
        if not np.isfinite(values).all():
            raise RowsError(f"reading {path.name}: column {name} has empty or infinite numbers; fill them first")
        return values
    return np.asarray(["" if value is None else str(value) for value in column.to_pylist()], dtype=object)


class Encoder:
    """Columns to numbers; its vocabulary comes from rows, so it is fitted anew on what is kept."""

    def __init__(self) -> None:
        self._inner: ColumnTransformer | None = None
        self._order: tuple[str, ...] = ()

    def fit(self, table: Table) -> Encoder:
        """Learn scales and vocabularies."""
        self._order = tuple(table.columns)
        words = [n for n, name in enumerate(self._order) if table.columns[name].dtype == object]
        numbers = [n for n in range(len(self._order)) if n not in words]
        self._inner = ColumnTransformer(
            [
                ("numbers", StandardScaler(), numbers),
                ("words", OneHotEncoder(handle_unknown="ignore", sparse_output=False), words),
            ]
        ).fit(self._stacked(table))
        return self

    @property
    def inner(self) -> ColumnTransformer | None:
        """scikit-learn's own transformer, which stacks the columns in the table's order."""
        return self._inner

    def transform(self, table: Table) -> np.ndarray:
        """Numbers [n, d]."""
        if self._inner is None:
            raise RowsError("encoding a table: the encoder was not fitted")
        return np.asarray(self._inner.transform(self._stacked(table)), dtype=float)

    def vocabulary(self) -> set[str]:
        """Every word that the encoder keeps."""
        if self._inner is None:
            return set()
        found = self._inner.named_transformers_["words"]
        return {str(word) for words in getattr(found, "categories_", []) for word in words}

    def equals(self, other: Encoder) -> bool:
        """Whether both turn every row into the same numbers: same columns, means, scales and words, to the last bit."""
        return self._learned() == other._learned()

    def _learned(self) -> tuple[object, ...]:
        if self._inner is None:
            return ()
        numbers, words = self._inner.named_transformers_["numbers"], self._inner.named_transformers_["words"]
        scales = tuple(np.asarray(getattr(numbers, name, ())).tobytes() for name in ("mean_", "scale_"))
        return (self._order, *scales, tuple(tuple(map(str, found)) for found in getattr(words, "categories_", ())))

    def _stacked(self, table: Table) -> np.ndarray:
        return np.stack([table.columns[name].astype(object) for name in self._order], axis=1)
