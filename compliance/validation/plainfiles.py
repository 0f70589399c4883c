"""Files as the second pair of eyes reads them: unpacked by the standard library, cut into lines, nothing remembered.

What is damaged, or decodes to far more than its size, ends where it does: the search of the bytes, which reads the same
files, says that it could not read them through, and then nothing is called erased.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa

LONGEST = 16 * 1024 * 1024  # a longer line comes in pieces
DEEPEST = 3
MOST, TIMES, LEAST = 8 * 1024**3, 200, 64 * 1024**2

_PACKED: tuple[tuple[bytes, Callable[[Any], Any]], ...] = (
    (b"\x1f\x8b", lambda raw: gzip.GzipFile(fileobj=raw)),
    (b"BZh", bz2.BZ2File),
    (b"\xfd7zXZ\x00", lzma.LZMAFile),
    (b"\x28\xb5\x2f\xfd", lambda raw: io.BufferedReader(pa.CompressedInputStream(raw, "zstd"))),
)
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_BROKEN = (
    OSError,
    EOFError,
    RuntimeError,
    NotImplementedError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    pa.ArrowException,
)


def lines(stream: Any, size: int) -> Iterator[bytes]:
    """The lines of a file of ``size`` bytes, unpacked where it is packed; of an archive its members' names too."""
    left = min(MOST, max(LEAST, TIMES * size))
    for line in _lines(stream if hasattr(stream, "peek") else io.BufferedReader(stream), DEEPEST):
        left -= len(line)
        if left < 0:
            return
        yield line


def _lines(stream: Any, depth: int) -> Iterator[bytes]:
    try:
        start = stream.peek(8)[:8]
        unpack = next((unpack for magic, unpack in _PACKED if start.startswith(magic)), None)
        if unpack and depth:
            with unpack(stream) as inner:
                yield from _lines(inner, depth - 1)
        elif start.startswith(_ZIP) and depth:
            yield from _members(stream, depth)
        else:
            while line := stream.readline(LONGEST):
                yield line
    except _BROKEN:
        return


def _members(stream: Any, depth: int) -> Iterator[bytes]:
    with zipfile.ZipFile(stream) as archive:
        for member in archive.infolist():
            yield member.filename.encode("utf-8", "surrogateescape")
            try:
                with archive.open(member) as inner:
                    yield from _lines(inner, depth - 1)
            except _BROKEN:
                continue
