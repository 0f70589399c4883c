"""Parquet for the filter: every column of a batch as one run of bytes, a row a line."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from retrieval.formats import Block, Row, Texts, unique
from retrieval.letters import Bytes
from retrieval.rows import RecordsUnreadable, leaves

_ROWS: Final = 65_536
_SCHEMA: Final = b"ARROW:schema"  # the columns once more, in base64


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a batch as text: ``ends[n]`` is where row ``n`` ends in ``content``."""

    batch: Any = field(repr=False)
    first: int
    content: Bytes = field(repr=False)
    ends: npt.NDArray[np.int64] = field(repr=False)
    name: str
    read: int
    json: bool = False

    def row_numbers(self, places: Sequence[int]) -> list[int]:
        """Return the row, counted within the batch, in which each byte stands."""
        return [int(number) for number in np.searchsorted(self.ends, np.array(places), side="right")]

    def rows(self, numbers: Sequence[int]) -> Iterator[Row]:
        """Read this column's texts of some rows."""
        for number in numbers:
            value = self.batch.column(self.name)[number].as_py()
            yield Row(str(self.first + number), unique(leaves(_readable(value), self.name)))


def blocks(path: Path, encoding: str = "") -> Iterator[Block]:
    """Yield what stands beside the rows of a Parquet file (0), then its columns, batch by batch; rows count from 1."""
    first = 1
    try:
        with pq.ParquetFile(path) as file:
            size = path.stat().st_size
            yield Texts([Row("0", _beside(file))])
            for batch in file.iter_batches(batch_size=_ROWS):
                read = size * (first - 1) // max(1, file.metadata.num_rows)
                for name in dict.fromkeys(batch.schema.names):
                    yield _column(batch, name, first, read)
                first += batch.num_rows
    except pa.ArrowException as error:
        raise RecordsUnreadable(f"Reading {path}: {type(error).__name__}; it is no whole Parquet file.") from error


def _beside(file: Any) -> dict[str, str]:
    """Return the names of columns and of their parts, and what the file says of itself."""
    names = {name: name for column in range(file.metadata.num_columns) for name in [file.schema.column(column).path]}
    said = {key: text for key, text in (file.metadata.metadata or {}).items() if key != _SCHEMA}
    return {**names, **{f"(metadata).{_text(key)}": _text(text) for key, text in said.items()}}


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _column(batch: Any, name: str, first: int, read: int) -> Column:
    lines = _lines(batch.column(name))
    _, offsets, content = lines.buffers()
    ends = np.frombuffer(offsets, np.int64)[lines.offset + 1 : lines.offset + len(lines) + 1]
    raw = (
        np.frombuffer(content, np.uint8)[: int(ends[-1])]
        if content is not None and len(ends)
        else np.zeros(0, np.uint8)
    )
    return Column(batch, first, raw, ends, name, read)


def _lines(column: Any) -> Any:
    """Return a column as text with a line's end behind each row, so that no word spans two rows."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.dictionary_decode(), kind.value_type
    plain = (pa.types.is_string, pa.types.is_large_string, pa.types.is_integer, pa.types.is_floating)
    if any(is_kind(kind) for is_kind in plain):
        texts = column.cast(pa.large_string())
    else:
        rows = (leaves(_readable(value)) for value in column.to_pylist())
        texts = pa.array(["\n".join(text for _, text in row) for row in rows], pa.large_string())
    ending = pa.scalar("\n", pa.large_string())
    return pc.binary_join_element_wise(pc.fill_null(texts, ""), ending, pa.scalar("", pa.large_string()))


def _readable(value: object) -> object:
    """Turn bytes, decimals and dates into text at the bottom of nested values, and map entries' pairs into lists."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, dict):
        return {key: _readable(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_readable(part) for part in value]
    return value if value is None or isinstance(value, (str, int, float)) else str(value)
