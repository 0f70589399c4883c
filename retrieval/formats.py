"""Files as blocks of bytes that a filter reads at once, whose rows are parsed only when something may be in them.

Line formats are cut where a row ends (``retrieval.lines``); Parquet's columns are laid side by side, a row a line
(``retrieval.columns``); HTML and WARC records are texts of their own (``retrieval.pages``, ``retrieval.warc``); what
lies in archives, office files and mail is read part by part (``retrieval.parts``).
"""

import bz2
import codecs
import gzip
import io
import lzma
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from retrieval.charsets import decoded, is_other, marked
from retrieval.letters import Bytes
from retrieval.rows import RecordsUnreadable

__all__ = ["Block", "Refused", "Row", "Texts", "Transcoded", "bounded", "decoded", "opened", "unique"]

_GLIMPSE: Final = 1_024  # bytes that tell an encoding
_BOMB_RATIO, _BOMB_BYTES = 200, 64 << 20


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


@dataclass(frozen=True)
class Texts:
    """Rows whose texts are read already: paragraphs, cells, parts of a message."""

    every: Sequence[Row] = field(repr=False)
    read: int = 0
    json: bool = False

    @cached_property
    def _laid(self) -> list[bytes]:
        return ["\n".join((*row.fields.values(), "")).encode("utf-8", "replace") for row in self.every]

    @cached_property
    def content(self) -> Bytes:
        """All texts, a line's end behind each."""
        return np.frombuffer(b"".join(self._laid), np.uint8)

    @cached_property
    def ends(self) -> npt.NDArray[np.int64]:
        """Where each row ends in ``content``."""
        return np.cumsum([len(laid) for laid in self._laid], dtype=np.int64)

    def row_numbers(self, places: Sequence[int]) -> list[int]:
        """Return the row, counted within the block, in which each byte stands."""
        return [int(number) for number in np.searchsorted(self.ends, np.array(places), side="right")]

    def rows(self, numbers: Sequence[int]) -> Iterator[Row]:
        """Return some rows."""
        return (self.every[number] for number in numbers)


@dataclass(frozen=True, slots=True)
class Refused:
    """A part of a file that is not read, and why; it holds nothing to filter."""

    record: str
    why: str
    read: int = 0
    json: bool = False

    @property
    def content(self) -> Bytes:
        """Nothing."""
        return np.zeros(0, np.uint8)

    def row_numbers(self, places: Sequence[int]) -> list[int]:
        """Return nothing: there are no rows."""
        return []

    def rows(self, numbers: Sequence[int]) -> Iterator[Row]:
        """Return nothing: there are no rows."""
        return iter(())


@contextmanager
def opened(path: Path, encoding: str = "") -> Iterator[tuple[Any, IO[bytes]]]:
    """Open a file as (UTF-8 bytes, bytes as stored), which are one where it is plain UTF-8.

    Through gzip, bzip2, xz and zstd, out of UTF-16 and UTF-32, where the first bytes say so; out of ``encoding`` where
    that is given and the file is not UTF-8.
    """
    with path.open("rb") as raw:
        plain: Any = _unpacked(raw)
        start = plain.peek(_GLIMPSE)[:_GLIMPSE]
        if wide := marked(start):
            yield Transcoded(plain, wide), raw
        elif encoding and is_other(start, encoding):
            yield Transcoded(plain, encoding, errors="replace"), raw
        else:
            if start.startswith(codecs.BOM_UTF8):
                plain.read(3)
            yield plain, raw


def _unpacked(raw: Any) -> Any:
    start = raw.peek(8)[:8]
    if start.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=raw)
    if start.startswith(b"BZh") and start[4:].startswith(b"1AY&"):
        return bz2.BZ2File(raw)
    if start.startswith(b"\xfd7zXZ\x00"):
        return lzma.LZMAFile(raw)
    if start.startswith(b"\x28\xb5\x2f\xfd"):
        return io.BufferedReader(pa.input_stream(raw, "zstd"))
    return raw


class Transcoded(io.RawIOBase):
    """Text in another encoding read as UTF-8."""

    def __init__(self, handle: IO[bytes], encoding: str, errors: str = "strict") -> None:
        self._text = io.TextIOWrapper(handle, encoding, errors, newline="\n")  # a row ends there and nowhere else

    def read(self, size: int = -1) -> bytes:
        """Read about so many bytes."""
        return self._text.read(size).encode("utf-8", "replace")

    def readline(self, size: int | None = -1, /) -> bytes:
        """Read to the next line end, or about so many bytes."""
        return self._text.readline(-1 if size is None else size).encode("utf-8", "replace")


def bounded(path: Path, size: int) -> None:
    """Refuse a row or a page of a compressed file that is so long that it is meant to fill a memory."""
    if size > max(_BOMB_BYTES, _BOMB_RATIO * path.stat().st_size):
        raise RecordsUnreadable(
            f"Reading records of {path}: a row of it decodes to more than {_BOMB_RATIO} times the file's size; "
            "unpack it and look at it, then locate in that."
        )


def unique(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return fields by name, two of one name apart."""
    fields: dict[str, str] = {}
    for name, text in pairs:
        fields[name if name not in fields else f"{name}#{len(fields)}"] = text
    return fields
