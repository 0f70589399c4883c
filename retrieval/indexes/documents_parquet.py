"""Documents in Parquet: columns id, document and text, source and owner where there are, and any others."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from retrieval.errors import IndexUnreadable, StoreOutOfStep
from retrieval.types import Chunk

_NEEDED: Final = ("id", "document", "text")
_OPTIONAL: Final = ("source", "owner")
_BATCH = 4096  # rows decoded at a time


class ParquetDocuments(Mapping[int, Chunk]):
    """Chunks by id; what is asked for together is decoded together, and nothing decoded is kept."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with said(path, "Reading"):
            self._file = pq.ParquetFile(path)  # kept open: a search that began before a swap still reads its own
            names = set(self._file.schema_arrow.names)
            if not set(_NEEDED) <= names or not pa.types.is_integer(self._file.schema_arrow.field("id").type):
                raise IndexUnreadable(
                    f"Reading {path}: it lacks a column of {', '.join(_NEEDED)}, or its ids are no whole numbers; "
                    "restore it or rebuild the index."
                )
            self._columns = [*_NEEDED, *(name for name in _OPTIONAL if name in names)]
            parts = [_ids(self._file, group) for group in range(self._file.num_row_groups)]
        self._ids = np.concatenate(parts) if parts else np.zeros(0, np.int64)  # in the file's order
        self._ends = np.cumsum([len(part) for part in parts], dtype=np.int64)
        self._order = np.argsort(self._ids, kind="stable")
        live = self.live()
        if (live[1:] == live[:-1]).any():
            raise StoreOutOfStep(f"Reading {path}: an id stands there for the second time; give every row its own.")

    def __getitem__(self, id: int) -> Chunk:
        return self.several([id])[id]

    def __contains__(self, id: object) -> bool:
        return isinstance(id, int) and bool(np.isin(id, self._ids))

    def __iter__(self) -> Iterator[int]:
        return iter(self._ids.tolist())

    def __len__(self) -> int:
        return len(self._ids)

    def several(self, ids: Sequence[int]) -> dict[int, Chunk]:
        """Return chunks by id, each row group decoded once; raises ``KeyError`` when one is gone."""
        rows = self._rows(ids)
        groups = np.searchsorted(self._ends, rows, side="right")
        chunks: dict[int, Chunk] = {}
        for group in np.unique(groups).tolist():
            begin = int(self._ends[group - 1]) if group else 0
            wanted = np.sort(rows[groups == group]) - begin
            chunks.update((chunk.id, chunk) for chunk in self._taken(group, wanted))
        return chunks

    def _rows(self, ids: Sequence[int]) -> npt.NDArray[np.int64]:
        """Return the place of each id among the file's rows."""
        wanted, sorted_ids = np.asarray(ids, np.int64), self._ids[self._order]
        at = np.searchsorted(sorted_ids, wanted)
        for id, place in zip(wanted.tolist(), at.tolist(), strict=True):
            if place >= len(sorted_ids) or sorted_ids[place] != id:
                raise KeyError(id)
        return np.asarray(self._order[at], np.int64)

    def _taken(self, group: int, wanted: npt.NDArray[np.int64]) -> Iterator[Chunk]:
        at = 0
        with said(self.path, "Reading"):
            for batch in self._file.iter_batches(batch_size=_BATCH, row_groups=[group], columns=self._columns):
                here = wanted[(wanted >= at) & (wanted < at + len(batch))] - at
                at += len(batch)
                if len(here):
                    yield from self._chunks(batch.take(pa.array(here)))

    def _chunks(self, batch: Any) -> Iterator[Chunk]:
        columns = [batch.column(name).to_pylist() for name in self._columns]
        for values in zip(*columns, strict=True):
            row = dict(zip(self._columns, values, strict=True))
            if row["document"] is None or not isinstance(row["text"], str):
                raise IndexUnreadable(
                    f"Reading {self.path}, row of id {row['id']}: not a chunk with id, document and text; restore it "
                    "or rebuild the index."
                )
            yield Chunk(row["id"], str(row["document"]), row["text"], str(row.get("source") or ""), row.get("owner"))

    def values(self) -> Any:
        """Yield every chunk in the file's order."""
        with said(self.path, "Reading"):
            for batch in self._file.iter_batches(batch_size=_BATCH, columns=self._columns):
                yield from self._chunks(batch)

    def live(self) -> npt.NDArray[np.int64]:
        """Return the ids that are there, ascending."""
        return np.asarray(self._ids[self._order])

    def has(self, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Say of each id whether it is there."""
        return np.isin(ids, self._ids)


def opened(path: Path) -> ParquetDocuments:
    """Open documents; raises ``IndexUnreadable`` for a file without any, ``StoreOutOfStep`` for an id given twice."""
    return ParquetDocuments(path)


def _ids(file: Any, group: int) -> npt.NDArray[np.int64]:
    column = file.read_row_group(group, columns=["id"])["id"]
    if column.null_count:
        raise IndexUnreadable("a row has no id")
    return np.asarray(column.to_numpy(), np.int64)


@contextmanager
def said(path: Path, doing: str) -> Iterator[None]:
    """Say what Arrow reports in our words; its own may quote a value."""
    try:
        yield
    except FileNotFoundError:
        raise IndexUnreadable(f"{doing} {path}: there is no such file; restore it or rebuild the index.") from None
    except (pa.ArrowException, KeyError, OverflowError) as error:
        raise IndexUnreadable(
            f"{doing} {path}: Parquet cannot be read there ({type(error).__name__}); restore it or rebuild the index."
        ) from None
