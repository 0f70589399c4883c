"""How many bytes columns decode to before they are decoded: a dictionary says a long text once and means it often."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc


def weight(columns: Any) -> int:
    """Return the bytes of all values of a record batch or table, each value counted as often as it stands there."""
    return sum(_of(part) for column in columns.columns for part in getattr(column, "chunks", [column]))


def _of(column: Any) -> int:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _repeated(column)
    if pa.types.is_struct(kind):
        return sum(_of(inner) for inner in column.flatten())
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return int(column.nbytes) + _of(column.flatten())
    if pa.types.is_map(kind):
        return int(column.nbytes) + _of(column.keys) + _of(column.items)
    return int(column.nbytes)


def _repeated(column: Any) -> int:
    try:
        lengths = pc.binary_length(column.dictionary)
    except pa.ArrowNotImplementedError:  # numbers, dates: no longer than what stands for them
        return int(column.nbytes)
    return int(pc.sum(pc.cast(lengths, pa.int64()).take(column.indices)).as_py() or 0)
