"""The gate of the exclusion list: rows on their way into training, an index or a restored source.

A row is hashed in every way in which it could be on the list, under the list's key, and refused for the first reason
found, in the order content, identifier, text, near. It serves ``datasets`` (``data.filter(gate.keeps)``) and ``torch``
(``gate.admitted(data)`` is a map-style dataset; an iterable one gives an iterator) without importing either.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any, Final

import numpy as np

from retrieval import exclusion
from retrieval.candidates import Candidate, candidates
from retrieval.errors import InputsExcluded
from retrieval.exclusion import Exclusions
from retrieval.near import NearIndex, Signer
from retrieval.rows import leaves
from retrieval.text import fold

SIMILARITY: Final = 0.8
UNNAMED: Final = "(not shown)"
_PLAIN_PART: Final = r"(?:\(keys\)|[^\W\d]\w{0,39}|\d{1,4})"  # a column's name, or a place in a list
_PLAIN_NAME: Final = re.compile(rf"{_PLAIN_PART}(?:\.{_PLAIN_PART})*(?:#\d+)?")
_MEMO, _BATCH = 200_000, 1_000
_WORDS: Final = {
    "content": "a record that was erased, byte for byte",
    "identifier": "an identifier of somebody who was erased",
    "text": "the text of a record that was erased",
    "near": "a near copy of a text that was erased",
}


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a row may not be used: which kind of entry it met, and in which field (empty for the whole row).

    A field that may be called after somebody is ``UNNAMED``: reasons are printed and logged.
    """

    kind: str
    field: str = ""

    def __str__(self) -> str:
        return f"{_WORDS[self.kind]}{f' (field {self.field})' if self.field else ''}"


@dataclass(frozen=True, slots=True)
class Refused:
    """Row ``number``, counted from 0, and why it may not be used."""

    number: int
    reason: Reason


class Gate:
    """An exclusion list made ready for rows: mappings of any depth, or plain texts."""

    def __init__(self, listed: Exclusions, key: bytes) -> None:
        exclusion.check_key(key)
        self._key, self._region = key, listed.region or None
        self._keys = {kind: {e.key for e in listed.entries if e.kind == kind} for kind in exclusion.KINDS}
        signatures = [np.frombuffer(e.signature, "<u4") for e in listed.entries if e.signature]
        self._near = NearIndex(np.stack(signatures).astype(np.uint32)) if signatures else None
        self._signer = Signer(key)
        self._listed: Callable[[str, str], bool] = lru_cache(_MEMO)(self._is_listed)

    @property
    def size(self) -> int:
        """Entries of the list."""
        return sum(len(keys) for keys in self._keys.values())

    def reason(self, row: object, *, raw: bytes = b"") -> Reason | None:
        """Return why a row may not be used, or None; ``raw`` are its bytes as they lie in their file, where known."""
        return self.reasons([row], raws=[raw])[0]

    def reasons(self, rows: Sequence[object], *, raws: Sequence[bytes] = ()) -> list[Reason | None]:
        """Return the same of many rows, which is quicker: their signatures are made together."""
        fields = [dict(_texts(row)) for row in rows]
        found = [
            self._content(raws[at] if raws else b"") or self._identifier(texts) or self._text(texts)
            for at, texts in enumerate(fields)
        ]
        if self._near is not None:
            for number, name in self._near_copies(fields):
                found[number] = found[number] or Reason("near", self._shown(name))
        return found

    def keeps(self, row: object) -> bool:
        """Whether a row may be used: for ``datasets.Dataset.filter`` and the like."""
        return self.reason(row) is None

    def refused(self, rows: Iterable[object]) -> Iterator[Refused]:
        """Yield every row that may not be used, with its reason."""
        at, source = 0, iter(rows)
        while some := list(islice(source, _BATCH)):
            reasons = self.reasons(some)
            yield from (Refused(at + place, reason) for place, reason in enumerate(reasons) if reason)
            at += len(some)

    def admitted(self, data: Any) -> Any:
        """Return the rows that may be used: ``Admitted`` of what has a length and numbers, else an iterator."""
        if hasattr(data, "__len__") and hasattr(data, "__getitem__"):
            return Admitted(data, self)
        return (row for row in data if self.keeps(row))

    def require_clean(self, rows: Iterable[object], *, into: str) -> int:
        """Return how many rows passed; raises ``InputsExcluded`` with counts and reasons when one may not be used."""
        seen = 0

        def counted() -> Iterator[object]:
            nonlocal seen
            for row in rows:
                seen += 1
                yield row

        found = list(self.refused(counted()))
        if found:
            told = sorted({str(each.reason) for each in found})
            raise InputsExcluded(
                f"Making {into}: {len(found)} of {seen} rows may not be used, the first is row {found[0].number + 1}. "
                f"They hold {'; '.join(told)}. Take them out with `python -m retrieval exclude`, then try again."
            )
        return seen

    def erased_bytes(self, raw: bytes) -> bool:
        """Whether a record of exactly these bytes was erased; its line end does not count."""
        listed = self._keys["content"]
        if not raw or not listed:
            return False
        bare = raw.rstrip(b"\r\n")
        digests = (hashlib.sha256(spelled).hexdigest() for spelled in {raw, bare, bare + b"\n"})
        return any(exclusion.content_key(self._key, digest) in listed for digest in digests)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where in a text something listed stands, (start, end) in characters, in order, none in another.

        A text that was erased as a whole is one span; a near copy is none.
        """
        if text.strip() and self._text({"": text}):
            return [(0, len(text))]
        folded = fold(text)
        found = [(start, end) for kind, value, start, end in self._candidates(folded.text) if self._listed(kind, value)]
        kept: list[tuple[int, int]] = []
        for start, end in sorted(found, key=lambda span: (span[0], -span[1])):
            if kept and start < kept[-1][1]:
                kept[-1] = (kept[-1][0], max(end, kept[-1][1]))
            else:
                kept.append((start, end))
        return [folded.span(start, end) for start, end in kept]

    def _candidates(self, folded: str) -> Iterator[Candidate]:
        return candidates(folded, self._region) if self._keys["identifier"] else iter(())

    def _content(self, raw: bytes) -> Reason | None:
        return Reason("content") if self.erased_bytes(raw) else None

    def _identifier(self, texts: Mapping[str, str]) -> Reason | None:
        for name, text in texts.items():
            if any(self._listed(kind, value) for kind, value, _, _ in self._candidates(fold(text).text)):
                return Reason("identifier", self._shown(name))
        return None

    def _shown(self, name: str) -> str:
        """The name of a field, unless it may be somebody's: a mapping's keys are what a row makes them."""
        if _PLAIN_NAME.fullmatch(name) is None:
            return UNNAMED
        parts = (fold(part).text for part in (name, *name.split(".")))
        named = any(self._listed(kind, value) for part in parts for kind, value, _, _ in self._candidates(part))
        return UNNAMED if named else name

    def _is_listed(self, kind: str, canonical: str) -> bool:
        return exclusion.identifier_key(self._key, kind, canonical) in self._keys["identifier"]

    def _text(self, texts: Mapping[str, str]) -> Reason | None:
        listed = self._keys["text"]
        if not listed:
            return None
        long = ((name, text) for name, text in texts.items() if len(text) >= exclusion.SHORTEST_TEXT)
        return next(
            (Reason("text", self._shown(n)) for n, text in long if exclusion.text_key(self._key, text) in listed), None
        )

    def _near_copies(self, fields: Sequence[Mapping[str, str]]) -> Iterator[tuple[int, str]]:
        named = [(at, n, text) for at, texts in enumerate(fields) for n, text in texts.items()]
        named = [each for each in named if exclusion.comparable(each[2])]
        if not named or self._near is None:
            return
        signatures = self._signer.sign([text for _, _, text in named])
        for pair in self._near.near(signatures, similarity=SIMILARITY):
            yield named[pair.query][0], named[pair.query][1]


class Admitted:
    """The rows of a map-style dataset that may be used, numbered anew; ``refused`` says which are left out."""

    def __init__(self, data: Any, gate: Gate) -> None:
        self._data = data
        self.refused = tuple(gate.refused(data[at] for at in range(len(data))))
        gone = {each.number for each in self.refused}
        self._kept = [at for at in range(len(data)) if at not in gone]

    def __len__(self) -> int:
        return len(self._kept)

    def __getitem__(self, at: int) -> Any:
        return self._data[self._kept[at]]


def _texts(row: object) -> Iterator[tuple[str, str]]:
    """Yield every text of a row by dotted name; names count too, as somebody's may be a key."""
    if isinstance(row, str):
        yield "text", row
        return
    seen: dict[str, int] = {}
    for name, text in leaves(_plain(row)):
        seen[name] = seen.get(name, 0) + 1
        yield (name if seen[name] == 1 else f"{name}#{seen[name]}"), text


def _plain(value: object) -> object:
    """Return a row as dicts and lists: keys of mappings are texts as well, tuples are lists, bytes are read."""
    if isinstance(value, Mapping):
        named = {str(key): _plain(part) for key, part in value.items()}
        return {"(keys)": "\n".join(named), **named}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(part) for part in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value
