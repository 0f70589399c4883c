"""Which reader reads which file: the name's end decides, what is packed is recognised by its first bytes."""

import csv
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import pyarrow as pa

from retrieval import charsets, columns, lines, mail, office, pages, parts, undone, warc
from retrieval.formats import Block, opened
from retrieval.rows import RecordsUnreadable
from retrieval.scan import Budget

_REFUSED: Final = {
    b"%PDF-": "PDF",
    b"\xd0\xcf\x11\xe0": "an older Office file, or an encrypted one",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!\x1a\x07": "RAR",
    b"\x04\x22\x4d\x18": "lz4",
    b"\xff\x06\x00\x00sNaPpY": "snappy",
    b"\x1f\x9d": "compress",
    b"LZIP": "lzip",
    b"SQLite format 3\x00": "an SQLite database",
    b"ARROW1\x00\x00": "an Arrow or Feather file",
    b"FEA1": "a Feather file",
    b"ORC": "ORC",
    b"Obj\x01": "Avro",
    b"\x89HDF\r\n": "HDF5",
}
_SEEN: Final = 4_096  # bytes by which a file is known
_TAR_AT: Final = 257  # where such an archive says what it is
_PACKING: Final = frozenset({".gz", ".bz2", ".xz", ".zst"})
Reader = Callable[[Path, str], Iterator[Block]]
_BY_NAME: Final[dict[str, Reader]] = {
    ".parquet": columns.blocks,
    ".html": pages.blocks,
    ".htm": pages.blocks,
    ".xhtml": pages.blocks,
    ".warc": warc.blocks,
    ".jsonl": lines.json_lines,
    ".ndjson": lines.json_lines,
    ".csv": lines.csv_rows,
    ".tsv": lines.csv_rows,
}


def size_of(path: Path) -> int:
    """Return a file's bytes; an unreadable one is reported when it is read."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def blocks(path: Path, encoding: str = "", *, within: Budget | None = None, damaged: bool = False) -> Iterator[Block]:
    """Yield the blocks of one file.

    ``encoding`` is that of text that neither is UTF-8 nor names another; ``within`` the limit of a file in which this
    one lies; ``damaged`` rows of JSON lines are read as text. Raises ``RecordsUnreadable`` for what is written so that
    nobody would be found in it.
    """
    with readable(path):
        reader = _reader(path, encoding, within)
        yield from (lines.damaged_json_lines if damaged and reader is lines.json_lines else reader)(path, encoding)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Say in our words that a file cannot be read."""
    try:
        yield
    except (OSError, EOFError, zlib.error, lzma.LZMAError, pa.ArrowException, UnicodeDecodeError, csv.Error) as error:
        raise RecordsUnreadable(f"Reading records of {path}: {type(error).__name__}; check the file.") from error


def layout_of(path: Path, encoding: str = "", *, damaged: bool = False) -> lines.LineFormat | None:
    """Return how a file's lines are read, a row each, where they stand in it plainly; else nothing.

    Raises ``RecordsUnreadable`` as ``blocks`` does.
    """
    with readable(path):
        reader = _reader(path, encoding)
        reader = lines.damaged_json_lines if damaged and reader is lines.json_lines else reader
        return lines.line_format(path, reader, encoding)


def _reader(path: Path, encoding: str, within: Budget | None = None) -> Reader:
    with opened(path) as (handle, _):
        start = handle.read(_SEEN)
    named = next((name for magic, name in _REFUSED.items() if start.startswith(magic)), "")
    if named:
        raise RecordsUnreadable(
            f"Reading records of {path}: it is packed ({named}); unpack it or save it as text, and locate in that."
        )
    if members := _members_of(path, start):
        return partial(parts.blocks, members, blocks, within)
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() not in _PACKING]
    suffix = suffixes[-1] if suffixes else ""
    return _BY_NAME.get(suffix) or undone.reader_of(path, suffix, encoding)


def _members_of(path: Path, start: bytes) -> parts.Members | None:
    """Return what tells a file's parts apart, by its first bytes; none for a file that has no parts."""
    with path.open("rb") as handle:
        packed = not start.startswith(handle.read(4))
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return parts.unpacked if packed else office.members if office.is_office(path) else parts.zipped
    if start.startswith(b"PAR1"):
        return parts.unpacked if packed else None
    if start[_TAR_AT:].startswith(b"ustar"):
        return parts.tarred
    return mail.members if mail.is_encoded(path, start) else None


def assumed(path: Path) -> str:
    """Say as what a text is read that neither is UTF-8 nor tells its encoding; empty for others, and for no text.

    Of a compressed file only the beginning is looked at.
    """
    with readable(path), opened(path) as (handle, raw):
        start = handle.read(charsets.SAMPLE)
        if start.startswith((b"PAR1", b"WARC/")) or charsets.declared(start):
            return ""
        if _members_of(path, start[:_SEEN]) is not None:
            return ""
        return charsets.assumed(raw, path.stat().st_size) if handle is raw else charsets.unlike_utf8(start)
