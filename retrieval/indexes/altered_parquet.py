"""Change documents in Parquet: rows go, come back as they were, or say something else.

All rows are written anew: same schema and metadata, same row groups (an emptied one goes; what comes back is a group of
its own, the last), same compression, dictionaries and statistics by column, same format version. Nothing of a touched
file is copied, for dictionaries and statistics would name who went. The new file is made and read back before the
journal counts; carrying out is a rename.
"""

import os
from base64 import b64decode, b64encode
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from retrieval.durable import sync_file, sync_folder
from retrieval.errors import IndexUnreadable, StoreOutOfStep
from retrieval.indexes.altering import Alteration
from retrieval.indexes.documents_parquet import opened, said
from retrieval.types import Chunk

_TEXTS: Final = ("document", "text", "source", "owner")
_DOING: Final = "Changing"


def rows(path: Path, ids: Sequence[int]) -> dict[int, str]:
    """Return rows whole, with all columns, as text from which ``prepare`` and ``alter`` put them back."""
    found: dict[int, str] = {}
    with said(path, "Reading"), pq.ParquetFile(path) as source:
        for group in range(source.num_row_groups):
            held = source.read_row_group(group, columns=["id"])["id"].to_numpy()
            at = np.flatnonzero(np.isin(held, ids))
            if len(at):
                whole = source.read_row_group(group)
                found |= {int(held[row]): _written(whole.slice(row, 1)) for row in at.tolist()}
    return found


def prepare(path: Path, change: Alteration) -> None:
    """Write the changed file beside the one that is there, durably, and read it back."""
    with (
        said(path, _DOING),
        pq.ParquetFile(path) as source,
        pq.ParquetWriter(_beside(path), source.schema_arrow, **_as(source)) as writer,
    ):
        there = [_altered(source.read_row_group(group), change) for group in range(source.num_row_groups)]
        for rows in [*there, _back(source.schema_arrow, change, opened(path).live())]:
            if len(rows):
                writer.write_table(rows, row_group_size=len(rows))
    os.chmod(_beside(path), path.stat().st_mode)
    sync_file(_beside(path))
    sync_folder(path.parent)
    if not _is_ready(path, change):
        raise OSError(f"{_DOING} {path}: what was written beside it cannot be read back; nothing was changed.")


def alter(path: Path, change: Alteration) -> None:
    """Put the file that was made ready in the old one's place, or make it first when it is not there."""
    if _says(path, change, _after(path, change)):
        _beside(path).unlink(missing_ok=True)
        return
    if not _is_ready(path, change):
        prepare(path, change)
    _beside(path).replace(path)
    sync_folder(path.parent)


def _altered(rows: Any, change: Alteration) -> Any:
    kept = rows.filter(pc.invert(pc.is_in(rows["id"], pa.array(change.gone, rows["id"].type))))
    new = {chunk.id: chunk for chunk in change.texts}
    places = [(at, new[id]) for at, id in enumerate(kept["id"].to_pylist()) if id in new] if new else []
    for name in _TEXTS if places else ():
        if name in kept.schema.names:
            kept = _with(kept, name, [(at, getattr(chunk, name)) for at, chunk in places])
    return kept


def _with(rows: Any, name: str, values: Sequence[tuple[int, Any]]) -> Any:
    """Return rows with other values in a column, where they differ: what is no text stays what it is."""
    column, at = rows[name].to_pylist(), rows.schema.get_field_index(name)
    other = [(place, value) for place, value in values if str(column[place] or "") != str(value or "")]
    if not other:
        return rows
    for place, value in other:
        column[place] = value
    return rows.set_column(at, rows.schema.field(at), pa.array(column, rows.schema.field(at).type))


def _back(schema: Any, change: Alteration, live: Any) -> Any:
    """Return the rows that come back and are not there."""
    missing = [row for id, row in change.back.items() if id not in set(live.tolist())]
    if not missing:
        return schema.empty_table()
    tables = [pa.ipc.open_stream(b64decode(row)).read_all() for row in missing]
    return pa.concat_tables(tables).cast(schema)


def _after(path: Path, change: Alteration) -> Any:
    """Return the ids that are there afterwards, ascending."""
    live = opened(path).live()
    return np.union1d(np.setdiff1d(live, change.gone), np.array(list(change.back), np.int64))


def _is_ready(path: Path, change: Alteration) -> bool:
    return _beside(path).exists() and _says(_beside(path), change, _after(path, change))


def _says(path: Path, change: Alteration, ids: Any) -> bool:
    """Say whether a file can be read, holds these ids and no others, and says what is to be said."""
    with suppress(IndexUnreadable, StoreOutOfStep):
        held = opened(path)
        if not np.array_equal(held.live(), ids):
            return False
        new = {chunk.id: _texts(chunk) for chunk in change.texts}
        return {id: _texts(chunk) for id, chunk in held.several(list(new)).items()} == new
    return False


def _texts(chunk: Chunk) -> tuple[str, str, str]:
    return chunk.document, chunk.text, chunk.source


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.tmp")


def _written(row: Any) -> str:
    """A row as a stream of Arrow's own, in letters: every type comes back as it was."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, row.schema) as writer:
        writer.write_table(row.combine_chunks())
    return b64encode(sink.getvalue().to_pybytes()).decode()


def _as(source: Any) -> dict[str, Any]:
    """Return how a file was written, as a writer takes it."""
    if not source.metadata.num_row_groups:
        return {}
    group = source.metadata.row_group(0)
    columns = [group.column(number) for number in range(group.num_columns)]
    return {
        "compression": {one.path_in_schema: _codec(one.compression) for one in columns},
        "use_dictionary": [one.path_in_schema for one in columns if one.has_dictionary_page],
        "write_statistics": [one.path_in_schema for one in columns if one.is_stats_set],
        "write_page_index": any(one.has_column_index for one in columns),
        "version": source.metadata.format_version,
    }


def _codec(name: str) -> str:
    return "NONE" if name == "UNCOMPRESSED" else name
