"""Files of records: JSON, CSV, Parquet, text, HTML, WARC and ZIP, compressed or not; one file, a folder, or a pattern.

A file of a folder that cannot be read does not stop the others: ``describe`` names it, with the reason. When nothing at
a place can be read, that is an error.

Options: ``format`` (when the suffix does not say it), ``delimiter``, ``record: line|paragraph``, ``max_record_bytes``,
``max_decoded_bytes``, ``on_mention: redact|erase``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from compliance.provenance.connectors import (
    Description,
    Match,
    Place,
    Progress,
    Receipt,
    Redaction,
    Unread,
    formats,
    indexed,
    silent,
)
from compliance.provenance.connectors.absence import Residue, counted, measured, occurrences
from compliance.provenance.connectors.editing import Books, Orders, keep_undo, orders, unique_or_refuse
from compliance.provenance.connectors.matching import derived, matches
from compliance.provenance.connectors.paths import Listing, base_of, files_of, listing_of, refuse_second_names
from compliance.provenance.connectors.reading import Reading
from compliance.provenance.connectors.rewriting import PREFIX, digest_of, rewrite, sweep, translated
from compliance.provenance.connectors.rows import Row, Total
from compliance.rules.errors import DamagedArtifact, OubliError
from retrieval.types import Needle

LEVEL = "rewritten"


def describe(place: Place) -> Description:
    """Digest over all files, bytes, records, the files' names, and what could not be read."""
    reading = Reading(place)
    count = sum(1 for _ in reading.rows())
    return _description(reading, count)


def described(place: Place, records: int) -> Description:
    """The same of a place whose records somebody else has read, every one, and counted."""
    reading = Reading(place)
    reading.formats.update(formats.name_for(path, place) for path in reading.listing.paths)
    reading.unread += [Unread("", refusal.cause, refusal.next_action) for refusal in reading.listing.refused]
    return _description(reading, records)


def _description(reading: Reading, count: int) -> Description:
    paths, base = reading.listing.paths, base_of(reading.place)
    names = [str(path.relative_to(base)) for path in paths]
    size = sum(path.stat().st_size for path in paths)
    detail: dict[str, Any] = {"files": names, "formats": sorted(reading.formats)}
    if searched := indexed.told(reading.place):
        detail["searched"] = searched
    return Description(reading.digest(), size, count, detail, tuple(reading.unread))


def find(place: Place, needles: Sequence[Needle], *, region: str = "", progress: Progress = silent) -> Iterator[Match]:
    """Every occurrence of a needle in the declared fields, in any spelling."""
    if indexed.has_index(place):
        return indexed.find(place, needles, region=region, progress=progress)
    return matches(_rows(place), place, needles, region=region, progress=progress)


def records(place: Place, keys: Collection[str] | None) -> Iterator[Row]:
    """The records of those names, or all of them."""
    return (row for row in _rows(place) if keys is None or row.key in keys)


def find_derived(place: Place, keys: Collection[str]) -> Iterator[Match]:
    """Records whose lineage field names one of the keys."""
    return derived(_rows(place), place, keys)


def erase(
    place: Place,
    *,
    records: Collection[str] = (),
    redactions: Mapping[str, Sequence[Redaction]] | None = None,
    undo: Path | None = None,
    region: str = "",
    progress: Progress = silent,
) -> Receipt:
    """Rewrite each file that holds one of the records beside the old one, check the copy, and swap it in.

    A damaged file that holds one of the records is named by ``DamagedArtifact``, once the others are done.
    """
    started = time.monotonic()
    todo = orders(place, records, redactions, region)
    first = Reading(place)
    unique_or_refuse([row.key for row in first.rows() if todo.concerns(row.key)], place)
    before, listing = first.digest(), first.listing
    books, after, broken = Books(), Total(), list[OubliError]()
    for number, path in enumerate(listing.paths):
        progress(number / len(listing.paths), f"{place.name}: file {number + 1} of {len(listing.paths)}")
        try:
            _erase_in(path, todo, undo, books, after)
        except DamagedArtifact as error:
            broken.append(error)
    if broken:
        raise broken[0]
    kept = indexed.forgotten(place)
    progress(1.0, f"{place.name}: done")
    again = Reading(place)
    left = sum(1 for row in again.rows() if row.key in todo.records)
    return Receipt(
        level=LEVEL,
        removed=books.removed,
        redacted=books.redacted,
        remaining=left + books.stale,
        digest_before=before,
        digest_after=again.digest(),
        records_before=books.before.count,
        records_after=after.count,
        others_before=books.others_before.hex(),
        others_after=books.others_after(after).hex(),
        seconds=time.monotonic() - started,
        notes=(*_notes(books), *kept, *(f"not read: {part.why}" for part in again.unread)),
    )


def absent(place: Place, patterns: Sequence[bytes]) -> int:
    """Occurrences of the patterns in the raw and decoded bytes of every file, and of copies left by a kill.

    What cannot be searched (a link, a damaged archive) is an error, once all else was searched and holds none.
    """
    listing, broken, count = listing_of(place), list[OubliError](), 0
    broken += listing.refused
    for path in [*listing.paths, *_left_behind(listing)]:
        try:
            count += occurrences(path, patterns)
        except DamagedArtifact as error:
            broken.append(error)
    base = base_of(place)
    folders = {part for path in listing.paths for part in path.parent.relative_to(base).parts}
    count += counted(map(os.fsencode, folders), patterns)
    if broken and not count:
        raise DamagedArtifact(
            f"{place.name}: {len(broken)} files could not be searched, so absence cannot be claimed. {broken[0].cause}",
            next_action=broken[0].next_action,
        )
    return count


def purge(place: Place, patterns: Sequence[bytes] = ()) -> Receipt:
    """Remove what a killed rewrite left; files keep nothing else once they are rewritten."""
    started = time.monotonic()
    reading = Reading(place)
    paths = reading.listing.paths
    with translated(paths[0]):
        left = sum(sweep(folder) for folder in {path.parent for path in paths})
    for _ in reading.rows():
        pass
    digest = reading.digest()
    note = f"{left} half-written copies removed"
    seconds = time.monotonic() - started
    receipt = Receipt(LEVEL, digest_before=digest, digest_after=digest, seconds=seconds, notes=(note,))
    return measured(receipt, place, patterns, _residue)


def _residue(place: Place, patterns: Sequence[bytes]) -> Residue:
    try:
        return Residue(absent(place, patterns))
    except DamagedArtifact as error:
        return Residue(0, files=False, notes=(error.cause,))


def _left_behind(listing: Listing) -> list[Path]:
    return [path for folder in {path.parent for path in listing.paths} for path in folder.glob(f"{PREFIX}*")]


def _erase_in(path: Path, todo: Orders, undo: Path | None, books: Books, after: Total) -> None:
    reading = Reading(todo.place)
    seen, concerned = Total(), False
    for row in reading.rows_in(path):
        seen.add(row.raw)
        concerned |= todo.concerns(row.key)
    if not concerned:
        books.before.absorb(seen)
        after.absorb(seen)
        return
    if reading.errors:
        raise reading.errors[0]
    kind = formats.load(path, todo.place)
    refuse_second_names(path, todo.place)
    mine, written = Books(), Total()

    def write(target: Path) -> None:
        kind.rewrite(path, target, todo.place, lambda row: todo.apply(row, mine, kind.redacted))

    def before_swap(target: Path) -> bool:
        for row in reading.rows_in(target, kind):
            written.add(row.raw)
        mine.check(written, path.name)
        keep_undo(undo, mine.undo)
        return mine.removed + mine.redacted > 0

    rewrite(path, write, digest=digest_of(path), before_swap=before_swap)
    if getattr(kind, "WHOLE", False) and not written.count and len(files_of(todo.place)) > 1:
        os.unlink(path)  # the last of a place stays, empty: a place without a file would be one that was lost
    books.absorb(mine)
    after.absorb(written)


def _rows(place: Place) -> Iterator[Row]:
    return Reading(place).rows()


def _notes(books: Books) -> tuple[str, ...]:
    if not books.removed and not books.redacted:
        return ("nothing left to do: the records were already gone",)
    return (f"{books.stale} spans no longer fit their record: trace again",) if books.stale else ()
