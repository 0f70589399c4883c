"""What a file decodes to, for a search of bytes: Avro object containers block by block, Parquet cell by cell.

Avro: specification 1.11, "Object Container Files". Values are not parsed: strings and bytes
stand in a block as they are.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from compliance.rules.errors import DamagedArtifact

_MAGIC, _SYNC = b"Obj\x01", 16
_MOST = 1 << 30


def contents(raw: bytes, name: str) -> Iterator[bytes]:
    """The decoded pieces of a file; nothing for a format whose bytes say all themselves."""
    try:
        if raw.startswith(_MAGIC):
            yield from _avro(raw)
        elif raw.startswith(b"PAR1"):
            yield from _parquet(raw)
    except (ValueError, IndexError, zlib.error, pa.ArrowException) as error:
        raise DamagedArtifact(f"{name}: could not be read through, so absence cannot be claimed.") from error


def _parquet(raw: bytes) -> Iterator[bytes]:
    for batch in pq.ParquetFile(io.BytesIO(raw)).iter_batches(batch_size=1024):
        yield repr(batch.to_pylist()).encode("utf-8", "surrogatepass")


def _avro(raw: bytes) -> Iterator[bytes]:
    stream = io.BytesIO(raw[len(_MAGIC) :])
    codec = _metadata(stream).get("avro.codec", b"null").decode()
    stream.read(_SYNC)
    while stream.tell() < len(raw) - len(_MAGIC):
        _long(stream)
        yield _decoded(stream.read(_long(stream)), codec)
        stream.read(_SYNC)


def _decoded(block: bytes, codec: str) -> bytes:
    if codec == "null":
        return block
    if codec == "deflate":
        return zlib.decompressobj(-15).decompress(block, _MOST)
    if codec == "zstandard":
        return bytes(pa.CompressedInputStream(pa.BufferReader(block), "zstd").read(_MOST))
    if codec == "snappy":
        return bytes(pa.decompress(block[:-4], _snappy_length(block), codec="snappy"))
    raise ValueError(f"codec {codec}")


def _snappy_length(block: bytes) -> int:
    value = shift = 0
    for byte in block:
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            break
    return min(value, _MOST)


def _metadata(stream: io.BytesIO) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    while count := _long(stream):
        if count < 0:
            _long(stream)
        for _ in range(abs(count)):
            name = stream.read(_long(stream)).decode()
            found[name] = stream.read(_long(stream))
    return found


def _long(stream: io.BytesIO) -> int:
    value = shift = 0
    while True:
        byte = stream.read(1)[0]
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return (value >> 1) ^ -(value & 1)
