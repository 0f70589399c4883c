"""Which reader reads which file: the suffix decides, gzip is recognised by its first bytes."""

import csv
import gzip
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from retrieval import columns, lines, pages, warc
from retrieval.formats import Block
from retrieval.rows import RecordsUnreadable

_PACKED: Final = {
    b"PK\x03\x04": "ZIP",
    b"PK\x05\x06": "ZIP",
    b"1AY&": "bzip2",  # behind "BZh" and a digit
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!\x1a\x07": "RAR",
    b"%PDF-": "PDF",
    b"\xd0\xcf\x11\xe0": "an older Office file",
}
_MAIL: Final = {".eml", ".mbox", ".mbx"}
_ENCODED: Final = re.compile(
    rb"^Content-Transfer-Encoding:\s*(?:base64|quoted-printable)|=\?[\w-]+\?[bq]\?", re.I | re.M
)
_PIECE: Final = 1 << 20
_SEAM: Final = 128  # bytes of a piece that the next one is read with


def size_of(path: Path) -> int:
    """Return a file's bytes; an unreadable one is reported when it is read."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def blocks(path: Path) -> Iterator[Block]:
    """Yield the blocks of one file; the suffix decides, gzip is recognised by its first bytes.

    Raises ``RecordsUnreadable`` for what lies packed otherwise: searched as it lies there, nobody would be found in it.
    """
    with readable(path):
        _refuse_packed(path)
        _refuse_encoded(path)
        yield from _reader(path)(path)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Say in our words that a file cannot be read."""
    try:
        yield
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise RecordsUnreadable(f"Reading records of {path}: {type(error).__name__}; check the file.") from error


def layout_of(path: Path) -> lines.LineFormat | None:
    """Return how a file's lines are read, a row each, where they stand in it plainly; else nothing.

    Raises ``RecordsUnreadable`` as ``blocks`` does.
    """
    with readable(path):
        _refuse_packed(path)
        _refuse_encoded(path)
        reader = _reader(path)
        if reader not in (lines.json_lines, lines.plain_lines):
            return None
        return lines.line_format(path, json=reader is lines.json_lines)


def _refuse_packed(path: Path) -> None:
    with path.open("rb") as raw:
        start = raw.read(8)
        if start.startswith(b"\x1f\x8b"):
            raw.seek(0)
            start = gzip.GzipFile(fileobj=raw).read(8)
    start = start[4:] if start.startswith(b"BZh") else start
    named = next((name for magic, name in _PACKED.items() if start.startswith(magic)), "")
    if named:
        raise RecordsUnreadable(
            f"Reading records of {path}: it is packed ({named}); unpack it or save it as text, and locate in that."
        )


def _refuse_encoded(path: Path) -> None:
    """Refuse mail of which parts or headers are in base64 or quoted-printable: nobody would be found in them."""
    if path.suffix.lower() not in _MAIL:
        return
    with path.open("rb") as raw:
        before = b""
        while piece := raw.read(_PIECE):
            if _ENCODED.search(before + piece):
                raise RecordsUnreadable(
                    f"Reading records of {path}: parts of its messages are in base64 or quoted-printable, in which "
                    "nobody would be found; save the messages as decoded text, and locate in that."
                )
            before = piece[-_SEAM:]


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
