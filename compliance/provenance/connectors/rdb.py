"""Compressed strings in a Redis snapshot, opened for a search of bytes.

A snapshot writes a long string as 0xC3, its two lengths, and LZF (rdb.h, RDB_ENC_LZF). Instead of reading the whole
format, every place that could begin such a string is tried; what does not decode to its stated length is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_MARK, _MOST = 0xC3, 64 * 1024 * 1024


def strings_of(path: Path) -> Iterator[bytes]:
    """Every compressed string of the file, opened."""
    raw = path.read_bytes()
    at = raw.find(_MARK)
    while at >= 0:
        if (found := _string_at(raw, at + 1)) is not None:
            yield found
        at = raw.find(_MARK, at + 1)


def _string_at(raw: bytes, at: int) -> bytes | None:
    try:
        packed, at = _length(raw, at)
        plain, at = _length(raw, at)
        if not 0 < packed <= len(raw) - at or not packed <= plain <= _MOST:
            return None
        return _lzf(raw[at : at + packed], plain)
    except (IndexError, ValueError):
        return None


def _length(raw: bytes, at: int) -> tuple[int, int]:
    first = raw[at]
    kind = first >> 6
    if kind == 0:
        return first & 0x3F, at + 1
    if kind == 1:
        return (first & 0x3F) << 8 | raw[at + 1], at + 2
    if first == 0x80:
        return int.from_bytes(raw[at + 1 : at + 5], "big"), at + 5
    raise ValueError("no length")


def _lzf(packed: bytes, length: int) -> bytes:
    out, at = bytearray(), 0
    while at < len(packed):
        control = packed[at]
        at += 1
        if control < 32:
            out += packed[at : at + control + 1]
            at += control + 1
            continue
        size = control >> 5
        if size == 7:
            size += packed[at]
            at += 1
        start = len(out) - ((control & 0x1F) << 8) - packed[at] - 1
        at += 1
        if start < 0 or len(out) > length:
            raise ValueError("no LZF")
        for _ in range(size + 2):
            out.append(out[start])
            start += 1
    if len(out) != length:
        raise ValueError("another length")
    return bytes(out)
