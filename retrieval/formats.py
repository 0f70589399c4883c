"""Files as blocks of bytes that a filter reads at once, whose rows are parsed only when something may be in them.

Line formats are cut where a row ends (``retrieval.lines``); Parquet's columns are laid side by side, a row a line
(``retrieval.columns``); HTML and WARC records are texts of their own (``retrieval.pages``, ``retrieval.warc``).
"""

import codecs
import gzip
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, Protocol

from retrieval.letters import Bytes

_GLIMPSE: Final = 1_024  # bytes that tell an encoding


@dataclass(frozen=True, slots=True)
class Row:
    """One parsed row: its name in the file, its texts, and the way of spans back to text that was made readable."""

    record: str
    fields: Mapping[str, str] = field(repr=False)
    source: Callable[[str, int, int], tuple[int, int]] | None = None

    def place(self, name: str, start: int, end: int) -> tuple[int, int]:
        """Return the span in the field as it is stored."""
        return self.source(name, start, end) if self.source else (start, end)


class Block(Protocol):
    """Bytes to filter, and a way from a byte to its row and from a row to its fields."""

    @property
    def content(self) -> Bytes:
        """The bytes to filter."""

    @property
    def json(self) -> bool:
        """Whether backslashes escape."""

    @property
    def read(self) -> int:
        """Bytes of the file read so far."""

    def row_numbers(self, places: Sequence[int]) -> list[int]:
        """Return the row, counted within the block, in which each byte stands."""

    def rows(self, numbers: Sequence[int]) -> Iterator[Row]:
        """Parse some rows of the block, in order."""


@contextmanager
def opened(path: Path) -> Iterator[tuple[Any, IO[bytes]]]:
    """Open a file as (UTF-8 bytes, bytes as stored): through gzip and out of UTF-16 where the first bytes say so."""
    with path.open("rb") as raw:
        plain: Any = gzip.GzipFile(fileobj=raw) if raw.peek(2)[:2] == b"\x1f\x8b" else raw
        start = plain.peek(_GLIMPSE)[:_GLIMPSE]
        if wide := _wide(start):
            yield Transcoded(plain, wide), raw
            return
        if start.startswith(codecs.BOM_UTF8):
            plain.read(3)
        yield plain, raw


def _wide(start: bytes) -> str:
    """Return the UTF-16 that a file's first bytes are: by their mark, else where every second one is mostly zero."""
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    pairs = len(start) // 2
    first, second = start[: 2 * pairs : 2].count(0), start[1 : 2 * pairs : 2].count(0)
    if not pairs or 5 * max(first, second) < 2 * pairs or min(first, second):
        return ""
    encoding = "utf-16-le" if second else "utf-16-be"
    return encoding if _is_text(start[: 2 * pairs], encoding) else ""


def _is_text(start: bytes, encoding: str) -> bool:
    """Whether bytes read so are text: small numbers of two bytes have zeros too."""
    text = codecs.getincrementaldecoder(encoding)("replace").decode(start)
    return all(letter.isprintable() or letter.isspace() for letter in text)


class Transcoded(io.RawIOBase):
    """UTF-16 read as UTF-8."""

    def __init__(self, handle: IO[bytes], encoding: str) -> None:
        self._text = io.TextIOWrapper(handle, encoding, newline="\n")  # a row ends there and nowhere else

    def read(self, size: int = -1) -> bytes:
        """Read about so many bytes."""
        return self._text.read(size).encode()

    def readline(self, size: int | None = -1, /) -> bytes:
        """Read to the next line end, or about so many bytes."""
        return self._text.readline(-1 if size is None else size).encode()


def decoded(line: bytes) -> str:
    """Return a row's text: UTF-8, else Windows-1252, in which nearly every byte means something."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("cp1252", "replace")


def unique(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return fields by name, two of one name apart."""
    fields: dict[str, str] = {}
    for name, text in pairs:
        fields[name if name not in fields else f"{name}#{len(fields)}"] = text
    return fields
