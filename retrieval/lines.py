"""Line formats, cut where a row ends: JSON lines, CSV (a row may hold line ends), plain lines."""

import csv
import io
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

from retrieval.formats import Block, Row, bounded, decoded, opened, unique
from retrieval.lanes import WORD, bits_of, equal_at
from retrieval.letters import Bytes
from retrieval.rows import RecordsUnreadable, leaves

NO_JSON: Final = "(no JSON)"  # the field of a row that could not be parsed
_BLOCK: Final = 1 << 20  # a block is read into memory that the nearer caches hold
_GLIMPSE: Final = 4_096  # bytes in which the rest of a line is expected
_QUOTE, _NEWLINE, _RETURN = 34, 10, 13
_BEGUN, _PLAIN, _QUOTED, _CLOSED = range(4)  # where in a field of a CSV file a byte stands


@dataclass(frozen=True)
class Lines:
    """Whole rows of a line format; ``first`` is the number of the first one in the file."""

    path: Path
    raw: bytes = field(repr=False)
    first: int
    read: int
    parse: Callable[[str], Mapping[str, str]]
    json: bool = False
    delimiter: str = ""  # of a CSV file, whose rows may hold line ends

    @property
    def content(self) -> Bytes:
        """The bytes to filter."""
        return np.frombuffer(self.raw, np.uint8)

    def starts(self) -> npt.NDArray[np.int64]:
        """Return where each row begins; behind a last line end begins an empty one."""
        return self._starts

    @cached_property
    def _starts(self) -> npt.NDArray[np.int64]:
        if self.delimiter:
            ends = row_ends(self.content, ord(self.delimiter))
        else:
            ends = np.flatnonzero(self.content == _NEWLINE) + 1
        return np.concatenate((np.zeros(1, np.int64), ends))

    def row_numbers(self, places: Sequence[int]) -> list[int]:
        """Return the row, counted within the block, in which each byte stands."""
        return [int(number) for number in np.searchsorted(self.starts(), np.array(places), side="right") - 1]

    def line(self, number: int) -> bytes:
        """Return a row as it is stored."""
        starts = self.starts()
        return self.raw[starts[number] : starts[number + 1] if number + 1 < len(starts) else len(self.raw)]

    def rows(self, numbers: Sequence[int]) -> Iterator[Row]:
        """Parse some rows of the block."""
        for number in numbers:  # most blocks hold nobody
            yield _row(self.path, self.first + number, self.line(number), self.parse)


def _row(path: Path, number: int, line: bytes, parse: Callable[[str], Mapping[str, str]]) -> Row:
    try:
        return Row(str(number), parse(decoded(line).rstrip("\r\n")))
    except (ValueError, RecursionError, csv.Error):  # from None: the parser's message quotes the line
        raise RecordsUnreadable(f"Reading {path}, line {number}: it cannot be parsed; repair or drop it.") from None


@dataclass(frozen=True, slots=True)
class LineFormat:
    """How lines are read, a row each, and how many bytes stand before the first."""

    parse: Callable[[str], Mapping[str, str]]
    json: bool
    skipped: int

    def row(self, path: Path, number: int, line: bytes) -> Row:
        """Parse one line, by its number in the file."""
        return _row(path, number, line, self.parse)


def _whole_rows(path: Path, delimiter: int, encoding: str) -> Iterator[tuple[bytes, int]]:
    """Yield (whole rows, bytes read so far); a row longer than a block comes whole."""
    with opened(path, encoding) as (handle, raw):
        parts: list[bytes] = []
        while piece := handle.read(_BLOCK):
            parts.append(piece)
            if _NEWLINE in piece and (end := _last_row(whole := b"".join(parts), delimiter)):
                yield whole[:end], raw.tell()
                parts = [whole[end:]]
            elif handle is not raw:
                bounded(path, len(parts) * _BLOCK)
        if rest := b"".join(parts):
            yield rest, raw.tell()


def _whole_lines(path: Path, encoding: str) -> Iterator[tuple[bytes, int]]:
    """Yield (whole lines, bytes read so far): a block and the rest of its last line, so that nothing is moved."""
    with opened(path, encoding) as (handle, raw):
        while piece := handle.read(_to_line_end(raw) if handle is raw else _BLOCK):
            yield (piece if piece[-1] == _NEWLINE else piece + _rest_of_line(path, handle, raw)), raw.tell()


def _rest_of_line(path: Path, handle: IO[bytes], raw: IO[bytes]) -> bytes:
    if handle is raw:
        return handle.readline()
    parts = [handle.readline(_BLOCK)]
    while parts[-1] and parts[-1][-1] != _NEWLINE:
        bounded(path, len(parts) * _BLOCK)
        parts.append(handle.readline(_BLOCK))
    return b"".join(parts)


def _to_line_end(handle: IO[bytes]) -> int:
    """Return how many bytes of a plain file reach from here to a line's end near a block's, so that no copy is made."""
    following = os.pread(handle.fileno(), _GLIMPSE, handle.tell() + _BLOCK)
    return _BLOCK + following.find(b"\n") + 1


def _last_row(whole: bytes, delimiter: int) -> int:
    ends = row_ends(np.frombuffer(whole, np.uint8), delimiter)
    return int(ends[-1]) if len(ends) else 0


@njit(cache=True, nogil=True)
def row_ends(content: Any, delimiter: Any) -> Any:
    """Return where CSV rows end: behind line ends that stand in no quotes, which open only where a field begins."""
    ends = np.empty(len(content) + 1, np.int64)
    count, state = 0, _BEGUN
    for at in range(len(content)):
        byte = content[at]
        if byte == _QUOTE:
            if state in (_BEGUN, _CLOSED):
                state = _QUOTED
            elif state == _QUOTED:
                state = _CLOSED
        elif state == _QUOTED:
            continue
        elif byte == _NEWLINE or (byte == _RETURN and at + 1 < len(content) and content[at + 1] != _NEWLINE):
            ends[count] = at + 1
            count += 1
            state = _BEGUN
        else:
            state = _BEGUN if byte == delimiter else _PLAIN
    return ends[:count].copy()


@njit(cache=True, nogil=True, boundscheck=False)
def line_ends(content: Any) -> Any:
    """Count newlines: compared sixty-four at a time, where ``bytes.count`` starts anew behind each."""
    count, whole = np.uint64(0), len(content) - len(content) % WORD
    for at in range(0, whole, WORD):
        count += bits_of(equal_at(content, at, np.uint8(_NEWLINE)))
    for at in range(whole, len(content)):
        count += np.uint64(content[at] == _NEWLINE)
    return np.int64(count)


def plain_lines(path: Path, encoding: str = "") -> Iterator[Lines]:
    """Yield the lines of a text file."""
    yield from _lines(path, _text, encoding, json=False)


def json_lines(path: Path, encoding: str = "") -> Iterator[Lines]:
    """Yield the rows of a file of JSON lines."""
    yield from _lines(path, _json_fields, encoding, json=True)


def damaged_json_lines(path: Path, encoding: str = "") -> Iterator[Lines]:
    """Yield the same; a row that cannot be parsed is text, under a name that says so."""
    yield from _lines(path, _fields_or_said, encoding, json=True)


def json_or_plain_lines(path: Path, encoding: str = "") -> Iterator[Lines]:
    """Yield the rows of a file that looks like JSON lines; a line that is none is text."""
    yield from _lines(path, _fields_or_text, encoding, json=True)


def _lines(path: Path, parse: Callable[[str], Mapping[str, str]], encoding: str, *, json: bool) -> Iterator[Lines]:
    first = 1
    for raw, read in _whole_lines(path, encoding):
        yield Lines(path, raw, first, read, parse, json)
        first += line_ends(np.frombuffer(raw, np.uint8))


def line_format(path: Path, reader: Callable[[Path, str], object], encoding: str = "") -> LineFormat | None:
    """Return how a file's lines are read where they stand in it plainly: not compressed, not in another encoding."""
    ways: dict[object, tuple[Callable[[str], Mapping[str, str]], bool]] = {
        plain_lines: (_text, False),
        json_lines: (_json_fields, True),
        damaged_json_lines: (_fields_or_said, True),
        json_or_plain_lines: (_fields_or_text, True),
    }
    if reader not in ways:
        return None
    with opened(path, encoding) as (handle, raw):
        return LineFormat(*ways[reader], raw.tell()) if handle is raw else None


def _text(text: str) -> dict[str, str]:
    return {"text": text}


def _json_fields(text: str) -> dict[str, str]:
    if not text.strip():
        return {}
    return unique(leaves(_JSON.decode(text)))


def _fields_or_text(text: str, name: str = "text") -> dict[str, str]:
    try:
        return _json_fields(text)
    except (ValueError, RecursionError):
        return {name: text}


def _fields_or_said(text: str) -> dict[str, str]:
    return _fields_or_text(text, NO_JSON)


def _every_pair(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Keep values of a repeated key, and the keys themselves: what json.loads drops can be read by others."""
    kept: dict[str, Any] = {}
    for key, value in pairs:
        kept[key if key not in kept else f"{key}#{len(kept)}"] = value
    return {**kept, "(keys)": "\n".join(key for key, _ in pairs)} if pairs else kept


_JSON: Final = json.JSONDecoder(object_pairs_hook=_every_pair, strict=False)  # some write tabs as they are


def csv_rows(path: Path, encoding: str = "") -> Iterator[Block]:
    """Yield the rows of a CSV file; its header names the fields, the delimiter is the header's most frequent one."""
    with opened(path, encoding) as (handle, _):
        head = re.split(r"[\r\n]", decoded(handle.readline(1 << 20)), maxsplit=1)[0]
    delimiter = max(",;\t|", key=head.count)
    csv.field_size_limit(1 << 30)
    names = _values(head, delimiter)

    def parse(text: str) -> dict[str, str]:
        values = _values(text, delimiter)
        every = [*names, *(f"more.{at}" for at in range(len(values) - len(names)))]
        return unique(zip(every, values, strict=False))

    first = 0
    for raw, read in _whole_rows(path, ord(delimiter), encoding):
        yield Lines(path, raw, first, read, parse, delimiter=delimiter)
        first += len(row_ends(np.frombuffer(raw, np.uint8), ord(delimiter)))


def _values(row: str, delimiter: str) -> list[str]:
    """Return the fields of a row; where quotes are broken there may be more rows in it, whose fields follow."""
    return [value for part in csv.reader(io.StringIO(row, newline=""), delimiter=delimiter) for value in part]
