"""Which reader reads which file: the suffix decides, gzip is recognised by its first bytes."""

import csv
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from retrieval import columns, lines, pages, warc
from retrieval.formats import Block
from retrieval.rows import RecordsUnreadable


def size_of(path: Path) -> int:
    """Return a file's bytes; an unreadable one is reported when it is read."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def blocks(path: Path) -> Iterator[Block]:
    """Yield the blocks of one file; the suffix decides, gzip is recognised by its first bytes."""
    try:
        yield from _reader(path)(path)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise RecordsUnreadable(f"Reading records of {path}: {type(error).__name__}; check the file.") from error


def _reader(path: Path) -> Callable[[Path], Iterator[Block]]:
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    by_suffix: dict[str, Callable[[Path], Iterator[Block]]] = {
        ".parquet": columns.blocks,
        ".html": pages.blocks,
        ".htm": pages.blocks,
        ".warc": warc.blocks,
        ".jsonl": lines.json_lines,
        ".ndjson": lines.json_lines,
        ".csv": lines.csv_rows,
        ".tsv": lines.csv_rows,
    }
    return by_suffix.get(suffixes[-1] if suffixes else "", lines.plain_lines)
