"""Parquet: row groups are written again without the rows that go; schema, metadata, order and compression stay.

Statistics, dictionaries and bloom filters are made anew by the writer, so no minimum of an erased row remains.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from compliance.provenance.connectors import Place
from compliance.provenance.connectors.formats import Edit
from compliance.provenance.connectors.formats.streams import decoded_cap, too_much
from compliance.provenance.connectors.rows import Row, flatten, key_of, replaced
from compliance.rules.errors import DamagedArtifact
from retrieval.weight import weight

_BATCH = 512
_PLENTY = 1 << 28  # bytes: dictionaries make honest tables of repeated words small


def rows(path: Path, place: Place) -> Iterator[Row]:
    """Every row in the order of the file; ``raw`` is the canonical text of its values."""
    with _opened(path) as source:
        decoded, number = 0, 0
        for batch in _batches(source, path):
            decoded += weight(batch)
            _check_size(decoded, path, place)
            for value in batch.to_pylist():
                number += 1
                yield _row(value, f"{path.name}, row {number}", place)


def redacted(row: Row, changes: Mapping[str, str], place: Place) -> Row:
    """The row with other texts at some paths."""
    return _row(replaced(row.value, changes), row.where, place)


def rewrite(path: Path, target: Path, place: Place, edit: Edit) -> None:
    """Write the row groups again without the rows that go; a row group that loses all its rows is left out."""
    with _opened(path) as source:
        writer = pq.ParquetWriter(target, source.schema_arrow, compression=_compression(source))
        with writer:
            for group in range(source.num_row_groups):
                table = _edited(_group(source, group, path, place), f"{path.name}, row group {group}", place, edit)
                if table.num_rows or source.num_row_groups == 1:
                    writer.write_table(table, row_group_size=max(table.num_rows, 1))


def _edited(table: Any, where: str, place: Place, edit: Edit) -> Any:
    kept: list[int] = []
    changed: dict[int, dict[str, Any]] = {}
    for position, value in enumerate(table.to_pylist()):
        before = _row(value, where, place)
        after = edit(before)
        if after is None:
            continue
        if after is not before:
            changed[len(kept)] = after.value
        kept.append(position)
    table = table.take(pa.array(kept, pa.int64())) if len(kept) < table.num_rows else table
    return _exchanged(table, changed) if changed else table


def _exchanged(table: Any, changed: Mapping[int, Mapping[str, Any]]) -> Any:
    for index, name in enumerate(table.column_names):
        values = table.column(index).to_pylist()
        others = {row: value[name] for row, value in changed.items() if value[name] != values[row]}
        if others:
            values = [others.get(row, value) for row, value in enumerate(values)]
            table = table.set_column(index, table.schema.field(index), pa.array(values, table.schema.field(index).type))
    return table


def _row(value: dict[str, Any], where: str, place: Place) -> Row:
    fields = dict(flatten(value))
    raw = repr(sorted(value.items(), key=lambda item: item[0])).encode("utf-8", "surrogatepass")
    return Row(key_of(fields, raw, place), fields, raw, value, where)


def _opened(path: Path) -> Any:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowInvalid, pa.ArrowException, EOFError) as error:
        raise _damaged(path) from error


def _batches(source: Any, path: Path) -> Iterator[Any]:
    try:
        yield from source.iter_batches(batch_size=_BATCH)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path) from error


def _group(source: Any, group: int, path: Path, place: Place) -> Any:
    try:
        table = source.read_row_group(group)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path) from error
    _check_size(weight(table), path, place)
    return table


def _check_size(decoded: int, path: Path, place: Place) -> None:
    cap = decoded_cap(path, place, floor=_PLENTY)
    if decoded > cap:
        raise too_much(path, cap)


def _damaged(path: Path) -> DamagedArtifact:
    return DamagedArtifact(
        f"{path.name}: cannot be read as Parquet; it is cut short or not a Parquet file.",
        next_action="Restore the file from its owner's copy, or make it again from its source, then continue the case.",
    )


def _compression(source: Any) -> dict[str, str] | str:
    if not source.num_row_groups:
        return "snappy"
    group = source.metadata.row_group(0)
    columns = [group.column(index) for index in range(group.num_columns)]
    return {column.path_in_schema: column.compression.lower().replace("uncompressed", "none") for column in columns}
