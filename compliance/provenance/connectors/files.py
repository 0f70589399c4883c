"""Files of records: JSON lines, CSV, Parquet and plain text; one file, a folder, or a pattern.

Options: ``format`` (when the suffix does not say it), ``delimiter``, ``record: line|paragraph``, ``max_record_bytes``,
``max_decoded_bytes``, ``on_mention: redact|erase``.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from compliance.provenance.connectors import Description, Match, Place, Progress, Receipt, Redaction, formats, silent
from compliance.provenance.connectors.absence import Residue, measured, occurrences
from compliance.provenance.connectors.editing import Books, Orders, keep_undo, orders, unique_or_refuse
from compliance.provenance.connectors.matching import derived, matches
from compliance.provenance.connectors.paths import base_of, files_of, refuse_second_names
from compliance.provenance.connectors.rewriting import digest_of, rewrite, sweep, translated
from compliance.provenance.connectors.rows import Row, Total
from retrieval.types import Needle

LEVEL = "rewritten"


def describe(place: Place) -> Description:
    """Digest over all files, bytes, records and the files' names."""
    paths = files_of(place)
    count = sum(1 for _ in _rows(place))
    names = [str(path.relative_to(base_of(place))) for path in paths]
    size = sum(path.stat().st_size for path in paths)
    detail = {"files": names, "formats": sorted({formats.name_for(path, place) for path in paths})}
    return Description(_digest(paths), size, count, detail)


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
    """Rewrite each file that holds one of the records beside the old one, check the copy, and swap it in."""
    started = time.monotonic()
    todo = orders(place, records, redactions, region)
    paths = files_of(place)
    before = _digest(paths)
    unique_or_refuse((row.key for row in _rows(place) if todo.concerns(row.key)), place)
    books, after = Books(), Total()
    for number, path in enumerate(paths):
        progress(number / len(paths), f"{place.name}: file {number + 1} of {len(paths)}")
        _erase_in(path, todo, undo, books, after)
    progress(1.0, f"{place.name}: done")
    others = books.others_after(after)
    return Receipt(
        level=LEVEL,
        removed=books.removed,
        redacted=books.redacted,
        remaining=sum(1 for row in _rows(place) if row.key in todo.records) + books.stale,
        digest_before=before,
        digest_after=_digest(paths),
        records_before=books.before.count,
        records_after=after.count,
        others_before=books.others_before.hex(),
        others_after=others.hex(),
        seconds=time.monotonic() - started,
        notes=_notes(books),
    )


def absent(place: Place, patterns: Sequence[bytes]) -> int:
    """Occurrences of the patterns in the raw and decoded bytes of every file, and of copies left by a kill."""
    paths = files_of(place)
    left = [path for folder in {path.parent for path in paths} for path in folder.glob(".oubli-*")]
    return sum(occurrences(path, patterns) for path in [*paths, *left])


def purge(place: Place, patterns: Sequence[bytes] = ()) -> Receipt:
    """Remove what a killed rewrite left; files keep nothing else once they are rewritten."""
    started = time.monotonic()
    paths = files_of(place)
    with translated(paths[0]):
        left = sum(sweep(folder) for folder in {path.parent for path in paths})
    digest = _digest(paths)
    note = f"{left} half-written copies removed"
    seconds = time.monotonic() - started
    receipt = Receipt(LEVEL, digest_before=digest, digest_after=digest, seconds=seconds, notes=(note,))
    return measured(receipt, place, patterns, _residue)


def _residue(place: Place, patterns: Sequence[bytes]) -> Residue:
    return Residue(absent(place, patterns))


def _erase_in(path: Path, todo: Orders, undo: Path | None, books: Books, after: Total) -> None:
    kind = formats.load(path, todo.place)
    if not any(todo.concerns(row.key) for row in kind.rows(path, todo.place)):
        for row in kind.rows(path, todo.place):
            books.before.add(row.raw)
            after.add(row.raw)
        return
    refuse_second_names(path, todo.place)
    mine, written = Books(), Total()

    def write(target: Path) -> None:
        kind.rewrite(path, target, todo.place, lambda row: todo.apply(row, mine, kind.redacted))

    def before_swap(target: Path) -> bool:
        for row in kind.rows(target, todo.place):
            written.add(row.raw)
        mine.check(written, path.name)
        keep_undo(undo, mine.undo)
        return mine.removed + mine.redacted > 0

    rewrite(path, write, digest=digest_of(path), before_swap=before_swap)
    books.absorb(mine)
    after.absorb(written)


def _rows(place: Place) -> Iterator[Row]:
    for path in files_of(place):
        with translated(path):
            yield from formats.load(path, place).rows(path, place)


def _digest(paths: Sequence[Path]) -> str:
    digests = [digest_of(path) for path in paths]
    if len(digests) == 1:
        return digests[0]
    named = "\n".join(f"{path.name} {digest}" for path, digest in zip(paths, digests, strict=True))
    return hashlib.sha256(named.encode()).hexdigest()


def _notes(books: Books) -> tuple[str, ...]:
    if not books.removed and not books.redacted:
        return ("nothing left to do: the records were already gone",)
    return (f"{books.stale} spans no longer fit their record: trace again",) if books.stale else ()
