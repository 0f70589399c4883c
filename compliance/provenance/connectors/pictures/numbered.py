"""The ids file of pictures that lie in arrays: who stands on which row, and how it is written again without some."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from compliance.provenance.connectors.pictures.people import PREFIX, Line
from unlearning.classifiers.data.ids import Listed

USUAL = "person"  # the column that says who stands on a row, where the map names no other


@dataclass(frozen=True)
class Cell:
    """What an ids file says of a row's person: the row's name and place, and the line that it is to an officer."""

    row: str
    place: int
    line: Line


def persons_column(listed: Listed, named: str) -> str:
    """The column that says whose a row is: the one that the map names, ``person``, or the only one; empty for none."""
    wanted = named or USUAL
    if wanted in listed.columns:
        return wanted
    return next(iter(listed.columns)) if len(listed.columns) == 1 and not named else ""


def cells(listed: Listed, names: Collection[str], column: str) -> Iterator[Cell]:
    """One for each row of which the file names the person."""
    for place, (name, person) in enumerate(zip(names, listed.columns.get(column, ()), strict=False)):
        if person:
            raw = f"{name}\x1f{person}\n".encode()
            key = f"{PREFIX}row-{hashlib.sha256(raw).hexdigest()[:16]}"
            yield Cell(name, place, Line(key, raw, name, person))


def beside(listed: Listed, place: int, column: str) -> str:
    """Every other word that the file has for a row."""
    return " ".join(values[place] for name, values in listed.columns.items() if name != column)


def without(listed: Listed, kept: np.ndarray, blank: Collection[int], column: str, *, current: Path) -> bytes:
    """The file's new content: rows of the mask [n] only, and no person at the places ``blank``."""
    if listed.path.suffix == ".parquet":
        return _table(current, kept, blank, column)
    lines = [
        _blanked(raw, list(listed.columns).index(column) + 1) if place in blank else raw
        for place, raw in enumerate(listed.lines)
        if kept[place]
    ]
    return listed.heading + b"".join(lines)


def _blanked(raw: bytes, at: int) -> bytes:
    row = next(csv.reader([raw.decode().rstrip("\r\n")]))
    row[at] = ""
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n" if raw.endswith(b"\r\n") else "\n").writerow(row)
    return out.getvalue().encode()


def _table(path: Path, kept: np.ndarray, blank: Collection[int], column: str) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    if blank:
        at = table.column_names.index(column)
        values = [None if place in blank else one for place, one in enumerate(table.column(at).to_pylist())]
        table = table.set_column(at, table.schema.field(at), pa.array(values, type=table.schema.field(at).type))
    sink = pa.BufferOutputStream()
    pq.write_table(table.filter(pa.array(kept)), sink)
    return bytes(sink.getvalue())
