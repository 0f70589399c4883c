"""One erasure over a stream of records: what goes, what is blanked, and the books that show nobody else was touched."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from compliance.provenance.connectors import Place, Redaction
from compliance.provenance.connectors.matching import changes
from compliance.provenance.connectors.rows import Row, Total, named_by_content
from compliance.rules.errors import ConfigurationError, ProofFailed


@dataclass
class Books:
    """Running totals of one erasure."""

    before: Total = field(default_factory=Total)
    gone: Total = field(default_factory=Total)
    fresh: Total = field(default_factory=Total)
    removed: int = 0
    redacted: int = 0
    stale: int = 0
    undo: list[dict[str, Any]] = field(default_factory=list)

    def absorb(self, other: Books) -> None:
        """Add another file's books to these."""
        for name in ("before", "gone", "fresh"):
            getattr(self, name).absorb(getattr(other, name))
        self.removed += other.removed
        self.redacted += other.redacted
        self.stale += other.stale

    def exchange(self, row: Row, new: Row, place: Place) -> Row:
        """Count a record that is the person's and stays without them; nothing when it is as it shall be already."""
        self.before.add(row.raw)
        if new is not row:
            self.gone.add(row.raw)
            self.fresh.add(new.raw)
            self.redacted += 1
            self.undo.append(undo_line(row, place, new=new))
        return new

    def others_after(self, after: Total) -> Total:
        """Everybody else's records in what was written, given the total of all of it."""
        return after.minus(self.fresh)

    @property
    def others_before(self) -> Total:
        """Everybody else's records as they were read."""
        return self.before.minus(self.gone)

    def check(self, after: Total, name: str) -> None:
        """``ProofFailed`` when what was written does not hold everybody else's records unchanged."""
        if self.others_after(after) != self.others_before:
            raise ProofFailed(
                f"{name}: the rewritten copy does not hold all other records unchanged; it was thrown away.",
                next_action="Nothing was changed. Report this file's format: it cannot be rewritten safely.",
            )


@dataclass(frozen=True)
class Orders:
    """What is to be done to which record."""

    place: Place
    records: frozenset[str]
    redactions: Mapping[str, Sequence[Redaction]]
    region: str = ""

    def concerns(self, key: str) -> bool:
        """Whether a record is to be removed or redacted."""
        return key in self.records or key in self.redactions

    def apply(self, row: Row, books: Books, redacted: Any) -> Row | None:
        """The record as it shall be, ``None`` when it goes; ``redacted`` is the format's way to change texts."""
        books.before.add(row.raw)
        if row.key in self.records:
            books.gone.add(row.raw)
            books.removed += 1
            books.undo.append(undo_line(row, self.place))
            return None
        if row.key not in self.redactions:
            return row
        texts, stale = changes(row, self.place, self.redactions[row.key], region=self.region)
        books.stale += stale
        if not texts:
            return row
        new: Row = redacted(row, texts, self.place)
        books.gone.add(row.raw)
        books.fresh.add(new.raw)
        books.redacted += 1
        books.undo.append(undo_line(row, self.place, new=new))
        return new


def unique_or_refuse(keys: Iterable[str], place: Place) -> None:
    """Refuse to erase by a key that several records share: the wrong ones would go with it."""
    if place.key_field and any(count > 1 for count in Counter(keys).values()):
        raise ConfigurationError(
            f"{place.name}: field {place.key_field!r} names several records; erasing by it could take others' too.",
            remedy="Declare a key_field that is unique, or leave it out: records are then named by their content.",
        )


def orders(
    place: Place, records: Collection[str], redactions: Mapping[str, Sequence[Redaction]] | None, region: str
) -> Orders:
    """Orders as a caller gives them; whose record goes needs no redaction any more."""
    going = frozenset(records)
    return Orders(
        place, going, {key: list(items) for key, items in (redactions or {}).items() if key not in going}, region
    )


def undo_line(row: Row, place: Place, *, new: Row | None = None) -> dict[str, Any]:
    """A record as it was, for the copy that lets the erasure be taken back for some days; ``new`` when it is redacted.

    ``becomes`` is the digest of what stays, where that is all the name the record will have.
    """
    line: dict[str, Any] = {"place": place.name, "where": row.where, "key": row.key, "redacted": new is not None}
    if new is not None and named_by_content(row, place):
        line["becomes"] = new.digest
    return {**line, "raw": row.raw.decode("utf-8", "surrogateescape"), "value": _written(row.value)}


def _written(value: Any) -> Any:
    """A value as JSON can hold it: bytes as the text they spell, with what spells none kept as escapes."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, Mapping):
        return {str(_written(name)): _written(inner) for name, inner in value.items()}
    return [_written(inner) for inner in value] if isinstance(value, list | tuple) else value


def keep_undo(path: Path | None, lines: Sequence[Mapping[str, Any]]) -> None:
    """Add lines to the undo file and have them on the disk; a second run adds none twice, a torn line is mended."""
    if path is None or not lines:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    known = path.read_bytes() if path.exists() else b""
    whole = known[: known.rfind(b"\n") + 1]
    seen = set(whole.splitlines())
    new = [
        line
        for line in (json.dumps(item, default=str, ensure_ascii=True).encode() for item in lines)
        if line not in seen
    ]
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(handle, "r+b") as out:
        out.truncate(len(whole))
        out.seek(0, os.SEEK_END)
        out.write(b"".join(line + b"\n" for line in new))
        out.flush()
        os.fsync(out.fileno())
