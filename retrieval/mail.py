"""Messages whose headers or parts are encoded (RFC 2045, RFC 2047): base64, quoted-printable, other alphabets.

A message's number is its place in the file; ``2:headers`` are its headers with their words decoded, ``2:3`` its third
part. Attachments are read as files. Mail in which nothing is encoded is read by lines, and can be redacted there.
"""

import email
import re
from collections.abc import Iterator
from email.errors import HeaderParseError, MessageError
from email.header import decode_header, make_header
from email.message import Message
from pathlib import Path, PurePosixPath
from typing import IO, Final

from retrieval.charsets import decoded, is_utf8, known
from retrieval.formats import Block, Refused, Texts, opened, unique
from retrieval.pages import page
from retrieval.parts import DAMAGED, Reading, names_row
from retrieval.rows import RecordsUnreadable

_NAMES: Final = frozenset({".eml", ".mbox", ".mbx", ".mht", ".mhtml", ".emlx"})
_HEADER: Final = re.compile(
    rb"(?:From |(?:Return-Path|Received|Delivered-To|X-Original-To|MIME-Version|Message-ID|Date|From|To|Subject):)",
    re.IGNORECASE,
)
_IS_MAIL: Final = re.compile(rb"^(?:MIME-Version|Content-Transfer-Encoding):", re.IGNORECASE | re.MULTILINE)
_ENCODED: Final = re.compile(
    rb"^Content-Transfer-Encoding:\s*(?:base64|quoted-printable|x-uuencode|uuencode)|=\?[\w.-]+(?:\*[\w-]+)?\?[bq]\?"
    rb"|^Content-Type:[^\n]*;\s*format=\"?flowed|\*0?\*?=[\w-]*'",
    re.IGNORECASE | re.MULTILINE,
)
_TEXTS: Final = frozenset({"", ".txt", ".htm", ".html"})
_PIECE: Final = 1 << 20
_SEAM: Final = 128  # bytes of a piece that the next one is read with
_LONGEST: Final = 1 << 28
_SEALED: Final = {
    "application/pkcs7-mime": "it is encrypted (S/MIME)",
    "application/x-pkcs7-mime": "it is encrypted (S/MIME)",
    "application/ms-tnef": "it is in a format of Outlook's own (TNEF)",
    "application/vnd.ms-tnef": "it is in a format of Outlook's own (TNEF)",
    "multipart/encrypted": "it is encrypted (PGP)",
}


def is_encoded(path: Path, start: bytes) -> bool:
    """Whether a file is mail of which parts or headers are encoded, by its name or its beginning."""
    if not _looks_like_mail(path, start):
        return False
    with opened(path) as (handle, _):
        before = b""
        while piece := handle.read(_PIECE):
            if _ENCODED.search(before + piece) or not is_utf8(piece, cut=bool(before)):
                return True
            before = piece[-_SEAM:]
    return False


def _looks_like_mail(path: Path, start: bytes) -> bool:
    if _NAMES & {suffix.lower() for suffix in path.suffixes}:
        return True
    return bool(_HEADER.match(start) and _IS_MAIL.search(start))


def members(path: Path, begun: Reading) -> Iterator[Block]:
    """Yield the messages of a file, header by header and part by part."""
    with opened(path) as (handle, raw):
        for number, source in enumerate(_messages(handle, path), start=1):
            try:
                message = email.message_from_bytes(source)
                yield begun.text(f"{number}:headers", _headers(message), raw.tell())
                yield from _parts(message, str(number), begun, raw.tell())
            except (MessageError, *DAMAGED) as error:
                yield Refused(str(number), f"{type(error).__name__} while reading this message", raw.tell())


def _messages(handle: IO[bytes], path: Path) -> Iterator[bytes]:
    """Cut a mailbox where a line begins with "From " behind an empty one; a file of one message is one."""
    held, size, blank = list[bytes](), 0, True
    while line := handle.readline(_PIECE):
        if blank and held and line.startswith(b"From "):
            yield b"".join(held)
            held, size = [], 0
        if held or not line.strip().isdigit():  # Apple Mail puts a message's length before it
            held.append(line)
        size += len(line)
        if size > _LONGEST:
            raise RecordsUnreadable(f"Reading records of {path}: a message is longer than 256 MB; save it apart.")
        blank = line in (b"\n", b"\r\n")
    if held:
        yield b"".join(held)


def _headers(message: Message) -> dict[str, str]:
    return unique((name, _words(str(value))) for name, value in message.raw_items())


def _words(value: str) -> str:
    raw = value.encode("utf-8", "surrogateescape")  # bytes of the file itself, where it did not encode them
    try:
        return str(make_header(decode_header(decoded(raw))))
    except (HeaderParseError, *DAMAGED):
        return decoded(raw)


def _parts(message: Message, record: str, begun: Reading, read: int) -> Iterator[Block]:
    for number, part in enumerate(message.walk(), start=1):
        name, kind = f"{record}:{number}", part.get_content_type()
        if kind in _SEALED:
            yield Refused(name, _SEALED[kind], read)
            continue
        if number > 1:
            yield begun.text(f"{name}:headers", _headers(part), read)
        if not part.is_multipart():
            yield from _part(part, name, kind, begun, read)


def _part(part: Message, name: str, kind: str, begun: Reading, read: int) -> Iterator[Block]:
    content, file = part.get_payload(decode=True), _words(part.get_filename() or "")
    body, charset = content if isinstance(content, bytes) else b"", known(part.get_content_charset() or "")
    if file:
        yield Texts([names_row(name, file)], read)
    if kind.startswith("text/") and charset:
        body = decoded(body, charset).encode("utf-8", "replace")
    if not kind.startswith("text/") or PurePosixPath(file.lower()).suffix not in _TEXTS:
        yield from begun.part(f"{name}:{file}" if file else name, [body], read)
    elif kind == "text/html":
        yield page(name, decoded(begun.budget.take(body)), read=read)
    else:
        yield begun.text(name, {"text": decoded(body)}, read)
