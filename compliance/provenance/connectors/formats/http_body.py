"""The body of an archived HTTP answer without its transfer and content codings (RFC 9112, 7.1; RFC 9110, 8.4)."""

from __future__ import annotations

import re
import zlib

MOST_DECODED = 1 << 26
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r\n")
_CODING = re.compile(rb"^content-encoding:[ \t]*([^\r\n]*)", re.MULTILINE)
_WINDOWS = {b"gzip": (31,), b"x-gzip": (31,), b"deflate": (15, -15)}


def decoded(http: bytes, body: bytes) -> tuple[bytes, bool]:
    """The body as a reader sees it, and whether that could be made out; else the body as it lies there.

    Archives often keep the header of a coding that they undid: what reads as text is taken for text.
    """
    low = http.lower()
    if b"transfer-encoding: chunked" in low:
        body = unchunked(body)
    found = _CODING.search(low)
    codings = [coding.strip() for coding in found[1].split(b",")] if found else []
    plain: bytes | None = body
    for coding in reversed([coding for coding in codings if coding not in (b"", b"identity")]):
        plain = None if plain is None else _undone(coding, plain)
    return (body, _is_text(body)) if plain is None else (plain, True)


def _undone(coding: bytes, body: bytes) -> bytes | None:
    for window in _WINDOWS.get(coding, ()):
        undo = zlib.decompressobj(window)
        try:
            plain = undo.decompress(body, MOST_DECODED)
        except zlib.error:
            continue
        return None if undo.unconsumed_tail else plain
    return None


def _is_text(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return b"\x00" not in body


def unchunked(body: bytes) -> bytes:
    """The chunks' contents; the body as it is where they are none. Each step goes forward, whatever sizes are said."""
    parts: list[bytes] = []
    at = 0
    while at < len(body):
        found = _SIZE.match(body, at)
        if found is None:
            return body
        size = int(found[1], 16)
        if size == 0:
            break
        parts.append(body[found.end() : found.end() + size])
        at = found.end() + size + 2
    return b"".join(parts)
