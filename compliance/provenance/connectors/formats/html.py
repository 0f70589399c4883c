"""HTML: a file is one record, with what a reader sees (``text``) and what stands in its tags (``markup``).

An address that is spelled with character references, or cut in two by a tag, is found in what it says; what is blanked
are the very bytes that say it, and all others stay.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from compliance.provenance.connectors import MARK, Place
from compliance.provenance.connectors.formats import Edit
from compliance.provenance.connectors.formats.lines import whole
from compliance.provenance.connectors.formats.streams import created
from compliance.provenance.connectors.matching import Blanked
from compliance.provenance.connectors.rows import Row, key_of

WHOLE = True  # the file goes with its record
_PIECES = re.compile(r"<!--.*?(?:-->|\Z)|<[A-Za-z/!?][^>]*(?:>|\Z)|&[^;\s<&]{1,32};|[^<&]+|[<&]", re.DOTALL)
_CHARSET = re.compile(rb"charset\s*=\s*[\"']?([A-Za-z0-9_-]{3,20})", re.IGNORECASE)
_BREAKS = re.compile(
    r"</?(?:p|div|br|tr|td|th|li|ul|ol|h[1-6]|table|section|article|header|footer|pre|blockquote|body|head|title|form"
    r"|option|dt|dd|hr|script|style)\b",
    re.IGNORECASE,
)


@dataclass
class Shown:
    """Characters with the raw characters they stand for: each piece is (start in raw, length in raw, one for one)."""

    parts: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    pieces: list[tuple[int, int, bool]] = field(default_factory=list)
    length: int = 0

    def add(self, text: str, at: int, size: int) -> None:
        """Show ``text`` for ``size`` raw characters from ``at``."""
        self.parts.append(text)
        self.starts.append(self.length)
        self.pieces.append((at, size, len(text) == size))
        self.length += len(text)

    def raw_spans(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The raw spans that show characters ``start`` to ``end``; tags between them are left out."""
        for number in range(max(bisect_right(self.starts, start) - 1, 0), len(self.starts)):
            begin = self.starts[number]
            if begin >= end:
                return
            at, size, even = self.pieces[number]
            low, high = max(start - begin, 0), min(end - begin, len(self.parts[number]))
            if size and high > low:
                yield (at + low, at + high) if even else (at, at + size)


def rows(path: Path, place: Place) -> Iterator[Row]:
    """The page, unless nothing stands in it."""
    raw = whole(path, place)
    if raw.strip():
        yield page(raw, path.name, place)


def rewrite(path: Path, target: Path, place: Place, edit: Edit) -> None:
    """Write the page as it shall be; nothing when it goes."""
    kept = [new.raw for row in rows(path, place) if (new := edit(row)) is not None]
    with created(target, path) as out:
        out.write(b"".join(kept))


def redacted(row: Row, changes: Mapping[str, str], place: Place) -> Row:
    """The page with the bytes blanked that show the person."""
    codec = _codec(row.raw)
    text = row.raw.decode(codec, "surrogateescape")
    shown = dict(zip(("text", "markup"), shown_of(text), strict=True))
    cuts = [cut for name, new in changes.items() if isinstance(new, Blanked) for cut in new.cuts_in(name)]
    spans = sorted({span for name, start, end in cuts for span in shown[name].raw_spans(start, end)})
    return page(cut_out(text, spans).encode(codec, "surrogateescape"), row.where, place)


def cut_out(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """The text with spans exchanged for the mark; pieces of one find that a tag parts are marked once."""
    for number in range(len(spans) - 1, -1, -1):
        start, end = spans[number]
        first = number == 0 or "<" not in text[spans[number - 1][1] : start][:1]
        text = text[:start] + (MARK if first else "") + text[end:]
    return text


def page(raw: bytes, where: str, place: Place) -> Row:
    """The bytes of a page as a record."""
    text = raw.decode(_codec(raw), "surrogateescape")
    seen, markup = shown_of(text)
    fields = {"text": "".join(seen.parts), "markup": "".join(markup.parts), "file": where}
    return Row(key_of(fields, raw, place), fields, raw, {"text": fields["text"]}, where)


def shown_of(text: str) -> tuple[Shown, Shown]:
    """What a reader sees, and what stands in the tags and comments."""
    seen, markup = Shown(), Shown()
    for found in _PIECES.finditer(text):
        piece, at = found[0], found.start()
        if piece.startswith("&"):
            seen.add(html.unescape(piece), at, len(piece))
        elif piece.startswith("<") and len(piece) > 1:
            if _BREAKS.match(piece):
                seen.add("\n", at, 0)
            for inner in re.finditer(r"&[^;\s<&]{1,32};|[^&]+|&", piece):
                markup.add(html.unescape(inner[0]), at + inner.start(), len(inner[0]))
            markup.add("\n", at, 0)
        else:
            seen.add(piece, at, len(piece))
    return seen, markup


def _codec(raw: bytes) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    named = _CHARSET.search(raw[:2048])
    wanted = named[1].decode().lower() if named else "utf-8"
    return wanted if wanted in ("utf-8", "iso-8859-1", "latin-1", "windows-1252", "us-ascii") else "utf-8"
