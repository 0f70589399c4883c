"""Find people in records: one pass over each text for all needles, every spelling counts, results are spans.

``scan_bytes`` and ``scan_tree`` (the independent path that proves absence) are offered here too; they live in
``retrieval.scan`` and share no matching code with ``locate``.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import compress
from typing import overload

import ahocorasick_rs
import numpy as np

from retrieval.folding import Folded, fold, fold_character
from retrieval.matching import Rule, rules_of
from retrieval.scan import scan_bytes, scan_tree
from retrieval.text import squeeze
from retrieval.types import Found, Needle, Progress, Record, silent

__all__ = ["Locator", "locate", "scan_bytes", "scan_tree"]

_REPORT_EVERY = 500
_LARGE = 1 << 20  # characters from which on a list's forty bytes a letter are too much
_PIECE = 1 << 14  # characters of a long text that are counted together
_DELETE = bytes(code for code in range(128) if not chr(code).isalnum())
_IS_LETTER = bytes(code < 128 and chr(code).isalnum() for code in range(256))
_LOWER = bytes(ord(chr(code).lower()) if code < 128 else code for code in range(256))


class Locator:
    """Needles made ready once, for any number of texts."""

    def __init__(self, needles: Sequence[Needle], *, region: str | None = None) -> None:
        rules = [rule for needle in needles for rule in rules_of(needle, region)]
        self._by_anchor: dict[str, list[Rule]] = {}
        for rule in rules:
            self._by_anchor.setdefault(rule.anchor, []).append(rule)
        self._anchors = list(self._by_anchor)
        self._automaton = ahocorasick_rs.AhoCorasick(self._anchors) if self._anchors else None

    def spans(self, text: str) -> list[tuple[int, int, Rule]]:
        """Return (start, end, rule) of every find in a text, in order, each span and needle once."""
        if self._automaton is None or not text:
            return []
        hits = self._automaton.find_matches_as_indexes(_squeezed(text), overlapping=True)
        return self._checked(fold(text), hits) if hits else []

    def _checked(self, folded: Folded, hits: list[tuple[int, int, int]]) -> list[tuple[int, int, Rule]]:
        by_anchor, anchors = self._by_anchor, self._anchors
        return _checked(folded, ((rule, start, end) for at, start, end in hits for rule in by_anchor[anchors[at]]))


def spans_of(text: str, rules: Sequence[Rule]) -> list[tuple[int, int, Rule]]:
    """Return (start, end, rule) of every find of a few rules in a text, as ``Locator.spans`` does for many."""
    squeezed = _squeezed(text)
    hits = [(rule, start, start + len(rule.anchor)) for rule in rules for start in _all(squeezed, rule.anchor)]
    return _checked(fold(text), hits) if hits else []


def _all(squeezed: str, anchor: str) -> Iterator[int]:
    at = squeezed.find(anchor)
    while at >= 0:
        yield at
        at = squeezed.find(anchor, at + 1)


def _checked(folded: Folded, hits: Iterable[tuple[Rule, int, int]]) -> list[tuple[int, int, Rule]]:
    places = _places(folded.text)
    found: dict[tuple[int, int, str], Rule] = {}
    for rule, start, end in hits:
        for span in _around(folded, rule, places[start], places[end - 1]):
            found.setdefault((*span, rule.needle.key), rule)
    return _apart(sorted(((start, end, rule) for (start, end, _), rule in found.items()), key=_leftmost_longest))


def _places(folded: str) -> Sequence[int]:
    """Return where letters and digits stand."""
    if len(folded) >= _LARGE:
        return _Places(folded.encode().translate(_IS_LETTER) if folded.isascii() else bytes(map(str.isalnum, folded)))
    there: Iterable[bool | int] = (
        folded.encode().translate(_IS_LETTER) if folded.isascii() else map(str.isalnum, folded)
    )
    return list(compress(range(len(folded)), there))


class _Places(Sequence[int]):
    """The same for a long text, of which few places are asked for: counted piece by piece, looked up in one."""

    def __init__(self, there: bytes) -> None:
        self._there = np.frombuffer(there, np.uint8)
        pieces = (self._there[at : at + _PIECE] for at in range(0, len(there), _PIECE))
        self._upto = np.cumsum([np.count_nonzero(piece) for piece in pieces])

    def __len__(self) -> int:
        return int(self._upto[-1])

    @overload
    def __getitem__(self, number: int) -> int: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[int]: ...
    def __getitem__(self, number: int | slice) -> int | Sequence[int]:
        if isinstance(number, slice):
            return [self[each] for each in range(*number.indices(len(self)))]
        piece = int(np.searchsorted(self._upto, number, side="right"))
        before = int(self._upto[piece - 1]) if piece else 0
        start = piece * _PIECE
        return start + int(np.flatnonzero(self._there[start : start + _PIECE])[number - before])


def _leftmost_longest(span: tuple[int, int, Rule]) -> tuple[int, int]:
    return span[0], -span[1]


def _apart(spans: list[tuple[int, int, Rule]]) -> list[tuple[int, int, Rule]]:
    """Drop spans that overlap an earlier one of the same needle ("Ana Silva Ana" holds one name)."""
    ends: dict[str, int] = {}
    kept = []
    for start, end, rule in spans:
        if start >= ends.get(rule.needle.key, 0):
            kept.append((start, end, rule))
            ends[rule.needle.key] = end
    return kept


class _Squeezer(dict[int, str]):
    """A translation table that learns each character at its first sight."""

    def __missing__(self, code: int) -> str:
        squeezed = self[code] = squeeze(fold_character(chr(code)))
        return squeezed


_SQUEEZER = _Squeezer()


def _squeezed(text: str) -> str:
    if text.isascii():
        return text.encode().translate(_LOWER, _DELETE).decode()
    return text.translate(_SQUEEZER)


def _around(folded: Folded, rule: Rule, first: int, last: int) -> Iterator[tuple[int, int]]:
    """Yield the original spans that the rule accepts and that cover the anchor."""
    low, high = max(0, first - rule.reach), min(len(folded.text), last + rule.reach)
    for match in rule.pattern.finditer(folded.text, low, high):
        if match.start() <= first and match.end() > first:
            yield folded.span(*match.span())


def locate(
    records: Iterable[Record],
    needles: Sequence[Needle],
    *,
    region: str | None = None,
    progress: Progress = silent,
    total: int | None = None,
) -> Iterator[Found]:
    """Yield every occurrence of every needle in the records' text fields.

    ``region`` is the country of phone numbers without country code; ``total`` (records) makes ``progress`` a true
    fraction. Raises ``UnusableNeedle`` and ``UnknownKind`` before the first record is read.
    """
    locator = Locator(needles, region=region)
    return _walk(records, locator, progress, total)


def _walk(records: Iterable[Record], locator: Locator, progress: Progress, total: int | None) -> Iterator[Found]:
    seen = 0
    for seen, record in enumerate(records, start=1):
        yield from _in_record(record, locator)
        if seen % _REPORT_EVERY == 0:
            progress(min(1.0, seen / total) if total else 0.0, f"{seen} records searched")
    progress(1.0, f"{seen} records searched")


def _in_record(record: Record, locator: Locator) -> Iterator[Found]:
    for name, text in record.fields.items():
        for start, end, rule in locator.spans(text):
            support = rule.support_of(text[start:end])
            yield Found(record.path, record.record, name, start, end, rule.needle.key, support)
