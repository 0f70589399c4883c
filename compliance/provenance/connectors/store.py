"""The five verbs over any store of records, written once; a store says how its rows are read, changed and purged.

1. Read every row: those the orders concern are set aside, all others are counted into a digest.
2. Write what will go to the undo file, then hand the store what goes and what changes.
3. Read every row again: whoever was not concerned must be there unchanged, or the change is taken back.
4. Purge, then search the store's own files for the person: the level is what was found there, never what was hoped.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from compliance.provenance.connectors import (
    Description,
    Match,
    Place,
    Progress,
    Receipt,
    Redaction,
    SourceChanged,
    silent,
)
from compliance.provenance.connectors.absence import Residue, measured
from compliance.provenance.connectors.editing import Books, Orders, keep_undo, orders, unique_or_refuse
from compliance.provenance.connectors.matching import derived, matches
from compliance.provenance.connectors.rows import Row, Total
from compliance.rules.errors import ProofFailed
from retrieval.types import Needle

Check = Callable[[Total], None]


@dataclass(frozen=True)
class Purged:
    """What a purge reached by what it did, before anybody looked; ``notes`` are for the receipt."""

    level: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Edit:
    """What a store is to do: rows that go, and rows that change (as they were, as they shall be)."""

    gone: Sequence[Row] = ()
    changed: Sequence[tuple[Row, Row]] = ()
    notes: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.gone or self.changed)


class Store(Protocol):
    """One opened place."""

    def rows(self) -> Iterator[Row]:
        """Every record, each with a key that names it for good."""

    def redacted(self, row: Row, changes: Mapping[str, str], place: Place) -> Row:
        """The record with other texts at some dotted paths."""

    def apply(self, edit: Edit, check: Check) -> None:
        """Carry the edit out; ``check`` takes the total of all rows and raises, which must take the edit back.

        A store that cannot take back calls it all the same, and says in ``edit.notes`` that it cannot.
        """

    def facts(self) -> tuple[int, dict[str, Any]]:
        """Size in bytes (0 when unknown) and what the store knows of itself."""


Opener = Callable[..., AbstractContextManager[Store]]


@dataclass(frozen=True)
class StoreConnector:
    """A connector made of three functions: open a place (``writing`` when it will change), purge it, search its files.

    ``level`` is what ``erase`` alone reaches.
    """

    opened: Opener
    purging: Callable[[Place], Purged]
    residue: Callable[[Place, Sequence[bytes]], Residue]
    level: str = "logically_deleted"

    def describe(self, place: Place) -> Description:
        """Digest over all rows in any order, size, rows and what the store knows of itself."""
        with self.opened(place) as store:
            total = _total(store)
            size, detail = store.facts()
        return Description(digest_of(total), size, total.count, detail)

    def find(
        self, place: Place, needles: Sequence[Needle], *, region: str = "", progress: Progress = silent
    ) -> Iterator[Match]:
        """Every occurrence of a needle in the declared fields, in any spelling."""
        return matches(self._rows(place), place, needles, region=region, progress=progress)

    def records(self, place: Place, keys: Collection[str] | None) -> Iterator[Row]:
        """The records of those names, or all of them."""
        return (row for row in self._rows(place) if keys is None or row.key in keys)

    def find_derived(self, place: Place, keys: Collection[str]) -> Iterator[Match]:
        """Records whose lineage field names one of the keys."""
        return derived(self._rows(place), place, keys)

    def erase(
        self,
        place: Place,
        *,
        records: Collection[str] = (),
        redactions: Mapping[str, Sequence[Redaction]] | None = None,
        undo: Path | None = None,
        region: str = "",
        progress: Progress = silent,
    ) -> Receipt:
        """Take the records out and blank the redactions, with everybody else's rows compared before and after."""
        started = time.monotonic()
        todo, books = orders(place, records, redactions, region), Books()
        with self.opened(place, writing=True) as store:
            edit = _edit(store, todo, books)
            keep_undo(undo, books.undo)
            progress(0.3, f"{place.name}: {len(edit.gone)} to remove, {len(edit.changed)} to blank")
            if edit:
                store.apply(edit, lambda total: books.check(total, place.name))
            after, left = _counted(store, todo.records)
        _compare(books, after, place)
        progress(1.0, f"{place.name}: {books.removed} removed, {books.redacted} redacted")
        receipt = receipt_of(books, after, level=self.level, seconds=time.monotonic() - started)
        notes = tuple(dict.fromkeys((*receipt.notes, *edit.notes)))
        return replace(receipt, remaining=left + books.stale, notes=notes)

    def absent(self, place: Place, patterns: Sequence[bytes]) -> int:
        """Occurrences in the store's own files, raw and decoded; in the rows where no file can be reached."""
        return self.residue(place, patterns).count

    def purge(self, place: Place, patterns: Sequence[bytes] = ()) -> Receipt:
        """Remove what the store keeps after a delete; ``ProofFailed`` when that changed a row."""
        started = time.monotonic()
        before = self._digest(place)
        done = self.purging(place)
        after = self._digest(place)
        if before != after:
            raise ProofFailed(f"{place.name}: rows changed while the store was rewritten; run the purge again.")
        seconds = time.monotonic() - started
        receipt = Receipt(done.level, digest_before=before, digest_after=after, seconds=seconds, notes=done.notes)
        return measured(receipt, place, patterns, self.residue)

    def _digest(self, place: Place) -> str:
        with self.opened(place) as store:
            return digest_of(_total(store))

    def _rows(self, place: Place) -> Iterator[Row]:
        with self.opened(place) as store:
            yield from store.rows()


def digest_of(total: Total) -> str:
    """One digest of a place from the total of its rows."""
    return hashlib.sha256(total.hex().encode()).hexdigest()


def receipt_of(books: Books, after: Total, *, level: str, seconds: float) -> Receipt:
    """What the books of an erasure say."""
    nothing = not books.removed and not books.redacted
    return Receipt(
        level=level,
        removed=books.removed,
        redacted=books.redacted,
        remaining=books.stale,
        digest_before=digest_of(books.before),
        digest_after=digest_of(after),
        records_before=books.before.count,
        records_after=after.count,
        others_before=books.others_before.hex(),
        others_after=books.others_after(after).hex(),
        seconds=seconds,
        notes=("nothing left to do: the records were already gone",) if nothing else (),
    )


def _edit(store: Store, todo: Orders, books: Books) -> Edit:
    concerned: list[Row] = []
    for row in store.rows():
        if todo.concerns(row.key):
            concerned.append(row)
        else:
            books.before.add(row.raw)
    unique_or_refuse((row.key for row in concerned), todo.place)
    gone: list[Row] = []
    changed: list[tuple[Row, Row]] = []
    for row in concerned:
        new = todo.apply(row, books, store.redacted)
        if new is None:
            gone.append(row)
        elif new is not row:
            changed.append((row, new))
    return Edit(gone, changed)


def _total(store: Store) -> Total:
    return _counted(store, frozenset())[0]


def _counted(store: Store, wanted: frozenset[str]) -> tuple[Total, int]:
    """The total of all rows, and how many of the wanted ones are among them."""
    total, left = Total(), 0
    for row in store.rows():
        total.add(row.raw)
        left += row.key in wanted
    return total, left


def _compare(books: Books, after: Total, place: Place) -> None:
    if books.others_after(after) != books.others_before:
        raise SourceChanged(
            f"{place.name}: rows of other people are no longer what they were when the erasure began.",
            next_action="If a program writes there, stop it for a minute; the step is then tried again by itself.",
        )
