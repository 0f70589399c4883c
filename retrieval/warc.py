"""Web archives for the filter, record by record: WARC 1.0 and 1.1 (ISO 28500), plain or gzip member by member."""

import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from retrieval.charsets import declared, known
from retrieval.formats import Block, decoded, opened
from retrieval.pages import Page, page
from retrieval.rows import RecordsUnreadable

_HEX: Final = re.compile(rb"[0-9A-Fa-f]{1,15}")
_CHARSET: Final = re.compile(r"charset\s{0,9}=\s{0,9}[\"']?([\w.:-]{1,40})", re.IGNORECASE)
_LONGEST: Final = 1 << 30
_MOST_UNPACKED: Final = 256 << 20


def blocks(path: Path, encoding: str = "") -> Iterator[Block]:
    """Yield a block a record; its name is the record's number, its span counts in the decoded body."""
    with opened(path) as (handle, raw):
        number = 0
        while headers := _headers(handle, path, number + 1):
            number += 1
            size = _size(headers, path, number)
            body = handle.read(size)
            if len(body) < size:
                raise RecordsUnreadable(f"Reading {path}, record {number}: it ends before its length; get it whole.")
            yield _block(str(number), headers, body, raw.tell(), encoding)


def _headers(handle: IO[bytes], path: Path, number: int) -> dict[str, str]:
    line = handle.readline(1 << 16)
    while line in (b"\r\n", b"\n"):
        line = handle.readline(1 << 16)
    if not line:
        return {}
    if not line.startswith(b"WARC/"):
        raise RecordsUnreadable(f"Reading {path}, record {number}: no WARC record begins here; check the file.")
    return _fields(iter(lambda: handle.readline(1 << 16).rstrip(b"\r\n"), b""))


def _fields(lines: Iterator[bytes]) -> dict[str, str]:
    pairs = (decoded(line).partition(":") for line in lines)
    return {name.strip().lower(): value.strip() for name, _, value in pairs} or {"": ""}


def _size(headers: dict[str, str], path: Path, number: int) -> int:
    size = headers.get("content-length", "")
    if not size.isdecimal() or int(size) > _LONGEST:
        raise RecordsUnreadable(f"Reading {path}, record {number}: it states no usable length; check the file.")
    return int(size)


def _block(record: str, headers: dict[str, str], body: bytes, read: int, encoding: str) -> Page:
    packed = False
    kind, more = headers.get("content-type", ""), {"headers": "\n".join(headers.values())}
    if kind.startswith("application/http"):
        head, _, body = body.partition(b"\r\n\r\n")
        http = _fields(iter(head.splitlines()[1:]))
        more["http"] = decoded(head)
        (body, packed), kind = _unpacked(body, http), http.get("content-type", "")
    said = _CHARSET.search(kind)
    text = decoded(body, known(said[1] if said else "") or declared(body) or encoding)
    if "html" in kind:
        return page(record, text, read=read, more=more, packed=packed)
    return Page(record, text, "", [], read, more=more, packed=packed)


def _unpacked(body: bytes, http: dict[str, str]) -> tuple[bytes, bool]:
    """Undo chunks and compression; what cannot be undone is searched as it is, and True says so."""
    if "chunked" in http.get("transfer-encoding", ""):
        body = _joined(body)
    coding = http.get("content-encoding", "").strip().lower()
    bits = {"gzip": 31, "x-gzip": 31, "deflate": 15}.get(coding)
    if not bits or not body:
        return body, bool(body) and coding not in ("", "identity")
    try:
        stream = zlib.decompressobj(bits)
        whole = stream.decompress(body, _MOST_UNPACKED)
        return whole, not stream.eof or bool(stream.unused_data)
    except zlib.error:
        return body, True


def _joined(body: bytes) -> bytes:
    parts: list[bytes] = []
    at = 0
    while (end := body.find(b"\r\n", at)) > 0:
        said = body[at:end].partition(b";")[0].strip()
        if not _HEX.fullmatch(said):  # a sign before it would lead backwards, and round and round
            return body
        size = int(said, 16)
        if size == 0:
            return b"".join(parts)
        parts.append(body[end + 2 : end + 2 + size])
        at = end + 2 + size + 2
    return b"".join(parts) or body
