"""Pictures that classifiers learn from, and the people file beside them that says who stands on which.

Records are the pictures and the lines of the people file. A picture is the person's when the people file names nobody
else for it; one with others on it, one whose own words name the person, and a copy under another name are proposed to
the officer, who says whether it goes whole: pictures are never blanked in part.

Options: ``people`` (name of the people file in the folder, ``people.csv`` when left out), and of IDX files and CIFAR
batches ``ids`` and ``person`` (the ids file, and its column of persons).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from compliance.provenance.connectors import (
    Description,
    Match,
    NotErasableHere,
    Place,
    Progress,
    Receipt,
    Redaction,
    Span,
    Unread,
    silent,
)
from compliance.provenance.connectors.absence import Residue, counted, measured, occurrences
from compliance.provenance.connectors.editing import keep_undo, undo_line
from compliance.provenance.connectors.pictures import Picture, Shelf, is_training, shelf_of
from compliance.provenance.connectors.pictures.finding import TOGETHER, found, together
from compliance.provenance.connectors.pictures.people import PREFIX as LINES
from compliance.provenance.connectors.pictures.people import People, rows_of
from compliance.provenance.connectors.rewriting import sweep
from compliance.provenance.connectors.rows import Row, Total
from compliance.rules.errors import DamagedArtifact
from retrieval.types import Needle


def describe(place: Place) -> Description:
    """Digest over every picture and line; how many there are, of how many people, and what could not be read."""
    shelf, people = _opened(place)
    known, size, count, learned = hashlib.sha256(), 0, 0, 0
    for picture in shelf.pictures():
        shelf.said(picture)
        raw = picture.raw
        known.update(f"{picture.key} {hashlib.sha256(raw).hexdigest()}\n".encode())
        size, count, learned = size + len(raw), count + 1, learned + is_training(picture.key)
    lines = [row.raw for row in rows_of(people)]
    for raw in lines:
        known.update(raw)
        size += len(raw)
    detail = {
        "formats": [shelf.FORMAT],
        "pictures": count,
        "training": learned,
        "people": len({person for named in people.on.values() for person in named}),
        "fixed": shelf.fixed,
        "searched": _in_words(people),
    }
    return Description(known.hexdigest(), size, count + len(lines), detail, _unread(shelf, people))


def find(place: Place, needles: Sequence[Needle], *, region: str = "", progress: Progress = silent) -> Iterator[Match]:
    """Lines that name the person, the pictures that they name, pictures named after the person, and copies of those."""
    return found(place, needles, region=region, progress=progress)


def records(place: Place, keys: Collection[str] | None) -> Iterator[Row]:
    """The pictures and lines of those names, or all of them."""
    shelf, people = _opened(place)
    yield from (_row(picture, people) for picture in shelf.pictures() if keys is None or picture.key in keys)
    yield from (row for row in rows_of(people) if keys is None or row.key in keys)


def find_derived(place: Place, keys: Collection[str]) -> Iterator[Match]:
    """Nothing: a picture names no other record that it was made from."""
    return iter(())


def erase(
    place: Place,
    *,
    records: Collection[str] = (),
    redactions: Mapping[str, Sequence[Redaction]] | None = None,
    undo: Path | None = None,
    region: str = "",
    progress: Progress = silent,
) -> Receipt:
    """Remove pictures and lines; nobody else's picture is renamed, moved or rewritten by that.

    To blank a line is to remove it: it names one person.
    """
    going = {*records, *_blanked(redactions or {}, place)}
    started, before = time.monotonic(), describe(place)
    shelf, people = _opened(place)
    going |= shelf.goes_with(going)
    wanted, gone, undone = Total(), Total(), list[Row]()
    for row in _rows(shelf, people):
        wanted.add(row.raw)
        if row.key in going:
            gone.add(row.raw)
            undone.append(row)
    people.is_writable_without({row.key for row in undone})
    keep_undo(undo, [undo_line(row, place) for row in undone])
    progress(0.3, f"{place.name}: taking {len(undone)} records out")
    shelf.remove({row.key for row in undone})
    people.remove({row.key for row in undone})
    after, now = Total(), describe(place)
    left = 0
    for row in _rows(*_opened(place)):
        after.add(row.raw)
        left += row.key in going
    return Receipt(
        level="rewritten",
        removed=len(undone),
        remaining=left,
        digest_before=before.digest,
        digest_after=now.digest,
        records_before=before.records,
        records_after=now.records,
        others_before=wanted.minus(gone).hex(),
        others_after=after.hex(),
        seconds=time.monotonic() - started,
        notes=() if undone else ("nothing left to do: the records were already gone",),
    )


def absent(place: Place, patterns: Sequence[bytes]) -> int:
    """Occurrences in the bytes of every file of the folder, in the files' names, and in what pictures say packed."""
    folder, shelf = Path(place.location), shelf_of(place)
    names = (path.relative_to(folder).as_posix().encode("utf-8", "surrogateescape") for path in folder.rglob("*"))
    said = (shelf.said(picture).encode("utf-8", "surrogateescape") for picture in shelf.pictures())
    return occurrences(folder, patterns) + counted(names, patterns) + counted(said, patterns)


def purge(place: Place, patterns: Sequence[bytes] = ()) -> Receipt:
    """Remove what a killed rewrite of the people file left; a folder of files keeps nothing else."""
    left = sweep(People(place).path.parent) + shelf_of(place).sweep()
    digest = describe(place).digest
    note = f"{left} half-written copies removed"
    receipt = Receipt("rewritten", digest_before=digest, digest_after=digest, notes=(note,))
    return measured(receipt, place, patterns, _residue)


def _residue(place: Place, patterns: Sequence[bytes]) -> Residue:
    try:
        return Residue(absent(place, patterns))
    except DamagedArtifact as error:
        return Residue(0, files=False, notes=(error.cause,))


def _blanked(redactions: Mapping[str, Sequence[Redaction]], place: Place) -> Iterator[str]:
    """Lines that go; who stands on a picture is said by its lines alone, so that nothing of it is left to blank."""
    for key, items in redactions.items():
        if key.startswith(LINES):
            yield key
        elif not all(isinstance(item, Span) and item.field == TOGETHER for item in items):
            raise NotErasableHere(f"{place.name}: a picture is not blanked in part; it goes whole, or stays.")


def _opened(place: Place) -> tuple[Shelf, People]:
    shelf = shelf_of(place)
    return shelf, People(place, [picture.key for picture in shelf.pictures()], beside=shelf.lines())


def _rows(shelf: Shelf, people: People) -> Iterator[Row]:
    yield from (_row(picture, people) for picture in shelf.pictures())
    yield from rows_of(people)


def _row(picture: Picture, people: People) -> Row:
    fields = {"image": picture.key, "class": picture.label, TOGETHER: together(people.shown_on(picture.key))}
    return Row(picture.key, fields, picture.raw, None, picture.path.name)


def _unread(shelf: Shelf, people: People) -> tuple[Unread, ...]:
    return (*shelf.unread, *people.unread)


def _in_words(people: People) -> str:
    """What a search of the folder could and could not go by."""
    if not people.there and not people.beside:
        return "There is no people file: pictures are found by their names and their own words only."
    rows = "1 row that is" if people.nowhere == 1 else f"{people.nowhere} rows that are"
    return f"The people file names {rows} not there." if people.nowhere else ""
