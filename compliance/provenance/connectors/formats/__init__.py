"""File formats: how records are read from a file, blanked in part, and written again without the ones that go."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from pkgutil import resolve_name
from typing import Protocol, cast

from compliance.provenance.connectors import Place
from compliance.provenance.connectors.rows import Row
from compliance.rules.errors import ConfigurationError, DamagedArtifact

Edit = Callable[[Row], Row | None]

DEFAULT_RECORD_CAP = 16 * 1024 * 1024


class PartUnread(DamagedArtifact):
    """A part of a file could not be read; the rest was, and the file can be rewritten with that part as it is."""


class Format(Protocol):
    """What a file format can do; each is a module."""

    def rows(self, path: Path, place: Place) -> Iterator[Row]:
        """Every record in the order of the file; ``DamagedArtifact`` names the file and the record that is damaged."""

    def redacted(self, row: Row, changes: Mapping[str, str], place: Place) -> Row:
        """The record with other texts at some dotted paths and all else byte for byte as it was."""

    def rewrite(self, path: Path, target: Path, place: Place, edit: Edit) -> None:
        """Write a copy in which ``edit`` has dropped (``None``) or exchanged records; the others' bytes are copied."""


TABLE: dict[str, str] = {
    "jsonl": "compliance.provenance.connectors.formats.jsonl",
    "csv": "compliance.provenance.connectors.formats.delimited",
    "parquet": "compliance.provenance.connectors.formats.parquet",
    "text": "compliance.provenance.connectors.formats.text",
    "json": "compliance.provenance.connectors.formats.document",
    "html": "compliance.provenance.connectors.formats.html",
    "warc": "compliance.provenance.connectors.formats.warc",
    "zip": "compliance.provenance.connectors.formats.archive",
}
SUFFIXES: dict[str, str] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".txt": "text",
    ".md": "text",
    ".log": "text",
    ".json": "json",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".warc": "warc",
    ".zip": "zip",
}
COMPRESSED = (".gz", ".bz2", ".xz", ".zst")
_ROTATED = re.compile(r"(\.\d{1,4}|[-.]\d{4}-?\d\d-?\d\d([-_T]?\d+)?)$")
_BEGINNINGS = (
    (b"WARC/", "warc"),
    (b"<!doctype html", "html"),
    (b"<html", "html"),
    (b"{", "jsonl"),
    (b"PK\x03\x04", "zip"),
)

_NO_TEXT = (b"PK\x03\x04", b"%PDF-", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"\xd0\xcf\x11\xe0", b"PAR1", b"\x7fELF")


def name_for(path: Path, place: Place) -> str:
    """The format's name: the option ``format``, else by the file's suffix, else by how it begins.

    A file of letters that nobody named is read as text, so that nothing readable is passed over.
    """
    named = _suffix(path)
    name = "zip" if named == ".zip" else str(place.options.get("format") or SUFFIXES.get(named) or _sniffed(path))
    if name == "text" and not place.options.get("format") and _is_binary(path):
        name = ""
    if name not in TABLE:
        raise ConfigurationError(
            f"{place.name}: no reader for {path.name}.",
            remedy=f"Set options.format to one of {', '.join(sorted(TABLE))}, or convert the file.",
        )
    return name


def _suffix(path: Path) -> str:
    """What the name says under its compression and rotation: ``app.log.2.gz`` is a ``.log``."""
    name = path.name.lower()
    for ending in COMPRESSED:
        name = name.removesuffix(ending)
    return Path(_ROTATED.sub("", name)).suffix


def _sniffed(path: Path) -> str:
    from compliance.provenance.connectors.formats.streams import beginning

    start = beginning(path)
    known = next((name for begin, name in _BEGINNINGS if start.lstrip().lower().startswith(begin)), "")
    return known or ("" if b"\x00" in start else "text")


def _is_binary(path: Path) -> bool:
    """Whether what is called a text begins as an archive, a picture or a document of another program."""
    from compliance.provenance.connectors.formats.streams import beginning

    return path.is_file() and beginning(path).startswith(_NO_TEXT)


def load(path: Path, place: Place) -> Format:
    """The format of a file, imported on first use."""
    return cast(Format, resolve_name(TABLE[name_for(path, place)]))


def record_cap(place: Place) -> int:
    """The most bytes one record may have (option ``max_record_bytes``)."""
    return int(place.options.get("max_record_bytes") or DEFAULT_RECORD_CAP)
