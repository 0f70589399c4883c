"""HTML for the filter: the text that a reader sees and the markup that he does not, both with the way to the source."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Final

import numpy as np

from retrieval.charsets import declared
from retrieval.formats import Block, Row, bounded, decoded, opened
from retrieval.letters import Bytes

_BLOCKS: Final = """
address article br div dd dl dt footer h1 h2 h3 h4 h5 h6 hr li main nav p pre section table td th tr
"""
_BREAKS: Final = frozenset(_BLOCKS.split())
_PART: Final = 1 << 24
_UNSEEN = frozenset({"script", "style"})
_CLOSING = {tag: re.compile(f"</{tag}", re.IGNORECASE) for tag in _UNSEEN}
# Every alternative takes what it has looked at, so that no source, however hostile, is looked at twice.
_PIECES = re.compile(
    r"<!--.*?(?:-->|\Z)|<(?P<end>/?)(?P<tag>[A-Za-z][A-Za-z0-9]{0,20})?[^<>]*+>|<[A-Za-z/!?][^>]*(?:>|\Z)"
    r"|&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{0,31});?|[^<&]+|[<&]",
    re.DOTALL,
)


class _Reader:
    """Collects what is seen, piece by piece: (place in the seen text, place in the source, length there)."""

    def __init__(self, source: str) -> None:
        self.seen: list[str] = []
        self.pieces: list[tuple[int, int, int]] = []
        self._length = 0
        at = 0
        while found := _PIECES.match(source, at):
            self._take(found)
            at = found.end()
            tag = (found["tag"] or "").lower()
            if tag in _UNSEEN and not found["end"] and found[0].endswith(">"):
                closing = _CLOSING[tag].search(source, at)
                at = closing.start() if closing else len(source)

    def _take(self, found: re.Match[str]) -> None:
        piece, at = found[0], found.start()
        if piece[0] == "<" and len(piece) > 1:
            if (found["tag"] or "").lower() in _BREAKS:
                self._add("\n", at, 0)
        else:
            self._add(unescape(piece) if piece[0] == "&" else piece, at, len(piece))

    def _add(self, text: str, at: int, size: int) -> None:
        self.pieces.append((self._length, at, size))
        self.seen.append(text)
        self._length += len(text)


@dataclass(frozen=True, slots=True)
class Page:
    """One page: ``seen`` text, and ``markup``: the source with what is seen blanked out."""

    record: str
    seen: str = field(repr=False)
    markup: str = field(repr=False)
    pieces: list[tuple[int, int, int]] = field(repr=False)
    read: int = 0
    json: bool = False
    more: dict[str, str] = field(default_factory=dict, repr=False)
    packed: bool = False  # its body could not be unpacked, and is searched as it is stored

    @property
    def content(self) -> Bytes:
        """Everything that may be found, as bytes."""
        whole = "\n".join((self.seen, self.markup, unescape(self.markup), *self.more.values()))
        return np.frombuffer(whole.encode("utf-8", "replace"), np.uint8)

    def row_numbers(self, places: Sequence[int]) -> list[int]:
        """Return the page itself for every byte."""
        return [0] * len(places)

    def rows(self, numbers: Sequence[int]) -> Iterator[Row]:
        """Return the page's texts: what is seen (``text``) and what is not (``markup``)."""
        for _ in numbers:
            yield Row(self.record, {"text": self.seen, "markup": self.markup, **self.more}, self.source)

    def source(self, name: str, start: int, end: int) -> tuple[int, int]:
        """Return where a span of the seen text stands in the page's source."""
        if name != "text" or not self.pieces:
            return start, end
        return self._source(start)[0], self._source(end - 1)[1]

    def _source(self, place: int) -> tuple[int, int]:
        at, source, size = self.pieces[max(0, bisect_right(self.pieces, place, key=lambda piece: piece[0]) - 1)]
        following = next((piece[0] for piece in self.pieces if piece[0] > at), len(self.seen))
        if following - at == size:  # plain data: a character is a character
            return source + place - at, source + place - at + 1
        return source, source + size


def page(record: str, source: str, *, read: int = 0, more: dict[str, str] | None = None, packed: bool = False) -> Page:
    """Read one HTML source."""
    reader = _Reader(source)
    markup = list(source)
    for _, at, size in reader.pieces:
        markup[at : at + size] = " " * size
    return Page(record, "".join(reader.seen), "".join(markup), reader.pieces, read, more=more or {}, packed=packed)


def blocks(path: Path, encoding: str = "") -> Iterator[Block]:
    """Yield one page: the whole file, in the encoding that it names where it is not UTF-8."""
    with opened(path) as (handle, raw):
        parts = [handle.read(_PART)]
        while parts[-1]:
            if handle is not raw:
                bounded(path, len(parts) * _PART)
            parts.append(handle.read(_PART))
        source = b"".join(parts)
        yield page("1", decoded(source, declared(source) or encoding), read=raw.tell())
