"""What lies in a company's stores beside what the map says: read-only, by samples, without showing a value.

1. Every mapped place: its columns or fields, and what the sampled values look like.
2. Every database of the map: tables that no place names, in other schemas too; in DuckDB, LanceDB, Chroma and local
   Qdrant their tables and collections.
3. The folder of the map: files of data that no place covers.

What nobody mapped is an alarm; what looks like an identifier is proposed, in words that can be pasted into the map.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import sqlalchemy as sa

from compliance.provenance.catalogue import ArtifactEntry, Catalogue
from compliance.provenance.connectors import Place, load
from compliance.provenance.connectors.database import opened
from compliance.provenance.connectors.formats import COMPRESSED, SUFFIXES
from compliance.provenance.connectors.rows import declared
from compliance.provenance.resembling import holds_one, kind_called, kind_of, names_a_person
from compliance.provenance.siblings import beside
from compliance.rules.errors import OubliError
from compliance.rules.terms import ArtifactKind

SAMPLE = 200  # records read of each place
WHOLE, INSIDE = 0.5, 0.02  # share of values that are, or hold, an identifier
_DATABASES = (".sqlite", ".sqlite3", ".db", ".duckdb")
_KNOWS_ITS_FIELDS = ("images",)  # every field is searched, whatever the map says of it
_NO_RECORDS = (ArtifactKind.MODEL.value, ArtifactKind.CHECKPOINT.value)


@dataclass(frozen=True)
class Finding:
    """One thing that the map does not say; ``alarm`` when nobody mapped it, else a proposal."""

    place: str
    what: str
    proposal: str
    alarm: bool = True


@dataclass(frozen=True)
class Field:
    """A column or dotted path, and what its sampled values are: ``kind`` an identifier's, ``text`` holds some."""

    name: str
    values: int
    kind: str
    text: bool


def discover(found: Catalogue) -> Iterator[Finding]:
    """Everything that the map does not say, place by place; a place that cannot be read is a finding too."""
    regions = {entity.id: entity.phone_region or entity.country for entity in found.entities}
    for entry in found.artifacts:
        if entry.kind.value not in _NO_RECORDS:
            yield from _of_place(entry, regions.get(entry.entity, ""))
    yield from _unmapped_tables(found, regions)
    yield from _unmapped_beside(found)
    yield from _unmapped_files(found)


def fields_of(place: Place, region: str) -> list[Field]:
    """The fields of the first records, whatever the map says of them."""
    bare = replace(place, options={**place.options, "text_fields": [], "subject_fields": []})
    values: dict[str, list[str]] = defaultdict(list)
    for row in islice(load(place.connector).records(bare, None), SAMPLE):
        for path, text in row.fields.items():
            values[re.sub(r"(?<=\.)\d+(?=\.|$)", "*", path)].append(text)
    return [_field(name, texts, region) for name, texts in sorted(values.items())]


def _field(name: str, texts: Sequence[str], region: str) -> Field:
    kinds = [kind_of(text, region=region) for text in texts]
    likeliest = max(set(kinds), key=kinds.count)
    share = kinds.count(likeliest) / len(texts)
    kind = likeliest if likeliest and share >= WHOLE else kind_called(name)
    inside = sum(holds_one(text, region=region) for text in texts) / len(texts)
    return Field(name, len(texts), kind.value if kind else "", inside >= INSIDE or names_a_person(texts[:20]))


def _of_place(entry: ArtifactEntry, region: str) -> Iterator[Finding]:
    try:
        fields = fields_of(entry.place(), region)
    except OubliError as error:
        yield Finding(entry.id, f"could not be read: {error.cause}", error.next_action)
        return
    if entry.connector in _KNOWS_ITS_FIELDS:
        return
    known = (*entry.subject_fields, *entry.text_fields, entry.key_field, entry.lineage_field)
    for field in fields:
        if declared(field.name, [name for name in known if name]):
            continue
        if field.kind:
            proposal = f"subject_fields: [{', '.join((*entry.subject_fields, field.name))}]"
            yield Finding(entry.id, f"field {field.name} looks like {field.kind}, and nobody mapped it", proposal)
        elif field.text and entry.text_fields:
            proposal = f"text_fields: [{', '.join((*entry.text_fields, field.name))}]"
            yield Finding(entry.id, f"field {field.name} holds identifiers and is not searched", proposal)
        elif entry.text_fields:
            what = f"field {field.name} is in no list of the map: it is not searched"
            yield Finding(entry.id, what, "Add it to text_fields, or leave it out knowingly.", alarm=False)


def _unmapped_tables(found: Catalogue, regions: dict[str, str]) -> Iterator[Finding]:
    mapped: dict[str, set[tuple[str, str]]] = defaultdict(set)
    first: dict[str, ArtifactEntry] = {}
    for entry in found.artifacts:
        if entry.connector == "sql":
            mapped[entry.location].add((str(entry.options.get("schema") or ""), str(entry.options.get("table"))))
            first.setdefault(entry.location, entry)
    for location, entry in first.items():
        try:
            with opened(entry.place()) as engine:
                inspector = sa.inspect(engine)
                here = inspector.default_schema_name or ""
                tables = {name: inspector.get_pk_constraint(name) for name in inspector.get_table_names()}
        except OubliError:
            continue  # said with the place itself
        for name, key in sorted(tables.items()):
            if not {("", name), (here, name)} & mapped[location]:
                column = (key.get("constrained_columns") or [""])[0]
                yield _unmapped_table(entry, name, column, regions.get(entry.entity, ""))


def _unmapped_table(entry: ArtifactEntry, name: str, key: str, region: str) -> Finding:
    options = {"table": name, "key_field": key}
    try:
        fields = fields_of(Place(name, "database", "sql", entry.location, options), region) if key else []
    except OubliError:
        fields = []
    subject = [field.name for field in fields if field.kind]
    texts = [field.name for field in fields if field.text and not field.kind]
    proposal = (
        f"connector: sql, location: as {entry.id}, key_field: {key or '(none found: name a unique column)'}, "
        f"subject_fields: [{', '.join(subject)}], text_fields: [{', '.join(texts)}], options: {{table: {name}}}"
    )
    looks = f", with what looks like {', '.join(sorted({f.kind for f in fields if f.kind}))}" if subject else ""
    return Finding(entry.id, f"table {name} is mapped by no place{looks}", proposal)


def _unmapped_beside(found: Catalogue) -> Iterator[Finding]:
    for entry, word, name in beside(found.artifacts):
        options = (
            f"{{schema: {name.replace('.', ', table: ', 1)}}}" if entry.connector == "sql" else f"{{{word}: {name}}}"
        )
        proposal = f"connector: {entry.connector}, location: as {entry.id}, options: {options}"
        yield Finding(entry.id, f"{word} {name} is mapped by no place", proposal)


def _unmapped_files(found: Catalogue) -> Iterator[Finding]:
    base = found.file.resolve().parent
    covered = [_path_of(entry) for entry in found.artifacts]
    for path in sorted(base.rglob("*")):
        if not _is_data(path) or any(_covers(place, path) for place in covered if place):
            continue
        where = str(path.relative_to(base))
        connector = "duckdb" if path.suffix == ".duckdb" else "sql" if path.suffix in _DATABASES else "files"
        yield Finding("(no place)", f"{where} is covered by no place", f"connector: {connector}, location: {where}")


def _is_data(path: Path) -> bool:
    name = path.name
    for ending in COMPRESSED:
        name = name.removesuffix(ending)
    known = (*SUFFIXES, ".parquet", *_DATABASES)
    return path.is_file() and not path.is_symlink() and Path(name).suffix.lower() in known


def _path_of(entry: ArtifactEntry) -> str:
    location = entry.location
    return location.partition(":///")[2] if location.startswith("sqlite") else "" if "://" in location else location


def _covers(place: str, path: Path) -> bool:
    # A folder covers what is below it; an index or a model is a folder too.
    return path.is_relative_to(place) or path.match(place) or str(path).startswith(f"{place}-")
