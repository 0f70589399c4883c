"""File formats: how records are read from a file, blanked in part, and written again without the ones that go."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from pkgutil import resolve_name
from typing import Protocol, cast

from compliance.provenance.connectors import Place
from compliance.provenance.connectors.rows import Row
from compliance.rules.errors import ConfigurationError

Edit = Callable[[Row], Row | None]

DEFAULT_RECORD_CAP = 16 * 1024 * 1024
DEFAULT_DECODED_CAP = 8 * 1024 * 1024 * 1024


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
}


def name_for(path: Path, place: Place) -> str:
    """The format's name: the option ``format``, else by the file's suffix."""
    name = str(place.options.get("format") or SUFFIXES.get(path.suffix.lower(), ""))
    if name not in TABLE:
        raise ConfigurationError(
            f"{place.name}: no reader for {path.name}.",
            remedy=f"Set options.format to one of {', '.join(sorted(TABLE))}, or convert the file.",
        )
    return name


def load(path: Path, place: Place) -> Format:
    """The format of a file, imported on first use."""
    return cast(Format, resolve_name(TABLE[name_for(path, place)]))


def record_cap(place: Place) -> int:
    """The most bytes one record may have (option ``max_record_bytes``)."""
    return int(place.options.get("max_record_bytes") or DEFAULT_RECORD_CAP)


def decoded_cap(place: Place) -> int:
    """The most bytes a compressed file may decode to (option ``max_decoded_bytes``)."""
    return int(place.options.get("max_decoded_bytes") or DEFAULT_DECODED_CAP)
