"""Search files for literal bytes: the independent path that proves absence.

Nothing here knows what an identifier is, and nothing is shared with ``locate``: the search is ``bytes.find``. Beside a
file's raw bytes, what its format hides is decoded and searched too, three deep in each other: Parquet, gzip, bzip2, xz,
zstd, zip and SQLite (with its write-ahead log), because compression, dictionaries and overflow pages tear text apart.
What decodes to more than 200 times its size (and 64 MB) is not searched through: that is an error, never an absence.
"""

import bz2
import gzip
import lzma
import mmap
import sqlite3
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import IO, TypeAlias, cast
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq

from retrieval.errors import ScanIncomplete
from retrieval.types import Progress, silent
from retrieval.walking import files_below
from retrieval.weight import weight

_CHUNK = 16 << 20
_CELL_END = b"\x00"
_BOMB_RATIO, _BOMB_BYTES, _DEEPEST = 200, 64 << 20, 3
_PLENTY = 1 << 28
_LONGEST, _COMPUTED = 1_000_000_000, 2  # bytes of a value in SQLite; how it marks a column that it does not store
_UNDECODABLE = (
    OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, sqlite3.Error, pa.ArrowException, RuntimeError,
    UnicodeError,
)  # fmt: skip


def scan_bytes(
    path: Path, patterns: Sequence[bytes], *, chunk: int = _CHUNK, ignore_case: bool = False
) -> list[tuple[int, int]]:
    """Return (offset, index of pattern) of every occurrence in a file's raw bytes, overlapping ones included.

    ``ignore_case`` folds ASCII letters only. Raises ``ScanIncomplete`` for a file that cannot be read.
    """
    try:
        if path.stat().st_size == 0:
            return []
        with path.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            pieces = (mapped[start : start + chunk] for start in range(0, len(mapped), chunk))
            return sorted(_occurrences(pieces, patterns, ignore_case))
    except OSError as error:
        raise ScanIncomplete(
            f"Searching the bytes of {path}: {error.strerror}; make it readable, scan again."
        ) from error


def _occurrences(pieces: Iterator[bytes], patterns: Sequence[bytes], ignore_case: bool) -> Iterator[tuple[int, int]]:
    """Search pieces as if they were one, carrying the tail that might still begin a match."""
    wanted = [pattern.lower() if ignore_case else pattern for pattern in patterns]
    if not all(wanted):
        raise ValueError("Scanning for an empty byte pattern: it occurs everywhere; leave it out.")
    longest = max(map(len, wanted), default=1)
    tail, base = b"", 0
    for piece in pieces:
        window = tail + (piece.lower() if ignore_case else piece)
        for index, pattern in enumerate(wanted):
            yield from ((base + at, index) for at in _all(window, pattern) if at + len(pattern) > len(tail))
        tail = window[len(window) - longest + 1 :] if longest > 1 else b""
        base += len(window) - len(tail)


def _all(window: bytes, pattern: bytes) -> Iterator[int]:
    at = window.find(pattern)
    while at >= 0:
        yield at
        at = window.find(pattern, at + 1)


def scan_tree(
    folder: Path,
    patterns: Sequence[bytes],
    *,
    ignore_case: bool = False,
    progress: Progress = silent,
    unreadable: Callable[[Path, str], None] | None = None,
) -> dict[str, int]:
    """Return how often patterns occur, per file below a folder that is not clean (raw or decoded, whichever is more).

    Keys are paths relative to the folder; a file may be given as the folder. Links are not followed. A file that
    or folder that cannot be read or decoded raises ``ScanIncomplete``, or is told to ``unreadable(path, why)``.
    """
    if not folder.exists():
        raise ScanIncomplete(f"Searching {folder}: there is no such file or folder, so nothing can be said about it.")
    files = files_below(folder, unreadable=unreadable)
    patterns = _shortest(patterns, ignore_case)
    counts: dict[str, int] = {}
    for done, path in enumerate(files):
        progress(done / len(files), f"{done} of {len(files)} files searched")
        try:
            count = _count(path, patterns, ignore_case)
        except ScanIncomplete as error:
            if unreadable is None:
                raise
            unreadable(path, str(error))
            continue
        if count:
            counts[path.name if path == folder else str(path.relative_to(folder))] = count
    progress(1.0, f"{len(files)} files searched")
    return counts


def _shortest(patterns: Sequence[bytes], ignore_case: bool) -> list[bytes]:
    """Drop patterns that hold another one: where they occur, the other does, and is counted there once."""
    distinct = sorted({pattern.lower() if ignore_case else pattern for pattern in patterns}, key=len)
    kept: list[bytes] = []
    for pattern in distinct:
        if not any(shorter in pattern for shorter in kept):
            kept.append(pattern)
    return kept


def scan_content(path: Path, patterns: Sequence[bytes]) -> list[int]:
    """Return the index of the pattern for every occurrence in what a file's format hides (empty for a plain file).

    Raises ``ScanIncomplete`` for a file that cannot be decoded.
    """
    decode = _decoder(path)
    if decode is None:
        return []
    try:
        return [index for _, index in _occurrences(decode(path, Budget(path)), patterns, False)]
    except _UNDECODABLE as error:
        raise ScanIncomplete(
            f"Searching {path}: {type(error).__name__} while decoding; its content is unknown."
        ) from error


def _count(path: Path, patterns: Sequence[bytes], ignore_case: bool) -> int:
    raw = len(scan_bytes(path, patterns, ignore_case=ignore_case))
    decode = _decoder(path)
    if decode is None:
        return raw
    try:
        return max(raw, sum(1 for _ in _occurrences(decode(path, Budget(path)), patterns, ignore_case)))
    except _UNDECODABLE as error:
        why = f"{type(error).__name__} while decoding"
        raise ScanIncomplete(
            f"Searching {path}: {why}; its raw bytes hold {raw} matches, its content is unknown."
        ) from error


class DecodesToTooMuch(RuntimeError):
    """A file decodes to so much out of so little that it is meant to fill a disk, a memory or a day."""


class Budget:
    """How much one file may decode to, with all that lies packed in it; and how deep."""

    def __init__(self, path: Path) -> None:
        self._left = max(_BOMB_BYTES, _BOMB_RATIO * path.stat().st_size)
        self._has_tables = False
        self.depth = 0

    def plenty(self) -> None:
        """Dictionaries make honest tables of repeated words small: all that are in a file may decode to more."""
        self._left += 0 if self._has_tables else _PLENTY
        self._has_tables = True

    def beside(self, path: Path) -> int:
        """Let another file count that belongs to it, if it is there; return its bytes."""
        size = path.stat().st_size if path.is_file() else 0
        self._left += _BOMB_RATIO * size
        return size

    def take(self, piece: bytes) -> bytes:
        """The piece, counted; ``DecodesToTooMuch`` when it is one too many."""
        self.spend(len(piece))
        return piece

    def spend(self, size: int) -> None:
        """Count bytes that are still to be decoded."""
        self._left -= size
        if self._left < 0:
            raise DecodesToTooMuch


Opener: TypeAlias = Callable[[Path], IO[bytes]]
Decode: TypeAlias = Callable[[Path, Budget], Iterator[bytes]]


def _decoder(path: Path) -> Decode | None:
    """Choose by the first bytes, not by the name: a company's suffixes are its own."""
    with path.open("rb") as handle:
        return _known(handle.read(16))


def _known(start: bytes) -> Decode | None:
    return next((decode for magic, decode in _DECODERS if start.startswith(magic)), None)


def _stream(opened: Opener) -> Decode:
    def decode(path: Path, budget: Budget) -> Iterator[bytes]:
        with opened(path) as handle:
            yield from _unpacked(handle, budget)

    return decode


def _zip(path: Path, budget: Budget) -> Iterator[bytes]:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            yield _CELL_END + member.filename.encode() + _CELL_END
            with archive.open(member) as handle:
                yield from _unpacked(handle, budget)


def _unpacked(handle: IO[bytes], budget: Budget) -> Iterator[bytes]:
    """What comes out of a compressed file, and where that hides something again, what is hidden there."""
    start = handle.read(16)
    decode = _known(start)
    if decode is None:
        yield budget.take(start)
        while piece := handle.read(_CHUNK):
            yield budget.take(piece)
        return
    if budget.depth >= _DEEPEST:
        raise DecodesToTooMuch
    with tempfile.NamedTemporaryFile(prefix="oubli-scan-") as held:
        piece = start
        while piece:
            held.write(budget.take(piece))
            yield piece  # free pages of a database are in no row
            piece = handle.read(_CHUNK)
        held.flush()
        budget.depth += 1
        yield _CELL_END
        yield from decode(Path(held.name), budget)
        budget.depth -= 1


def _parquet(path: Path, budget: Budget) -> Iterator[bytes]:
    budget.plenty()
    with pq.ParquetFile(path) as file:
        yield str(file.schema_arrow.metadata or "").encode()
        for batch in file.iter_batches(batch_size=1024):
            budget.spend(weight(batch))
            yield _joined(leaf for column in batch.columns for leaf in _leaves(column.to_pylist()))


def _leaves(value: object) -> Iterator[object]:
    """Yield what stands at the bottom of nested lists and structs."""
    if isinstance(value, (list, tuple)):
        yield from (leaf for part in value for leaf in _leaves(part))
    elif isinstance(value, dict):
        yield from (leaf for part in value.values() for leaf in _leaves(part))
    else:
        yield value


def _sqlite(path: Path, budget: Budget) -> Iterator[bytes]:
    uri = f"file:{quote(str(path.resolve()))}?mode=ro"
    stored = path.stat().st_size + budget.beside(path.with_name(f"{path.name}-wal"))
    with closing(sqlite3.connect(uri, uri=True, timeout=30)) as database:
        database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, min(_LONGEST, max(_BOMB_BYTES, stored)))
        database.text_factory = bytes
        names = database.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"
        )
        for (name,) in names.fetchall():
            for columns in _asked(database, name.decode()):
                cursor = database.execute(f"SELECT {columns} FROM {_quoted(name)}")  # noqa: S608 - names of the schema
                yield from _rows(cursor, budget)


def _asked(database: sqlite3.Connection, table: str) -> Iterator[str]:
    """What is stored in a table, then each computed column by itself: out of few bytes it may make many."""
    columns = database.execute("SELECT name, hidden FROM pragma_table_xinfo(?)", (table,)).fetchall()
    yield ", ".join(_quoted(name) for name, hidden in columns if hidden != _COMPUTED)
    yield from (_quoted(name) for name, hidden in columns if hidden == _COMPUTED)


def _quoted(name: bytes) -> str:
    return '"{}"'.format(name.decode().replace('"', '""'))


def _rows(cursor: sqlite3.Cursor, budget: Budget) -> Iterator[bytes]:
    held, size = list[bytes](), 0
    for row in cursor:
        held.append(budget.take(_joined(iter(row))))
        size += len(held[-1])
        if size > _CHUNK:
            yield b"".join(held)
            held, size = [], 0
    yield b"".join(held)


def _joined(values: Iterator[object]) -> bytes:
    """Lay values side by side, each behind an end mark, so that no match spans two of them."""
    return (
        _CELL_END.join(
            value if isinstance(value, bytes) else str(value).encode() for value in values if value is not None
        )
        + _CELL_END
    )


_DECODERS: tuple[tuple[bytes, Decode], ...] = (
    (b"\x1f\x8b", _stream(cast(Opener, gzip.open))),
    (b"BZh", _stream(cast(Opener, bz2.open))),
    (b"\xfd7zXZ\x00", _stream(cast(Opener, lzma.open))),
    (b"\x28\xb5\x2f\xfd", _stream(lambda path: cast(IO[bytes], pa.input_stream(str(path), "zstd")))),
    (b"PAR1", _parquet),
    (b"SQLite format 3\x00", _sqlite),
    (b"PK\x03\x04", _zip),
)
