"""Objects of a store such as S3, each read by its file format. Options: those of ``files``, and ``endpoint_url``.

A store that keeps versions keeps what was deleted: with each rewritten object its earlier versions are destroyed by
their ids, and the purge looks through every version that is left, also of objects deleted long ago.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from compliance.provenance.connectors import (
    Description,
    Match,
    Place,
    Progress,
    Receipt,
    Redaction,
    Unread,
    buckets,
    formats,
    silent,
)
from compliance.provenance.connectors.absence import Residue, counted, measured, occurrences
from compliance.provenance.connectors.buckets import Bucket, Version
from compliance.provenance.connectors.editing import Books, Orders, keep_undo, orders, unique_or_refuse
from compliance.provenance.connectors.matching import derived, matches
from compliance.provenance.connectors.reading import Reading
from compliance.provenance.connectors.rows import Row, Total
from compliance.provenance.connectors.store import receipt_of
from compliance.rules.errors import DamagedArtifact, OubliError
from retrieval.types import Needle

LEVEL = "rewritten"


def describe(place: Place) -> Description:
    """Digest over the objects' marks and sizes, records, and what could not be read."""
    reading = Reading(place)
    with buckets.opened(place) as bucket, buckets.folder() as folder:
        names = bucket.paths()
        count = sum(1 for name in names for _ in _rows_of(bucket, name, folder, reading))
        size = sum(map(bucket.size, names))
        digest = hashlib.sha256("\n".join(f"{name} {bucket.mark(name)}" for name in names).encode()).hexdigest()
        versions = bucket.versions()
    _refuse_all(reading, len(names))
    detail = {"objects": len(names), "formats": sorted(reading.formats), "versions": len(versions)}
    return Description(digest, size, count, detail, tuple(reading.unread))


def find(place: Place, needles: Sequence[Needle], *, region: str = "", progress: Progress = silent) -> Iterator[Match]:
    """Every occurrence of a needle in the declared fields, in any spelling."""
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
    """Rewrite each object that holds one of the records, check the copy, exchange it, destroy its earlier versions."""
    started = time.monotonic()
    todo = orders(place, records, redactions, region)
    unique_or_refuse((row.key for row in _rows(place) if todo.concerns(row.key)), place)
    books, after, broken, notes = Books(), Total(), list[OubliError](), list[str]()
    with buckets.opened(place) as bucket:
        names = bucket.paths()
        for number, name in enumerate(names):
            progress(number / len(names), f"{place.name}: object {number + 1} of {len(names)}")
            try:
                notes += _erase_in(bucket, name, todo, undo, books, after)
            except DamagedArtifact as error:
                broken.append(error)
    if broken:
        raise broken[0]
    receipt = receipt_of(books, after, level=LEVEL, seconds=time.monotonic() - started)
    left = sum(1 for row in _rows(place) if row.key in todo.records)
    values = {**vars(receipt), "remaining": left + books.stale, "notes": (*receipt.notes, *dict.fromkeys(notes))}
    return Receipt(**values)


def absent(place: Place, patterns: Sequence[bytes]) -> int:
    """Occurrences in the raw and decoded bytes of every object and of every version that the store still has."""
    return _residue(place, patterns).count


def purge(place: Place, patterns: Sequence[bytes] = ()) -> Receipt:
    """Destroy every superseded version that still holds the person; without patterns nothing is judged by its age."""
    started = time.monotonic()
    destroyed = refused = 0
    with buckets.opened(place) as bucket:
        for version in bucket.versions():
            if version.newest or version.marker or not patterns or not _holds(bucket, version, patterns):
                continue
            done = bucket.remove_version(version)
            destroyed, refused = destroyed + done, refused + (not done)
    digest = describe(place).digest
    notes = [f"{destroyed} superseded versions destroyed"]
    notes += [f"{refused} versions are under a lock or hold, and stay until it ends"] if refused else []
    seconds = time.monotonic() - started
    receipt = Receipt(LEVEL, digest_before=digest, digest_after=digest, seconds=seconds, notes=tuple(notes))
    return measured(receipt, place, patterns, _residue)


def _erase_in(bucket: Bucket, name: str, todo: Orders, undo: Path | None, books: Books, after: Total) -> list[str]:
    reading = Reading(todo.place)
    with buckets.folder() as folder:
        mark = bucket.mark(name)
        file = bucket.fetch(name, folder)
        rows = list(_concerned(reading, file, todo))
        if not any(concerned for _, concerned in rows):
            for raw, _ in rows:
                books.before.add(raw)
                after.add(raw)
            return []
        if reading.errors:
            raise reading.errors[0]
        kind, mine, written = formats.load(file, todo.place), Books(), Total()
        target = folder / "rewritten"
        kind.rewrite(file, target, todo.place, lambda row: todo.apply(row, mine, kind.redacted))
        for row in reading.rows_in(target, kind):
            written.add(row.raw)
        mine.check(written, file.name)
        keep_undo(undo, mine.undo)
        notes = []
        if mine.removed + mine.redacted:
            gone = getattr(kind, "WHOLE", False) and not written.count and len(bucket.paths()) > 1
            notes = _exchange(bucket, name, target, mark, gone=gone)
    books.absorb(mine)
    after.absorb(written)
    return notes


def _concerned(reading: Reading, file: Path, todo: Orders) -> Iterator[tuple[bytes, bool]]:
    return ((row.raw, todo.concerns(row.key)) for row in reading.rows_in(file))


def _exchange(bucket: Bucket, name: str, target: Path, mark: str, *, gone: bool) -> list[str]:
    if gone:
        bucket.remove(name)
    else:
        bucket.put(target, name, mark=mark)
    old = [version for version in bucket.versions() if version.key == name and not version.newest]
    kept = sum(not bucket.remove_version(version) for version in old)
    notes = ["earlier versions of rewritten objects were destroyed by their ids"] if old else []
    return [*notes, "a lock or hold keeps earlier versions until it ends"] if kept else notes


def _rows(place: Place) -> Iterator[Row]:
    reading = Reading(place)
    with buckets.opened(place) as bucket, buckets.folder() as folder:
        names = bucket.paths()
        for name in names:
            yield from _rows_of(bucket, name, folder, reading)
    _refuse_all(reading, len(names))


def _rows_of(bucket: Bucket, name: str, folder: Path, reading: Reading) -> Iterator[Row]:
    file = bucket.fetch(name, folder)
    try:
        yield from reading.rows_in(file)
    finally:
        file.unlink()


def _refuse_all(reading: Reading, objects: int) -> None:
    if reading.errors and len(reading.errors) == objects:
        raise reading.errors[0]


def _holds(bucket: Bucket, version: Version, patterns: Sequence[bytes]) -> bool:
    with buckets.folder() as folder:
        file = folder / "version"
        file.write_bytes(bucket.version_bytes(version))
        return occurrences(file, patterns) > 0


def _residue(place: Place, patterns: Sequence[bytes]) -> Residue:
    count, broken = 0, list[Unread]()
    with buckets.opened(place) as bucket, buckets.folder() as folder:
        for name in bucket.paths():
            file = bucket.fetch(name, folder)
            try:
                count += occurrences(file, patterns)
            except DamagedArtifact as error:
                broken.append(Unread(name, error.cause))
            file.unlink()
            count += counted([name.rpartition("/")[0].encode()], patterns)
        old = [version for version in bucket.versions() if not version.newest and not version.marker]
        count += sum(_holds(bucket, version, patterns) for version in old)
    if broken and not count:
        raise DamagedArtifact(f"{place.name}: {len(broken)} objects could not be searched through.")
    return Residue(count)
