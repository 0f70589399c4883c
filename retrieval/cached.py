"""What a cached answer says, however it was put away: JSON in text, text in bytes, bytes packed, one in another."""

import bz2
import gzip
import json
import lzma
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import IO, Final, cast

from retrieval.errors import RetrievalError
from retrieval.locate import Locator

_LINKS: Final = frozenset(
    f"{thing}{ending}"
    for thing in ("doc", "document", "chunk", "source", "node", "ref_doc")
    for ending in ("", "s", "_id", "_ids")
)
_OWN: Final = frozenset({"id", "_id", "ids", "uuid", "name"})  # of a thing under such a name
_DEEPEST: Final = 12
_MOST: Final = 256 << 20  # bytes that one answer may hold unpacked
_OTHER: Final = (b"PK\x03\x04", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf\x27\x1c", b"PAR1")  # packed, and not opened here


class Packed(RetrievalError):
    """An answer that is packed so that nobody could be found in it."""


@dataclass(frozen=True)
class Wanted:
    """What a cached answer must not hang on: documents by id, identifiers wherever they stand."""

    documents: frozenset[str]
    locator: Locator

    def verdict(self, row: Mapping[str, object]) -> str | None:
        """Return ``gone``, ``name`` or nothing; raises ``Packed`` for what cannot be read."""
        supports: set[str] = set()
        for is_link, value in _leaves(row):
            if is_link and _ids_in(value) & self.documents:
                return "gone"
            if isinstance(value, str):
                supports.update(rule.support for _, _, rule in self.locator.spans(value))
        return "gone" if supports - {"name"} else ("name" if supports else None)


def _leaves(value: object, *, is_link: bool = False, deep: int = 0) -> Iterator[tuple[bool, object]]:
    """Yield (whether it names documents, value) of all that is in a value, and in its texts and bytes again."""
    if deep > _DEEPEST:
        yield is_link, str(value)
    elif isinstance(value, Mapping):
        for name, part in value.items():
            called = str(name).lower()
            yield False, str(name)
            yield from _leaves(part, is_link=called in _LINKS or (is_link and called in _OWN), deep=deep + 1)
    elif isinstance(value, (list, tuple, set)):
        for part in value:
            yield from _leaves(part, is_link=is_link, deep=deep + 1)
    elif isinstance(value, (bytes, bytearray, memoryview)):
        for text in _texts(bytes(value)):
            yield from _leaves(text, is_link=is_link, deep=deep + 1)
    else:
        yield is_link, value
        if isinstance(value, str) and value.lstrip()[:1] in {"{", "[", '"'}:
            yield from _inner(value, is_link, deep)


def _inner(text: str, is_link: bool, deep: int) -> Iterator[tuple[bool, object]]:
    try:
        inner = json.loads(text)
    except (ValueError, RecursionError):
        return
    yield from _leaves(inner, is_link=is_link, deep=deep + 1)


def _texts(raw: bytes) -> Iterator[str]:
    """Yield bytes as the texts that they may be; raises ``Packed``."""
    plain = _unpacked(raw)
    yield plain.decode("utf-8", "replace")
    if plain.startswith((b"\xff\xfe", b"\xfe\xff")):
        yield plain.decode("utf-16", "replace")
    elif 3 * plain[:4096].count(0) > len(plain[:4096]):  # most letters that are Latin have a zero beside them
        yield from (plain.decode(order, "replace") for order in ("utf-16-le", "utf-16-be"))


def _unpacked(raw: bytes) -> bytes:
    if raw.startswith(_OTHER):
        raise Packed("it is packed in a format that is not opened here")
    for magic, opened in _OPENERS.items():
        if raw.startswith(magic):
            return _within(raw, opened)
    return _inflated(raw) if raw[:1] == b"\x78" else raw


def _within(raw: bytes, opened: Callable[[BytesIO], IO[bytes]]) -> bytes:
    try:
        with opened(BytesIO(raw)) as stream:
            plain = stream.read(_MOST + 1)
    except (zlib.error, OSError, lzma.LZMAError, EOFError):
        raise Packed("it is packed, and damaged or cut short") from None
    return _not_too_much(plain)


def _inflated(raw: bytes) -> bytes:
    """Unpack what zlib packed; letters may begin in the same way, and are no error then."""
    try:
        return _not_too_much(zlib.decompressobj().decompress(raw, _MOST + 1))
    except zlib.error:
        return raw


def _not_too_much(plain: bytes) -> bytes:
    if len(plain) > _MOST:
        raise Packed("it is packed, and holds more than is unpacked here")
    return plain


_OPENERS: Final[dict[bytes, Callable[[BytesIO], IO[bytes]]]] = {
    b"\x1f\x8b": lambda raw: cast(IO[bytes], gzip.GzipFile(fileobj=raw)),
    b"BZh": lambda raw: cast(IO[bytes], bz2.BZ2File(raw)),
    b"\xfd7zXZ\x00": lambda raw: cast(IO[bytes], lzma.open(raw)),  # noqa: SIM115 - closed by who reads
}


def _ids_in(value: object) -> frozenset[str]:
    """Return the ids of a cell: one id, a JSON list, or a list with commas."""
    marks = str.maketrans(dict.fromkeys("[]\"'", " "))
    return frozenset(part.strip() for part in str(value).translate(marks).split(","))
