"""Stored ids: a file beside data whose rows are known by their place only, so that a row that goes renames no other.

`train-ids.txt` holds an id a line; `train-ids.csv` has a heading and the id in its first column; `train-ids.parquet`
likewise. One row for each row of the data, in the data's order; `test-ids.*` for what is held out. Held-out rows are
called `test/row/ID`, so that an id may stand in both. Neither ids nor what stands beside them is named in an error.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unlearning.errors import RowsError

PARTS = ("train", "test")
ENDINGS = (".txt", ".csv", ".parquet")
HELD = "test/row/"
MOST_BYTES, LONGEST = 1 << 28, 300
MOST_ROWS, MOST_DECODED = 20_000_000, 1 << 30
RESERVED = ("people:", "train/", "test/")  # how other names begin


@dataclass(frozen=True)
class Listed:
    """An ids file: the ids, the columns beside them, and of a text the exact bytes of heading and lines."""

    path: Path
    ids: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    heading: bytes = b""
    lines: tuple[bytes, ...] = ()


def file_of(folder: Path, part: str) -> Path | None:
    """The ids file of a part; RowsError when there are several, for nobody could say which one counts."""
    found = [path for ending in ENDINGS if (path := folder / f"{part}-ids{ending}").is_file()]
    if len(found) > 1:
        raise RowsError(f"reading {folder.name}: {' and '.join(path.name for path in found)} are both there; keep one")
    return found[0] if found else None


def names_of(folder: Path, rows: Mapping[str, int]) -> dict[str, tuple[str, ...]]:
    """Names of the rows of each part, of which there are so many: stored ones, or else numbers."""
    files = {part: file_of(folder, part) for part in PARTS}
    if not any(files.values()):
        return {part: tuple(f"{part}-{n:05d}" for n in range(rows[part])) for part in PARTS}
    if lacking := [part for part in PARTS if files[part] is None]:
        raise RowsError(f"reading {folder.name}: there is an ids file, but none for {lacking[0]}; both parts need one")
    found = {part: listed(path) for part, path in files.items() if path}
    for part, one in found.items():
        agree(one, rows[part], part)
    return {"train": found["train"].ids, "test": tuple(f"{HELD}{i}" for i in found["test"].ids)}


def agree(listed: Listed, rows: int, held_in: str) -> None:
    """RowsError when ids and rows differ in number, with both numbers."""
    if len(listed.ids) != rows:
        raise RowsError(
            f"reading {listed.path.name}: it names {len(listed.ids):,} rows, and the data of {held_in} hold {rows:,};"
            " each row has one id, in the data's order"
        )


def listed(path: Path) -> Listed:
    """Read one; RowsError for what is no list of ids."""
    name = path.name
    if path.stat().st_size > MOST_BYTES:
        raise RowsError(f"reading {name}: it is larger than {MOST_BYTES >> 20} MiB, which no list of ids is")
    found = _table(path, name) if path.suffix == ".parquet" else _text(path, name)
    _check(found)
    return found


def _text(path: Path, name: str) -> Listed:
    lines = path.read_bytes().splitlines(keepends=True)
    with_heading = path.suffix == ".csv"
    parted = [_parted(raw, number, name, plain=not with_heading) for number, raw in enumerate(lines, start=1)]
    if not with_heading:
        return Listed(path, tuple(cells[0] for cells in parted), {}, b"", tuple(lines))
    if not parted:
        raise RowsError(f"reading {name}: it is empty; its first line names the columns, the id's first")
    heads, rows = parted[0], parted[1:]
    for number, cells in enumerate(rows, start=2):
        if len(cells) != len(heads):
            raise RowsError(f"reading {name}: line {number} has {len(cells)} columns, the heading has {len(heads)}")
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(heads)
    return Listed(path, columns[0], _columns(heads, columns, name), lines[0], tuple(lines[1:]))


def _parted(raw: bytes, number: int, name: str, *, plain: bool) -> list[str]:
    try:
        text = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
        cells = [text] if plain else next(csv.reader([text], strict=True), [""])
    except (UnicodeDecodeError, csv.Error):
        raise RowsError(f"reading {name}: line {number} is no line of UTF-8 with closed quotes") from None
    return [cell.strip() for cell in cells]


def _table(path: Path, name: str) -> Listed:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        heads = [one.name for one in pq.read_schema(path)]
        if pq.read_metadata(path).num_rows > MOST_ROWS:
            raise RowsError(f"reading {name}: it names more than {MOST_ROWS:,} rows")
        table = pq.read_table(path, read_dictionary=heads)  # one long word for a million rows is held once
    except (pa.ArrowException, OSError, ValueError):
        raise RowsError(f"reading {name}: it is damaged, or no Parquet file") from None
    if sum(_decoded(column) for column in table.columns) > MOST_DECODED:
        raise RowsError(f"reading {name}: it decodes to more than {MOST_DECODED >> 30} GiB, which no list of ids does")
    if not table.num_columns or any(pa.types.is_nested(one.type) for one in table.schema):
        raise RowsError(f"reading {name}: it needs plain columns, the id's first")
    columns = [tuple("" if v is None else str(v).strip() for v in column.to_pylist()) for column in table.columns]
    return Listed(path, columns[0], _columns(table.column_names, columns, name))


def _decoded(column: Any) -> int:
    """Bytes at most that a column's words take when each row has its own."""
    longest = 0
    for chunk in column.chunks:
        words = getattr(chunk, "dictionary", None)
        sizes = [len(str(word)) for word in words.to_pylist()] if words is not None else [32]
        longest = max([longest, *sizes])
    return longest * len(column)


def _columns(heads: Sequence[str], columns: Sequence[tuple[str, ...]], name: str) -> dict[str, tuple[str, ...]]:
    if len(set(heads)) != len(heads) or not all(heads):
        raise RowsError(f"reading {name}: every column needs a name of its own")
    return dict(zip(heads[1:], columns[1:], strict=True))


def _check(listed: Listed) -> None:
    seen: set[str] = set()
    for number, one in enumerate(listed.ids, start=1):
        if not one or len(one) > LONGEST or not one.isprintable() or one.startswith(RESERVED):
            raise RowsError(
                f"reading {listed.path.name}: the id of row {number} is empty, longer than {LONGEST} letters, not"
                f" printable, or begins with one of {', '.join(RESERVED)}"
            )
        if one in seen:
            raise RowsError(f"reading {listed.path.name}: the id of row {number} stands twice; give every row its own")
        seen.add(one)
