"""Lines in which letters are written as escapes: JSON that is no row a line, XML, logs that quote JSON.

Such a line is read with its escapes undone, and spans lead back to the line as it is stored, so that it can be redacted
there. A file is read so where its name or its beginning says that it is JSON or markup, or a sample holds such escapes.
"""

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from html import unescape
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from retrieval.formats import Block, Row, decoded, opened
from retrieval.letters import Bytes
from retrieval.lines import Lines, json_or_plain_lines, plain_lines

_SAMPLE: Final = 1 << 16
_SAMPLES: Final = 16
_PAIR: Final = r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_CODE: Final = r"\\u[0-9a-fA-F]{4}"
_IN_JSON: Final = re.compile(rf'{_PAIR}|{_CODE}|\\["\\/bfnrt]')
_IN_TEXT: Final = re.compile(rf"{_PAIR}|{_CODE}")
_IN_MARKUP: Final = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{0,31});")
_SAMPLED: Final = re.compile(rb"\\u[0-9a-fA-F]{4}")
_BEGINS_JSON: Final = re.compile(rb'[\[{]\s*["\[{\]}]')
_JSON_NAMES: Final = frozenset({".json", ".geojson", ".ipynb", ".har", ".webmanifest"})
_MARKUP_NAMES: Final = frozenset({".xml", ".svg", ".rss", ".atom", ".kml", ".gpx", ".xsl", ".xsd", ".opml", ".plist"})


@dataclass(frozen=True, slots=True)
class _Way:
    """Which escapes a file's lines have, and what one of them says."""

    begins: bytes
    spelled: re.Pattern[str]
    said: Callable[[str], str]

    @property
    def stored(self) -> re.Pattern[bytes]:
        """The same as bytes."""
        return re.compile(self.spelled.pattern.encode())


@lru_cache(maxsize=4_096)
def _said(escape: str) -> str:
    return str(json.loads(f'"{escape}"'))


_JSON: Final = _Way(b"\\", _IN_JSON, _said)
_TEXT: Final = _Way(b"\\u", _IN_TEXT, _said)
_MARKUP: Final = _Way(b"&", _IN_MARKUP, lru_cache(maxsize=4_096)(unescape))


def reader_of(path: Path, suffix: str, encoding: str = "") -> Callable[[Path, str], Iterator[Block]]:
    """Return what reads a text file: by its name and beginning, and by whether samples of it hold escapes."""
    with opened(path, encoding) as (handle, raw):
        start = handle.read(_SAMPLE)
        beginning = start[:256].lstrip()
        if suffix in _JSON_NAMES or _BEGINS_JSON.match(beginning):
            return json_or_plain_lines if _is_json(start) else partial(blocks, _JSON)
        if suffix in _MARKUP_NAMES or beginning.startswith(b"<?xml"):
            return partial(blocks, _MARKUP)
        pieces = iter((start,)) if handle is not raw else _samples(path, start)
        return partial(blocks, _TEXT) if any(_SAMPLED.search(piece) for piece in pieces) else plain_lines


def _is_json(start: bytes) -> bool:
    """Whether every whole line of a file's beginning is a JSON value; a file without line ends may be one."""
    lines = start.split(b"\n")
    if len(start) == _SAMPLE:  # the last one was cut
        lines.pop()
    try:
        values = [json.loads(line) for line in lines if line.strip()]
    except (ValueError, RecursionError):
        return False
    return bool(values) and all(isinstance(value, (dict, list)) for value in values)


def _samples(path: Path, start: bytes) -> Iterator[bytes]:
    yield start
    size = path.stat().st_size
    with path.open("rb") as handle:
        for number in range(1, _SAMPLES if size > _SAMPLE else 1):
            handle.seek((size - _SAMPLE) * number // (_SAMPLES - 1))
            yield handle.read(_SAMPLE)


def blocks(way: _Way, path: Path, encoding: str = "") -> Iterator[Block]:
    """Yield the lines of a text file with their escapes undone; records are numbers of lines."""
    for block in plain_lines(path, encoding):
        yield _UndoneLines(block, way) if way.begins in block.raw else block


@dataclass(frozen=True)
class _UndoneLines:
    """Lines filtered with their escapes undone, all at once; those in question are undone with the way back."""

    lines: Lines = field(repr=False)
    way: _Way
    json: bool = False

    @property
    def read(self) -> int:
        """Bytes of the file read so far."""
        return self.lines.read

    @cached_property
    def content(self) -> Bytes:
        """The bytes to filter; as many line ends as are stored."""
        return np.frombuffer(self.way.stored.sub(partial(_on_one_line, self.way.said), self.lines.raw), np.uint8)

    @cached_property
    def ends(self) -> npt.NDArray[np.int64]:
        """Where each line ends in ``content``."""
        ends = np.flatnonzero(self.content == 10) + 1
        return ends if len(ends) and ends[-1] == len(self.content) else np.append(ends, len(self.content))

    def row_numbers(self, places: Sequence[int]) -> list[int]:
        """Return the line, counted within the block, in which each byte stands."""
        return [int(number) for number in np.searchsorted(self.ends, np.array(places), side="right")]

    def rows(self, numbers: Sequence[int]) -> Iterator[Row]:
        """Undo the escapes of some lines."""
        for number in numbers:
            yield _row(self.lines.first + number, decoded(self.lines.line(number)).rstrip("\r\n"), self.way)


def _on_one_line(said: Callable[[str], str], escape: re.Match[bytes]) -> bytes:
    return said(escape[0].decode("ascii")).replace("\n", " ").encode("utf-8", "replace")


def _row(number: int, line: str, way: _Way) -> Row:
    escapes = list(way.spelled.finditer(line)) if way.begins.decode() in line else []
    if not escapes:
        return Row(str(number), {"text": line})
    undone = _Undone(line, escapes, way)
    return Row(str(number), {"text": undone.text}, undone.source)


class _Undone:
    """A line with its escapes undone, and the way back to the line as it is stored."""

    def __init__(self, line: str, escapes: list[re.Match[str]], way: _Way) -> None:
        parts, at, length = list[str](), 0, 0
        self._marks = [(0, 0, True)]  # from a place in the text on: its place in the line, whether both go on alike
        for escape in escapes:
            said = way.said(escape[0])
            parts += [line[at : escape.start()], said]
            length += escape.start() - at
            self._marks.append((length, escape.start(), False))
            length, at = length + len(said), escape.end()
            self._marks.append((length, at, True))
        self.text = "".join([*parts, line[at:]])

    def source(self, name: str, start: int, end: int) -> tuple[int, int]:
        """Return where a span stands in the line as it is stored; an escape counts whole."""
        return self._place(start, behind=False), self._place(end - 1, behind=True)

    def _place(self, at: int, *, behind: bool) -> int:
        number = bisect_right(self._marks, at, key=lambda mark: mark[0]) - 1
        text, source, plain = self._marks[number]
        if plain:
            return source + at - text + int(behind)
        return self._marks[number + 1][1] if behind else source
