"""Which pictures and lines are the person's without a question, and which are proposed to the officer.

A picture is the person's when the people file names nobody else for it, or when it is called after the person and the
file names nobody. With others on it, by its own words, or as a copy of one that was found it is proposed.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from compliance.provenance.connectors import Match, Place, Progress
from compliance.provenance.connectors.matching import matches
from compliance.provenance.connectors.pictures import Picture, Shelf, shelf_of
from compliance.provenance.connectors.pictures.copies import copies, digest_of
from compliance.provenance.connectors.pictures.people import People, rows_of
from compliance.provenance.connectors.pictures.words import taken_apart
from compliance.provenance.connectors.rows import Row
from retrieval.types import Needle

TOGETHER = "people on it"  # the field of a picture that its lines make
ASKED = "?"  # behind a needle's key: the officer is asked
_BETWEEN = re.compile(r"([][;|,/&+\n\t\"]| (?:and|und|et|y|e) )")  # people in one cell


def found(place: Place, needles: Sequence[Needle], *, region: str, progress: Progress) -> Iterator[Match]:
    """Lines that name the person, the pictures that they name, pictures named after the person, and copies of those."""
    shelf = shelf_of(place)
    pictures = {picture.key: picture for picture in shelf.pictures()}
    people = People(place, pictures, beside=shelf.lines())
    anywhere = replace(
        place, options={**place.options, "subject_fields": ["person", "row", "image", "name"], "text_fields": []}
    )
    direct = defaultdict[str, list[Match]](list)
    naming = defaultdict[str, list[Match]](list)
    for match in matches(rows_of(people), anywhere, needles, region=region, progress=progress):
        if match.field != "person":  # somebody else's line that names a picture named after the person
            yield _asking(match)
        else:
            naming[match.record].append(match)
    persons = {row.key: row.fields["person"] for row in rows_of(people) if row.key in naming}
    for record, named in naming.items():
        meant, others = people.rows[record], _names_others(persons[record], named)
        for match in named:
            yield _asking(match) if others else match
            for key in meant.keys:
                direct[key].append(_on_it(match, key, people, sure=meant.sure and not others))
    shown = frozenset(direct)
    for match in matches(_named(shelf), anywhere, needles, region=region, progress=progress):
        direct[match.record].append(_by_name(match, people, known=match.record in shown))
    for key, found in direct.items():
        digest = digest_of(pictures[key])
        yield from (replace(match, digest=digest) for match in found)
    yield from _copies(shelf, pictures, direct, progress)


def _named(shelf: Shelf) -> Iterator[Row]:
    """Every picture by its name and its own words, without its bytes."""
    for picture in shelf.pictures():
        fields = {"image": picture.key, "name": taken_apart(picture.key), "words": shelf.said(picture)}
        yield Row(picture.key, fields, b"", None, picture.path.name)


def _names_others(person: str, found: Sequence[Match]) -> bool:
    """Whether a line's person is a list of several, of whom one is not who was looked for."""
    at = 0
    for number, part in enumerate(_BETWEEN.split(person)):
        end, is_name = at + len(part), number % 2 == 0 and any(letter.isalnum() for letter in part)
        if is_name and not any(match.start < end and at < match.end for match in found):
            return True
        at = end
    return False


def _on_it(match: Match, key: str, people: People, *, sure: bool) -> Match:
    """The match of a line as one of its picture; with others on it, or another spelling of its name, it only asks."""
    shown = people.shown_on(key)
    found = replace(match, record=key, field=TOGETHER, start=0, end=len(together(shown)))
    return found if sure and len(shown) == 1 else _asking(found)


def _by_name(match: Match, people: People, *, known: bool) -> Match:
    """A picture whose name holds the person is the person's, unless the people file shows others on it."""
    shown = people.shown_on(match.record)
    others = len(shown) > 1 or (bool(shown) and not known)
    return (
        _asking(match)
        if others or match.field == "words"
        else replace(match, field="image", start=0, end=len(match.record))
    )


def _asking(match: Match) -> Match:
    return replace(match, needle=f"{match.needle}{ASKED}", owner=True)


def together(people: Iterable[str]) -> str:
    """Everybody on a picture, in one text."""
    return "; ".join(sorted(people))


def _copies(
    shelf: Shelf, pictures: Mapping[str, Picture], direct: Mapping[str, list[Match]], progress: Progress
) -> Iterator[Match]:
    if not direct:
        return
    progress(0.5, "Looking for copies of the pictures that were found")
    for original, copy, exact in copies(shelf, set(direct)):
        match, digest = direct[original][0], digest_of(pictures[copy])
        # Not marked as near texts are, of which many are a form letter: many pictures are a folder of copies.
        needle = f"{match.needle.rstrip(ASKED)}{ASKED}"
        support = "content" if exact else "near"
        yield Match(copy, "image", support, needle, digest, owner=True, start=0, end=len(copy))
