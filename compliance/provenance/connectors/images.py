"""Pictures that classifiers learn from, and the people file beside them that says who stands on which.

Records are the pictures and the lines of the people file. A picture is the person's when the people file names nobody
else for it; one with others on it, one whose own words name the person, and a copy under another name are proposed to
the officer, who says whether it goes whole: pictures are never blanked in part.

Option: ``people`` (name of the people file in the folder, ``people.csv`` when left out).
"""

from __future__ import annotations

import hashlib
import re
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from compliance.provenance.connectors import (
    NEAR,
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
from compliance.provenance.connectors.matching import matches
from compliance.provenance.connectors.pictures import Picture, Shelf, is_training, shelf_of
from compliance.provenance.connectors.pictures.copies import copies, digest_of
from compliance.provenance.connectors.pictures.people import PREFIX as LINES
from compliance.provenance.connectors.pictures.people import People, rows_of
from compliance.provenance.connectors.rewriting import sweep
from compliance.provenance.connectors.rows import Row, Total
from compliance.rules.errors import DamagedArtifact
from retrieval.types import Needle

TOGETHER = "people on it"  # the field of a picture that its lines make
_NUMBERED = re.compile(r"[-_ .(]*[0-9]+\)?$")
ASKED = "?"  # behind a needle's key: the officer is asked


def describe(place: Place) -> Description:
    """Digest over every picture and line; how many there are, of how many people, and what could not be read."""
    shelf, people = shelf_of(place), People(place)
    known, size, count, learned = hashlib.sha256(), 0, 0, 0
    for picture in shelf.pictures():
        shelf.said(picture)
        raw = picture.raw
        known.update(f"{picture.key} {hashlib.sha256(raw).hexdigest()}\n".encode())
        size, count, learned = size + len(raw), count + 1, learned + is_training(picture.key)
    for line in people.lines:
        known.update(line.raw)
        size += len(line.raw)
    missing = len(set(people.on) - {picture.key for picture in shelf.pictures()})
    detail = {
        "formats": [shelf.FORMAT],
        "pictures": count,
        "training": learned,
        "people": len({person for named in people.on.values() for person in named}),
        "fixed": shelf.fixed,
        "searched": _in_words(people, missing),
    }
    return Description(known.hexdigest(), size, count + len(people.lines), detail, _unread(shelf, people))


def find(place: Place, needles: Sequence[Needle], *, region: str = "", progress: Progress = silent) -> Iterator[Match]:
    """Lines that name the person, the pictures that they name, pictures named after the person, and copies of those."""
    shelf, people = shelf_of(place), People(place)
    pictures = {picture.key: picture for picture in shelf.pictures()}
    anywhere = replace(
        place, options={**place.options, "subject_fields": ["person", "row", "image", "name"], "text_fields": []}
    )
    direct = defaultdict[str, list[Match]](list)
    lines = {line.key: line for line in people.lines}
    for match in matches(rows_of(people), anywhere, needles, region=region, progress=progress):
        if match.field != "person":  # somebody else's line that names a picture named after the person
            yield _asking(match)
            continue
        yield match
        key = lines[match.record].row_id.removeprefix("train/")
        if key in pictures:
            direct[key].append(_on_it(match, key, people))
    shown = frozenset(direct)
    for match in matches(_named(shelf), anywhere, needles, region=region, progress=progress):
        direct[match.record].append(_by_name(match, people, known=match.record in shown))
    for key, found in direct.items():
        digest = digest_of(pictures[key])
        yield from (replace(match, digest=digest) for match in found)
    yield from _copies(shelf, pictures, direct, progress)


def records(place: Place, keys: Collection[str] | None) -> Iterator[Row]:
    """The pictures and lines of those names, or all of them."""
    shelf, people = shelf_of(place), People(place)
    yield from (_row(picture, people) for picture in shelf.pictures() if keys is None or picture.key in keys)
    yield from (line.row() for line in people.lines if keys is None or line.key in keys)


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
    shelf, people = shelf_of(place), People(place)
    wanted, gone, undone = Total(), Total(), list[Row]()
    for row in _rows(shelf, people):
        wanted.add(row.raw)
        if row.key in going:
            gone.add(row.raw)
            undone.append(row)
    keep_undo(undo, [undo_line(row, place, redacted=False) for row in undone])
    progress(0.3, f"{place.name}: taking {len(undone)} records out")
    shelf.remove({row.key for row in undone})
    people.remove({row.key for row in undone})
    after, now = Total(), describe(place)
    left = 0
    for row in _rows(shelf_of(place), People(place)):
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
    left = sweep(People(place).path.parent)
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


def _rows(shelf: Shelf, people: People) -> Iterator[Row]:
    yield from (_row(picture, people) for picture in shelf.pictures())
    yield from rows_of(people)


def _row(picture: Picture, people: People) -> Row:
    fields = {"image": picture.key, "class": picture.label, TOGETHER: _together(people.shown_on(picture.key))}
    return Row(picture.key, fields, picture.raw, None, picture.path.name)


def _named(shelf: Shelf) -> Iterator[Row]:
    """Every picture by its name and its own words, without its bytes."""
    for picture in shelf.pictures():
        fields = {"image": picture.key, "name": _taken_apart(picture.key), "words": shelf.said(picture)}
        yield Row(picture.key, fields, b"", None, picture.path.name)


def _taken_apart(key: str) -> str:
    """What a file's name may hold: an address followed by a number and a suffix is found as an address."""
    stem = key.rpartition(".")[0] or key
    plain = [part for name in stem.split("/") for part in (name, _NUMBERED.sub("", name))]
    return " | ".join(dict.fromkeys([*plain, *(part for name in plain for by in "_- " for part in name.split(by))]))


def _on_it(match: Match, key: str, people: People) -> Match:
    """The match of a line as one of its picture; with others on the picture it only asks."""
    together = people.shown_on(key)
    found = replace(match, record=key, field=TOGETHER, start=0, end=len(_together(together)))
    return _asking(found) if len(together) > 1 else found


def _by_name(match: Match, people: People, *, known: bool) -> Match:
    """A picture whose name holds the person is the person's, unless the people file shows others on it."""
    together = people.shown_on(match.record)
    others = len(together) > 1 or (bool(together) and not known)
    return (
        _asking(match)
        if others or match.field == "words"
        else replace(match, field="image", start=0, end=len(match.record))
    )


def _asking(match: Match) -> Match:
    return replace(match, needle=f"{match.needle}{ASKED}", owner=True)


def _together(people: Iterable[str]) -> str:
    return "; ".join(sorted(people))


def _copies(
    shelf: Shelf, pictures: Mapping[str, Picture], direct: Mapping[str, list[Match]], progress: Progress
) -> Iterator[Match]:
    if not direct:
        return
    progress(0.5, "Looking for copies of the pictures that were found")
    for original, copy, exact in copies(shelf, set(direct)):
        match, digest = direct[original][0], digest_of(pictures[copy])
        support, mark = ("content", ASKED) if exact else ("near", NEAR)
        needle = match.needle.rstrip(ASKED) + mark
        yield Match(copy, "image", support, needle, digest, owner=True, start=0, end=len(copy))


def _unread(shelf: Shelf, people: People) -> tuple[Unread, ...]:
    return (*shelf.unread, *people.unread)


def _in_words(people: People, missing: int) -> str:
    """What a search of the folder could and could not go by."""
    if not people.there:
        return "There is no people file: pictures are found by their names and their own words only."
    rows = "1 row that is" if missing == 1 else f"{missing} rows that are"
    return f"The people file names {rows} not there." if missing else ""
