"""Keep people out of answers without holding what must not be said: keyed hashes of normalised windows.

An entry is stored as two keyed hashes: of its first characters (a prefilter) and of the whole, both over letters and
digits only, so separators, case, accents and invisible characters make no other spelling. Without the key the file
says how long an entry is and of what kind, and nothing else. Hash: BLAKE2b, keyed (RFC 7693).

An e-mail address, a phone number, a code and a passage block alone. A name, or any other attribute, blocks only
together with another kind of the same group (one person) in the same text.
"""

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from retrieval.durable import write_whole
from retrieval.errors import SuppressionUnreadable, UnusableNeedle
from retrieval.folding import fold
from retrieval.text import KINDS, normalise, squeeze, variants
from retrieval.windows import TRUNK, View, view

STRONG: Final = frozenset({"email", "phone", "customer_id", "username", "tax_id", "content"})
BLOCKED_MARK: Final = "[withheld]"
_FORMAT, _PREFIX, _SHORTEST_ATTRIBUTE = 1, 3, 4


@dataclass(frozen=True, slots=True)
class Entry:
    """What must not be said: in plain text here only, never in a file. ``group`` is an opaque label of one person."""

    kind: str
    value: str = field(repr=False)
    group: str
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Blocked:
    """One withheld span of the original text."""

    start: int
    end: int
    kind: str
    group: str


@dataclass(frozen=True, slots=True)
class Filtered:
    """A text that may be said, what was withheld, and how many weak matches passed for want of context."""

    text: str
    blocked: tuple[Blocked, ...]
    weak: int


@dataclass(frozen=True, slots=True)
class _Stored:
    digest: str
    prefix: str
    length: int
    kind: str
    group: str
    until: str | None

    def holds(self, today: date) -> bool:
        return self.until is None or date.fromisoformat(self.until) >= today


def _keyed(key: bytes, text: str, size: int) -> str:
    return blake2b(text.encode(), key=key, digest_size=size).hexdigest()


def _spellings(entry: Entry, region: str | None) -> frozenset[str]:
    """Return the squeezed forms under which an entry may appear."""
    if entry.kind not in KINDS:
        forms = [fold(entry.value).text]
    elif entry.kind in ("phone", "name"):
        forms = [fold(form).text for form in variants(entry.kind, entry.value, region)]
    else:
        forms = [normalise(entry.kind, entry.value, region)]
    squeezed = frozenset(squeeze(TRUNK.sub("", form)) for form in forms)
    if min(map(len, squeezed)) < _SHORTEST_ATTRIBUTE:
        raise UnusableNeedle(
            f"Suppressing a value of kind {entry.kind!r}: under four letters or digits it would block anybody."
        )
    return squeezed


class Suppression:
    """A list of what must not be said, read again when its file changes."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._path, self._key = path, key
        self._stamp: tuple[int, int] | None = None
        self._by_prefix: dict[str, dict[int, dict[str, list[_Stored]]]] = {}
        self._refresh()

    @classmethod
    def build(cls, path: Path, entries: Iterable[Entry], key: bytes, *, region: str | None = None) -> "Suppression":
        """Write a list, in one step over an older one, and open it. ``key`` has 16 to 64 random bytes."""
        if not 16 <= len(key) <= 64:
            raise ValueError(f"Building a suppression list with a key of {len(key)} bytes: 16 to 64 are needed.")
        stored = sorted({row for entry in entries for row in _rows(entry, key, region)}, key=lambda row: row.digest)
        content = {
            "format": _FORMAT,
            "key_check": _keyed(key, "suppression list", 8),
            "built_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "entries": [asdict(row) for row in stored],
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(content).encode())
        return cls(path, key)

    def filter(self, text: str, *, today: date | None = None) -> Filtered:
        """Return the text with every withheld span replaced by a mark."""
        self._refresh()
        today = today or datetime.now(UTC).date()
        folded = fold(text)
        matches = frozenset(
            Blocked(*_with_sign(text, row.kind, *folded.span(start, end)), row.kind, row.group)
            for start, end, row in self._matches(view(folded.text), today)
        )
        kinds: dict[str, set[str]] = {}
        for match in matches:
            kinds.setdefault(match.group, set()).add(match.kind)
        blocking = [match for match in matches if match.kind in STRONG or len(kinds[match.group]) > 1]
        blocked = tuple(sorted(blocking, key=lambda span: (span.start, -span.end, span.kind, span.group)))
        return Filtered(_without(text, blocked), blocked, len(matches) - len(blocked))

    def _matches(self, seen: View, today: date) -> list[tuple[int, int, _Stored]]:
        found = []
        for start in seen.begins:
            lengths = self._by_prefix.get(_keyed(self._key, seen.text[start : start + _PREFIX], 8), {})
            for length, rows in lengths.items():
                end = start + length
                if end not in seen.ends:
                    continue
                for row in rows.get(_keyed(self._key, seen.text[start:end], 16), ()):
                    if row.holds(today):
                        found.append((seen.places[start], seen.places[end - 1] + 1, row))
        return found

    def _refresh(self) -> None:
        try:
            seen = os.stat(self._path)
        except FileNotFoundError:
            raise SuppressionUnreadable(f"Reading {self._path}: there is no such file; build the list first.") from None
        if (seen.st_ino, seen.st_mtime_ns) != self._stamp:
            self._by_prefix = _read(self._path, self._key)
            self._stamp = (seen.st_ino, seen.st_mtime_ns)


def _rows(entry: Entry, key: bytes, region: str | None) -> list[_Stored]:
    until = entry.until.isoformat() if entry.until else None
    return [
        _Stored(_keyed(key, form, 16), _keyed(key, form[:_PREFIX], 8), len(form), entry.kind, entry.group, until)
        for form in _spellings(entry, region)
    ]


def _read(path: Path, key: bytes) -> dict[str, dict[int, dict[str, list[_Stored]]]]:
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
        rows = [_Stored(**row) for row in content["entries"]]
        check = content["key_check"]
    except (ValueError, KeyError, TypeError) as error:
        raise SuppressionUnreadable(f"Reading {path}: it is damaged; build the list again.") from error
    if check != _keyed(key, "suppression list", 8):
        raise SuppressionUnreadable(f"Reading {path}: it was made with another key; use that one, or build it again.")
    table: dict[str, dict[int, dict[str, list[_Stored]]]] = {}
    for row in rows:
        table.setdefault(row.prefix, {}).setdefault(row.length, {}).setdefault(row.digest, []).append(row)
    return table


def _with_sign(text: str, kind: str, start: int, end: int) -> tuple[int, int]:
    """Take the plus sign of a phone number along."""
    signed = kind == "phone" and text[:start].endswith(("+", "＋"))
    return (start - 1 if signed else start), end


def _without(text: str, blocked: Sequence[Blocked]) -> str:
    """Replace spans, overlapping ones by one mark."""
    parts, at = [], 0
    for span in blocked:
        if span.end <= at:
            continue
        if span.start >= at:
            parts += [text[at : span.start], BLOCKED_MARK]
        at = span.end
    return "".join([*parts, text[at:]])
