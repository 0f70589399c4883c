"""WARC (ISO 28500): each record of a web archive, plain or with one gzip member a record, is a record here.

What an HTTP answer carries is decoded (chunks, gzip) and, for HTML, read as a reader sees it. A blanked record gets its
new length, and loses the digests that no longer fit; all other records are copied byte for byte.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from compliance.provenance.connectors import Place
from compliance.provenance.connectors.formats import Edit, PartUnread, html, record_cap
from compliance.provenance.connectors.formats.http_body import decoded
from compliance.provenance.connectors.formats.streams import compression_of, opened
from compliance.provenance.connectors.matching import Blanked
from compliance.provenance.connectors.rows import Row, key_of
from compliance.rules.errors import DamagedArtifact

_HEAD = 64 * 1024
_DIGESTS = re.compile(rb"^WARC-(?:Block|Payload)-Digest:.*\r\n", re.IGNORECASE | re.MULTILINE)
_LENGTH = re.compile(rb"^(Content-Length:\s*)(\d+)", re.IGNORECASE | re.MULTILINE)
_CODINGS = re.compile(rb"^(?:Content-Encoding|Transfer-Encoding):.*\r\n", re.IGNORECASE | re.MULTILINE)


def rows(path: Path, place: Place) -> Iterator[Row]:
    """Every record with its target address and what it carries; ``PartUnread`` counts bodies that nobody can read."""
    unread = 0
    for row in _every(path, place):
        unread += not row.value["readable"]
        yield row
    if unread:
        raise PartUnread(
            f"{path.name}: the bodies of {unread} records are packed in a way that is not read, or too large.",
            next_action="Write the archive with plain or gzip bodies, and look again.",
        )


def _every(path: Path, place: Place) -> Iterator[Row]:
    with opened(path, place) as stream:
        for number, raw in enumerate(_records(stream, path, record_cap(place)), start=1):
            yield _row(raw, f"{path.name}, record {number}", place)


def rewrite(path: Path, target: Path, place: Place, edit: Edit) -> None:
    """Write the records that stay, each in a gzip member of its own where the archive has them."""
    packed = compression_of(path)
    with target.open("wb") as out:
        for row in _every(path, place):
            if (kept := edit(row)) is not None:
                out.write(gzip.compress(kept.raw, mtime=0) if packed else kept.raw)
        if packed and not out.tell():
            out.write(gzip.compress(b"", mtime=0))


def redacted(row: Row, changes: Mapping[str, str], place: Place) -> Row:
    """The record with the person blanked in its block and its head."""
    head, http, body = row.value["head"], row.value["http"], row.value["body"]
    if isinstance(new := changes.get("head"), Blanked):
        head = new.encode("utf-8", "surrogateescape")
    if isinstance(new := changes.get("http"), Blanked):
        http = new.encode("utf-8", "surrogateescape")
    if "text" in changes or "markup" in changes:
        body = _blanked_body(body, changes, row.value["is_html"], place)
        http = _LENGTH.sub(lambda found: found[1] + str(len(body)).encode(), _CODINGS.sub(b"", http))
    block = http + (b"\r\n\r\n" if row.value["has_http"] else b"") + body
    head = _LENGTH.sub(lambda found: found[1] + str(len(block)).encode(), _DIGESTS.sub(b"", head + b"\r\n"))
    return _row(head + b"\r\n" + block + b"\r\n\r\n", row.where, place)


def _blanked_body(body: bytes, changes: Mapping[str, str], is_html: bool, place: Place) -> bytes:
    if is_html:
        return html.redacted(html.page(body, "", place), changes, place).raw
    return str(changes["text"]).encode("utf-8", "surrogateescape")


def _records(stream: BinaryIO, path: Path, cap: int) -> Iterator[bytes]:
    while True:
        head = _head(stream, path)
        if not head:
            return
        found = _LENGTH.search(head)
        if not head.startswith(b"WARC/") or found is None:
            raise _damaged(path, "a record does not begin as a WARC record")
        length = int(found[2])
        if length > cap:
            raise _damaged(path, f"a record is longer than {cap} bytes (options.max_record_bytes)")
        block = stream.read(length)
        if len(block) < length:
            raise _damaged(path, "the last record is cut short")
        yield head + block + b"\r\n\r\n"


def _head(stream: BinaryIO, path: Path) -> bytes:
    head = b""
    while True:
        line = stream.readline(_HEAD)
        if not line:
            if head:
                raise _damaged(path, "the last record is cut short")
            return b""
        if head or line.strip():
            head += line
        if head and not line.strip():
            return head
        if len(head) > _HEAD:
            raise _damaged(path, "a record's head does not end")


def _row(raw: bytes, where: str, place: Place) -> Row:
    head, _, rest = raw.partition(b"\r\n\r\n")
    block = rest[:-4]
    has_http = block.startswith(b"HTTP/") and b"\r\n\r\n" in block
    http, _, body = block.partition(b"\r\n\r\n") if has_http else (b"", b"", block)
    body, readable = decoded(http, body) if has_http else (body, True)
    is_html = b"text/html" in http.lower() or b"text/html" in head.lower()
    texts = html.page(body, "", place).fields if is_html else {"text": body.decode("utf-8", "surrogateescape")}
    fields = {"head": _text(head), "http": _text(http), **{name: texts[name] for name in texts if name != "file"}}
    value: dict[str, Any] = {"head": head, "http": http, "body": body, "has_http": has_http, "is_html": is_html}
    value["readable"] = readable
    return Row(key_of(fields, raw, place), fields, raw, value, where)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _damaged(path: Path, why: str) -> DamagedArtifact:
    return DamagedArtifact(f"{path.name}: {why}.", next_action="Restore the file from its owner's copy.")
