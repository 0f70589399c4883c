"""Build a suppression list again, from plain entries, over one of this or of an older format.

A list holds keyed hashes, so no list can be turned into another format: who is to be withheld must be given again. What
any format says without them (key, kinds, groups, last days) is compared first, so that nobody is said again because
they were forgotten in the new entries.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from retrieval import entries as lists
from retrieval.entries import Entry
from retrieval.errors import SuppressionUnreadable

_FIELDS = frozenset({"kind", "value", "group", "until"})


@dataclass(frozen=True, slots=True)
class Listed:
    """What a list file says without its entries' texts; ``details`` are (group, kind, hash) that still count.

    Hashes of an older format compare with nothing, and are left empty.
    """

    format: int
    rows: int
    details: frozenset[tuple[str, str, str]] = field(repr=False)

    @property
    def is_current(self) -> bool:
        """Whether this version can serve from it."""
        return self.format in lists.READABLE


def look(path: Path, key: bytes, *, today: date | None = None) -> Listed:
    """Say what a list is, of whatever format; raises ``SuppressionUnreadable`` for another key or a damaged file."""
    day = today or datetime.now(UTC).date()
    try:
        with path.open("rb") as handle:
            packed = handle.read(len(lists.MAGIC)) == lists.MAGIC
        return _packed(path, key, day) if packed else _plain(path, json.loads(path.read_bytes()), key, day)
    except FileNotFoundError:
        raise lists.missing(path) from None
    except (ValueError, KeyError, TypeError, AttributeError):  # from None: the parser's message may quote the file
        raise SuppressionUnreadable(f"Reading {path}: it is damaged; build it again without comparing.") from None


def rebuild(path: Path, given: Sequence[Entry], key: bytes, *, region: str | None = None, compare: bool = True) -> int:
    """Write a list in one step over an older one, and return its rows.

    Raises ``SuppressionUnreadable``, and changes nothing, when the list that is there has another key, cannot be read,
    or still withholds what no entry is given for: a value, in an older format a kind of a group. ``compare=False`` asks
    nothing.
    """
    if compare and path.exists():
        missing = _missing(look(path, key), lists.rows(given, key, region))
        if missing:
            raise SuppressionUnreadable(
                f"Building {path} again: it withholds {len(missing)} details of "
                f"{len({group for group, *_ in missing})} groups for which no entry is given; nothing was changed. "
                "Give them too, or say that they are to be forgotten (--forget-others)."
            )
    lists.write(path, given, key, region)
    return lists.read(path, key).rows


def _missing(seen: Listed, rows: Iterable[Mapping[str, Any]]) -> frozenset[tuple[str, str, str]]:
    there = {(row["group"], row["kind"], row["hash"] if seen.is_current else "") for row in rows}
    return seen.details - there


def read_entries(lines: Iterable[str]) -> list[Entry]:
    """Read entries as JSON lines (kind, value, group, until); raises ``ValueError`` with the line's number alone."""
    return [_entry(number, line) for number, line in enumerate(lines, start=1) if line.strip()]


def _entry(number: int, line: str) -> Entry:
    try:
        row: dict[str, Any] = json.loads(line)
        if not row.keys() <= _FIELDS or not all(isinstance(row[name], str) for name in ("kind", "value", "group")):
            raise ValueError("other fields")
        until = row.get("until")
        return Entry(row["kind"], row["value"], row["group"], date.fromisoformat(until) if until else None)
    except (ValueError, KeyError, TypeError, AttributeError):  # from None: the parser's message quotes the line
        raise ValueError(
            f"Reading entry {number}: write it as a JSON object with kind, value and group, and until (a date) where "
            "it ends."
        ) from None


def _plain(path: Path, content: dict[str, Any], key: bytes, day: date) -> Listed:
    if content["key_check"] != lists.key_check(key):
        raise SuppressionUnreadable(f"Reading {path}: it was made with another key; use that one.")
    rows = content["entries"]
    live = [row for row in rows if row["until"] is None or date.fromisoformat(row["until"]) >= day]
    hashed = int(content["format"]) in lists.READABLE
    details = ((str(row["group"]), str(row["kind"]), str(row["hash"]) if hashed else "") for row in live)
    return Listed(int(content["format"]), len(rows), frozenset(details))


def _packed(path: Path, key: bytes, day: date) -> Listed:
    table = lists.read(path, key)
    live = (row for row in range(table.rows) if table.holds(row, day))
    hashes = table.words[table.bloom :]
    details = ((table.group_of(row), table.kinds[table.kind[row]], f"{hashes[row]:016x}") for row in live)
    return Listed(lists.FORMAT, table.rows, frozenset(details))
