"""Opening files that may be compressed, without following links and without being drowned by what they decode to."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

import pyarrow as pa

from compliance.provenance.connectors import Place
from compliance.rules.errors import DamagedArtifact

DEFAULT_DECODED_CAP = 8 * 1024 * 1024 * 1024
BOMB_RATIO, BOMB_BYTES = 200, 64 * 1024 * 1024
_READ = 1 << 20

Opener = Callable[[Any], Any]
KINDS: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bz2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
)
_READERS: dict[str, Opener] = {
    "gzip": lambda raw: gzip.GzipFile(fileobj=raw),
    "bz2": bz2.BZ2File,
    "xz": lzma.LZMAFile,
    "zstd": lambda raw: pa.CompressedInputStream(raw, "zstd"),
}
_WRITERS: dict[str, Opener] = {
    # No name and no time: the same records give the same bytes.
    "gzip": lambda raw: gzip.GzipFile(fileobj=raw, mode="wb", filename="", mtime=0),
    "bz2": lambda raw: bz2.BZ2File(raw, "wb"),
    "xz": lambda raw: lzma.LZMAFile(raw, "wb"),  # noqa: SIM115 - closed by who opens it
    "zstd": lambda raw: pa.CompressedOutputStream(raw, "zstd"),
}
_BROKEN = (OSError, EOFError, zlib.error, lzma.LZMAError, pa.ArrowException)


def decoded_cap(path: Path, place: Place, *, floor: int = BOMB_BYTES) -> int:
    """The most bytes a packed file may decode to: option ``max_decoded_bytes``, else in proportion to its size.

    So much out of so little (200 times, and more than ``floor``) is meant to fill a disk, a memory or a day.
    """
    given = int(place.options.get("max_decoded_bytes") or 0)
    return given or min(DEFAULT_DECODED_CAP, max(floor, BOMB_RATIO * path.stat().st_size))


def compression_of(path: Path) -> str:
    """How a file is compressed, by its first bytes; empty when it is not."""
    with _plain(path) as stream:
        start = stream.read(8)
    return next((name for magic, name in KINDS if start.startswith(magic)), "")


@contextmanager
def opened(path: Path, place: Place) -> Iterator[BinaryIO]:
    """The file's content, decompressed; ``DamagedArtifact`` when it is cut short or decodes to too much."""
    kind = compression_of(path)
    with _plain(path) as raw:
        if not kind:
            yield raw
            return
        capped = _Capped(_READERS[kind](raw), path, decoded_cap(path, place))
        stream = io.BufferedReader(capped, _READ)
        if any(stream.peek(8).startswith(magic) for magic, _ in KINDS):
            raise DamagedArtifact(
                f"{path.name}: compressed twice, so what is in it cannot be read.",
                next_action="Unpack it once, and register that.",
            )
        yield cast(BinaryIO, stream)


@contextmanager
def created(target: Path, like: Path) -> Iterator[BinaryIO]:
    """A new file, compressed as ``like`` is."""
    kind = compression_of(like)
    with target.open("wb") as raw:
        if not kind:
            yield raw
            return
        with _WRITERS[kind](raw) as out:
            yield out


def too_much(path: Path, cap: int) -> DamagedArtifact:
    """What is said of a file that decodes to too much."""
    return DamagedArtifact(
        f"{path.name}: decodes to more than {cap} bytes, which is too much for a file of its size.",
        next_action="Unpack it yourself and register what is in it, or set options.max_decoded_bytes to what it is.",
    )


class _Capped(io.RawIOBase):
    """A decompressed stream that counts what came out of it."""

    def __init__(self, inner: Any, path: Path, cap: int) -> None:
        self._inner, self._path, self._cap, self._decoded = inner, path, cap, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            piece = self._inner.read(len(buffer))
        except _BROKEN:
            raise DamagedArtifact(
                f"{self._path.name}: the compressed file is cut short or damaged.",
                next_action="Restore the file from its owner's copy, then continue the case.",
            ) from None
        self._decoded += len(piece)
        if self._decoded > self._cap:
            raise too_much(self._path, self._cap)
        buffer[: len(piece)] = piece
        return len(piece)


def _plain(path: Path) -> BinaryIO:
    return open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW))


def beginning(path: Path) -> bytes:
    """The first bytes of the content, decompressed; what cannot be decompressed shows as it is."""
    kind = compression_of(path)
    with _plain(path) as raw:
        try:
            return bytes((_READERS[kind](raw) if kind else raw).read(8192))
        except _BROKEN:
            return b"\x00"
