"""What things at a place are called: files, folders, members of archives, objects, tables, columns, keys.

An erasure changes what stands in records. A name that spells a person stays until somebody renames the thing, because
programs ask for it by that name; so it is found, counted and said, and nothing is called erased while it is there.
Names of fields in JSON are the record's own: those are blanked with it (``field_names``).
"""

from __future__ import annotations

import io
import lzma
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from compliance.provenance.connectors import Place, Unread, buckets, formats, load
from compliance.provenance.connectors.database import opened as opened_database
from compliance.provenance.connectors.database import table_of
from compliance.provenance.connectors.formats.lines import lines
from compliance.provenance.connectors.formats.streams import decoded_cap
from compliance.provenance.connectors.paths import base_of, listing_of
from compliance.provenance.connectors.redis import names_of_fields, names_of_keys
from compliance.provenance.connectors.rows import declared
from compliance.rules.errors import OubliError
from retrieval.locate import Locator
from retrieval.types import Needle

NAMED: Final = "names"  # the part of a place that its names are
Name = tuple[str, str]  # what is called so (in the plural), and the name
_DEEPEST, _LARGEST_INNER, _AT_ONCE = 2, 64 * 1024 * 1024, 1_000
_BROKEN = (
    OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError, UnicodeError, pa.ArrowException,
)  # fmt: skip
# No other endings: ana@post.example.org is somebody else.
_ENDING: Final = re.compile(
    rf"\.({'|'.join(ending[1:] for ending in (*formats.SUFFIXES, *formats.COMPRESSED))}|\d{{1,4}}|7z|avi|bak|bin|bmp"
    r"|docx?|eml|gif|ics|jpe?g|lance|log|m4a|mbox|mov|mp[34]|msg|npy|npz|odt|old|orc|pdf|pickle|pkl|png|pptx?|pt|pth|rtf"
    r"|safetensors|sqlite3?|svg|tar|tgz|tiff?|tmp|vcf|wav|webp|xlsx?|xml|ya?ml)$",
    re.IGNORECASE,
)
FILES, MEMBERS, COLUMNS = "names of files and folders", "names in archives", "names of tables and columns"
NOTES, OBJECTS, KEYS = "notes of file formats", "keys of objects", "names of keys"
FIELDS = "names of fields in hashes"


def called_after(place: Place, needles: Sequence[Needle], *, region: str) -> tuple[Unread, ...]:
    """How many names at a place hold one of the needles, by what they name; nothing where none does."""
    locator = Locator([each for each in needles if each.kind != "content"], region=region or None)
    found: Counter[str] = Counter()
    every = iter(sorted(set(_names(place))))
    while some := list(islice(every, _AT_ONCE)):
        # Most names are nobody's, which one look at many of them side by side says.
        if locator.spans("\n".join(said for _, name in some for said in _without_endings(name))):
            for kind, name in some:
                found[kind] += any(locator.spans(said) for said in _without_endings(name))
    said = ", ".join(f"{count} {kind}" for kind, count in sorted(found.items()) if count)
    if not said:
        return ()
    why = f"{place.name}: the person stands in {said}; an erasure changes what records say, not what things are called."
    return (Unread(NAMED, why, "Rename them (or remove them), and have the case looked at again."),)


def _without_endings(name: str) -> Iterator[str]:
    """The name, and what is left of it without the endings that files have: ``ana@post.example.txt`` is hers."""
    yield name
    while "." in name and (ended := _ENDING.sub("", name)) != name:
        name = ended
        yield name


def _names(place: Place) -> Iterator[Name]:
    with suppress(OubliError):  # what cannot be opened is said by the search itself
        yield from _LISTS.get(place.connector, _of_records)(place)


def _of_files(place: Place) -> Iterator[Name]:
    base = base_of(place)
    for path in listing_of(place).paths:
        yield from ((FILES, part) for part in path.relative_to(base).parts)
        yield from _of_file(path, place)


def _of_file(path: Path, place: Place) -> Iterator[Name]:
    """What a file itself calls things: members, columns, the notes that its format keeps."""
    try:
        with suppress(OubliError):
            yield from _INSIDE.get(formats.name_for(path, place), _of_nothing)(path, place)
    except _BROKEN:
        return


def _of_nothing(path: Path, place: Place) -> Iterator[Name]:
    yield from ()


def _of_archive(path: Path, place: Place) -> Iterator[Name]:
    yield from _members(path, 0, [decoded_cap(path, place)])


def _members(file: Path | io.BytesIO, depth: int, left: list[int]) -> Iterator[Name]:
    """Names in an archive and in those in it, until what is unpacked is too much: the search itself then says so."""
    with zipfile.ZipFile(file) as archive:
        yield NOTES, archive.comment.decode("utf-8", "replace")
        for member in archive.infolist():
            yield from ((MEMBERS, part) for part in PurePosixPath(member.filename).parts)
            yield NOTES, member.comment.decode("utf-8", "replace")
            if depth < _DEEPEST and member.filename.lower().endswith(".zip") and member.file_size < _LARGEST_INNER:
                with suppress(*_BROKEN), archive.open(member) as inner:
                    content = inner.read(min(_LARGEST_INNER, max(0, left[0]) + 1))
                    left[0] -= len(content)
                    if left[0] >= 0:
                        yield from _members(io.BytesIO(content), depth + 1, left)


def _of_parquet(path: Path, place: Place) -> Iterator[Name]:
    schema = pq.read_schema(path, memory_map=False)
    yield from ((COLUMNS, name) for name in schema.names)
    every: list[Mapping[bytes, bytes]] = [schema.metadata or {}, *(field.metadata or {} for field in schema)]
    for notes in every:
        yield from ((NOTES, part.decode("utf-8", "replace")) for pair in notes.items() for part in pair)


def _of_table_file(path: Path, place: Place) -> Iterator[Name]:
    for header in islice(lines(path, place), 1):
        yield from ((COLUMNS, part.strip('" \r\n')) for part in header.decode("utf-8", "replace").split(","))


_INSIDE: dict[str, Callable[[Path, Place], Iterator[Name]]] = {
    "zip": _of_archive,
    "parquet": _of_parquet,
    "csv": _of_table_file,
}


def _of_objects(place: Place) -> Iterator[Name]:
    with buckets.opened(place) as bucket, buckets.folder() as folder:
        for name in bucket.paths():
            yield from ((OBJECTS, part) for part in PurePosixPath(name).parts[1:])
            yield from ((NOTES, part) for part in bucket.notes(name))
            if PurePosixPath(name).suffix.lower() in (".zip", ".parquet", ".csv"):
                file = bucket.fetch(name, folder)
                yield from _of_file(file, place)
                file.unlink()


def _of_database(place: Place) -> Iterator[Name]:
    with opened_database(place) as engine:
        table = table_of(place, engine)
        yield COLUMNS, table.name
        yield from ((COLUMNS, column.name) for column in table.columns)
        said = [table.comment, *(column.comment for column in table.columns)]
        yield from ((NOTES, text) for text in said if text)


def _of_keys(place: Place) -> Iterator[Name]:
    """Fields of hashes; and keys where the field ``key`` is not searched: where it is, they are found as records."""
    yield from ((FIELDS, name) for name in names_of_fields(place))
    if place.text_fields and not declared("key", (*place.subject_fields, *place.text_fields)):
        yield from ((KEYS, name) for name in names_of_keys(place))


def _of_records(place: Place) -> Iterator[Name]:
    """Fields of the first record, and what lies in the folder where the place is one."""
    for row in islice(load(place.connector).records(place, None), 1):
        yield from ((COLUMNS, name) for name in row.fields)
    base = Path(place.location)
    if base.is_absolute() and base.is_dir():
        yield from _of_folder(base)


def _of_folder(base: Path) -> Iterator[Name]:
    parts: Iterable[str] = {part for path in base.rglob("*") for part in path.relative_to(base).parts}
    yield from ((FILES, part) for part in parts)


_LISTS: dict[str, Callable[[Place], Iterator[Name]]] = {
    "files": _of_files,
    "objects": _of_objects,
    "sql": _of_database,
    "redis": _of_keys,
}
