"""Read records out of the text formats that need no more than the standard library: JSON lines, CSV, plain text."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

from retrieval.errors import RetrievalError
from retrieval.types import Record


class RecordsUnreadable(RetrievalError):
    """A file of records that is missing or damaged."""


def records(path: Path) -> Iterator[Record]:
    """Yield the records of one file, numbered from 1; the suffix decides: .jsonl, .csv, anything else by lines."""
    read = {".jsonl": _json_lines, ".csv": _csv_rows}.get(path.suffix.lower(), _lines)
    try:
        for number, fields in enumerate(read(path), start=1):
            yield Record(str(path), str(number), fields)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RecordsUnreadable(f"Reading records of {path}: {type(error).__name__}; check the file.") from error


def _lines(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8") as handle:
        for line in handle:
            yield {"text": line.rstrip("\n")}


def _csv_rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        for row in csv.DictReader(handle, restkey="more"):
            yield dict(leaves(row))


def _json_lines(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8") as handle:
        for number, line in enumerate(handle, start=1):
            try:
                yield dict(leaves(json.loads(line)))
            except ValueError:  # from None: the parser's message quotes the line
                raise RecordsUnreadable(f"Reading {path}, line {number}: it is not JSON; repair or drop it.") from None


def leaves(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield (dotted name, text) of every text and number at the bottom of a JSON value."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from leaves(part, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list):
        for place, part in enumerate(value):
            yield from leaves(part, f"{name}.{place}" if name else str(place))
    elif isinstance(value, (str, int, float)) and not isinstance(value, bool):
        yield name or "text", str(value)
