"""Keep people out of answers without holding what must not be said: keyed hashes of normalised windows.

An entry is stored as keyed hashes (SipHash) of its letters and digits, whole and of its beginnings, so separators,
case, accents, look-alikes and invisible characters make no other spelling. Without the key the file says how many
entries there are and of what kinds, and nothing else.

An e-mail address, a phone number, a code and a passage block alone. A name, or any other attribute, blocks only
together with another kind of the same group (one person) in the same text.
"""

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from threading import Lock
from typing import Any

from retrieval import entries as lists
from retrieval.entries import Entry, Table
from retrieval.streaming import BLOCKED_MARK, STRONG, Blocked, Seen, Stream, judged, marked

__all__ = ["BLOCKED_MARK", "STRONG", "Allowing", "Blocked", "Counters", "Entry", "Filtered", "Stream", "Suppression"]

_COARSE = 10


@dataclass(frozen=True, slots=True)
class Filtered:
    """A text that may be said, what was withheld, and how many weak matches passed for want of context."""

    text: str
    blocked: tuple[Blocked, ...]
    weak: int


class Counters:
    """How often what was withheld, by kind only and in tens, so that no single text can be told from the count."""

    def __init__(self) -> None:
        self._lock, self._texts, self._blocked = Lock(), 0, dict[str, int]()

    def add(self, seen: Seen) -> None:
        """Count one text."""
        with self._lock:
            self._texts += 1
            for kind, count in seen.blocked.items():
                self._blocked[kind] = self._blocked.get(kind, 0) + count

    def read(self) -> dict[str, int]:
        """Return texts and withheld spans by kind, rounded down to tens; below ten is 0."""
        with self._lock:
            counts = {"texts": self._texts, **{f"withheld {kind}": count for kind, count in self._blocked.items()}}
        return {name: count - count % _COARSE for name, count in counts.items()}


class Suppression:
    """A list of what must not be said, read again when its file changes."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._path: Path | None = path
        self._key, self._keys = key, lists.keys_of(key)
        self._stamp: tuple[int, int] | None = None
        self._table: Table
        self.counters = Counters()
        self._refresh()

    @classmethod
    def build(cls, path: Path, entries: Iterable[Entry], key: bytes, *, region: str | None = None) -> "Suppression":
        """Write a list, in one step over an older one, and open it. ``key`` has 16 to 64 random bytes.

        A name ending in ``.bin`` gives the packed form, which is mapped into memory instead of read.
        """
        lists.write(path, entries, key, region)
        return cls(path, key)

    @classmethod
    def of_rows(cls, rows: Sequence[Mapping[str, Any]], key: bytes) -> "Suppression":
        """Open rows as the case's API hands them out, without a file; raises ``SuppressionUnreadable``."""
        made = cls.__new__(cls)
        made._path, made._key, made._keys, made._stamp, made.counters = None, key, lists.keys_of(key), None, Counters()
        made.replace(rows)
        return made

    def replace(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Serve other rows from now on; texts that are under way keep theirs."""
        self._table = lists.accepted(rows)

    def filter(self, text: str, *, today: date | None = None, allow: Collection[str] = ()) -> Filtered:
        """Return the text with every withheld span replaced by a mark; ``allow`` names groups that may be said."""
        stream = self.stream(today=today, allow=allow)
        matches = stream.scan(text)
        seen = Seen()
        for match in matches:  # once to learn the context, once to decide
            judged(match, seen)
        seen.blocked, seen.weak = {}, 0
        spans = [span for match in matches for span in judged(match, seen)]
        blocked = tuple(sorted(set(spans), key=lambda span: (span.start, -span.end, span.kind, span.group)))
        self.counters.add(seen)
        return Filtered(marked(text, blocked, 0), blocked, seen.weak)

    def stream(self, *, today: date | None = None, allow: Collection[str] = ()) -> Stream:
        """Begin one text that comes in pieces."""
        self._refresh()
        return Stream(self._table, self._keys, today=today or datetime.now(UTC).date(), allow=allow)

    @property
    def size(self) -> tuple[int, int]:
        """Rows and bytes."""
        return self._table.rows, self._table.bytes

    def _refresh(self) -> None:
        if self._path is None:
            return
        try:
            seen = os.stat(self._path)
        except FileNotFoundError:
            raise lists.missing(self._path) from None
        if (seen.st_ino, seen.st_mtime_ns) != self._stamp:
            self._table = lists.read(self._path, self._key)
            self._stamp = (seen.st_ino, seen.st_mtime_ns)

    def allowing(self, groups: Iterable[str]) -> "Allowing":
        """Return the same list for somebody who may be told about some groups."""
        return Allowing(self, frozenset(groups))


@dataclass(frozen=True, slots=True)
class Allowing:
    """A list with some groups let through."""

    listed: Suppression
    groups: frozenset[str]

    def filter(self, text: str) -> Filtered:
        """Return the text with every other group's spans withheld."""
        return self.listed.filter(text, allow=self.groups)

    def stream(self) -> Stream:
        """Begin one text that comes in pieces."""
        return self.listed.stream(allow=self.groups)
