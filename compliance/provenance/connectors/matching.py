"""From records to matches, and from matches to the text without them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from compliance.provenance.connectors import MARK, NEAR, Match, Place, Progress, Redaction, Span, silent
from compliance.provenance.connectors.field_names import FieldNames
from compliance.provenance.connectors.resemblance import Resemblance, near_fields
from compliance.provenance.connectors.rows import Row, Searched, declared, parents, searched
from retrieval.locate import locate
from retrieval.types import Needle, Record

Cut = tuple[int, int]


class Blanked(str):
    """A text with its spans blanked, which remembers where they stood in the text as it was."""

    cuts: tuple[Cut, ...] = ()

    def cuts_in(self, name: str) -> list[tuple[str, int, int]]:
        """The spans, each with the field's name."""
        return [(name, start, end) for start, end in self.cuts]


def matches(
    rows: Iterable[Row], place: Place, needles: Sequence[Needle], *, region: str, progress: Progress
) -> Iterator[Match]:
    """Where the needles stand; a record is the person's when they stand in a subject field.

    Near copies of contents come last, under the needle's key with ``NEAR`` behind it.
    """
    resemblance, whole, fields_of = Resemblance(needles), set[tuple[str, str]](), Searched(place)
    names, within = FieldNames(needles, region), _searched_in(place)
    current: Row | None = None

    def records() -> Iterator[Record]:
        nonlocal current
        for current in rows:
            fields = fields_of.of(current)
            resemblance.take(current, fields)
            if named := names.of(current, within):
                fields = {**fields, **named}
            yield Record(path=place.name, record=current.key, fields=fields)

    for found in locate(records(), needles, region=region or None, progress=progress):
        owner = place.erase_on_mention or declared(found.field, place.subject_fields)
        yield Match(
            record=found.record,
            field=found.field,
            support=found.support,
            needle=found.needle,
            digest=current.digest if current else "",
            owner=owner,
            start=found.start,
            end=found.end,
        )
        if found.support == "content":
            whole.add((found.record, found.field))
    for record, digest, name, size, key in resemblance.found():
        if (record, name) not in whole:
            owner = place.erase_on_mention or declared(name, place.subject_fields)
            yield Match(record, name, "near", key, digest, owner, 0, size)


def _searched_in(place: Place) -> tuple[str, ...]:
    """The declared fields that are searched; none means all."""
    return (*place.subject_fields, *place.text_fields) if place.text_fields else ()


def derived(rows: Iterable[Row], place: Place, keys: Collection[str]) -> Iterator[Match]:
    """Records whose lineage field names one of the keys."""
    if not place.lineage_field:
        return
    wanted = frozenset(keys)
    for row in rows:
        for parent in parents(row, place):
            if parent in wanted:
                yield Match(row.key, place.lineage_field, "lineage", parent, row.digest, owner=True)


def changes(row: Row, place: Place, redactions: Sequence[Redaction], *, region: str) -> tuple[dict[str, str], int]:
    """The fields with the person's spans blanked, and how many spans no longer fit the record.

    A needle is looked for again in the record as it is now, so that a second run finds nothing more to do; a span is
    only used on the very bytes it was found in. A field that nearly says what a content says is somebody else's until
    an officer has looked: it is blanked only for a needle whose key has ``NEAR`` behind it.
    """
    cuts: dict[str, list[Cut]] = {}
    texts, stale = dict(row.fields), 0
    for span in (item for item in redactions if isinstance(item, Span)):
        if span.digest == row.digest:
            cuts.setdefault(span.field, []).append((span.start, span.end))
        elif MARK not in row.fields.get(span.field, ""):
            stale += 1
    copies, needles = _parted(item for item in redactions if isinstance(item, Needle))
    if needles or copies:
        named = FieldNames(needles, region).of(row, _searched_in(place))
        texts |= named
        record = Record(path=place.name, record=row.key, fields={**searched(row, place), **named})
        for found in locate([record], needles, region=region or None, progress=silent):
            cuts.setdefault(found.field, []).append((found.start, found.end))
        for name, size in near_fields(record.fields, copies):
            cuts.setdefault(name, []).append((0, size))
    return {path: blanked(texts[path], found) for path, found in cuts.items()}, stale


def _parted(needles: Iterable[Needle]) -> tuple[list[Needle], list[Needle]]:
    """Those of which near copies go too, and those that stand there as they are."""
    every = list(needles)
    near = [needle for needle in every if needle.key.endswith(NEAR)]
    return near, [needle for needle in every if not needle.key.endswith(NEAR)]


def blanked(text: str, cuts: Iterable[Cut]) -> Blanked:
    """The text with every span, overlapping ones joined, exchanged for the mark."""
    joined: list[Cut] = []
    for start, end in sorted(cuts):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    for start, end in reversed(joined):
        text = text[:start] + MARK + text[end:]
    new = Blanked(text)
    new.cuts = tuple(joined)
    return new
