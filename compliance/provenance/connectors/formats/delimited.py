"""CSV and TSV: rows are split by our own eyes so that their bytes, quoting and line ends can be copied exactly."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path

from compliance.provenance.connectors import Place
from compliance.provenance.connectors.formats import Edit, record_cap
from compliance.provenance.connectors.formats.lines import lines, write
from compliance.provenance.connectors.rows import Row, key_of
from compliance.rules.errors import DamagedArtifact

BOM = b"\xef\xbb\xbf"


def rows(path: Path, place: Place) -> Iterator[Row]:
    """Every record after the header line."""
    return (piece for piece in _pieces(path, place) if isinstance(piece, Row))


def rewrite(path: Path, target: Path, place: Place, edit: Edit) -> None:
    """Write a copy; header, quoting and line ends stay as they were."""
    write(_pieces(path, place), target, edit, like=path)


def redacted(row: Row, changes: Mapping[str, str], place: Place) -> Row:
    """The row with only the changed columns exchanged; the other columns' bytes stay."""
    names = list(row.fields)
    cells = split_cells(_text(row.raw), str(row.value))
    for path, text in changes.items():
        old = cells[names.index(path)]
        line_end = old[len(old.rstrip("\r\n")) :]
        cells[names.index(path)] = '"' + text.replace('"', '""') + '"' + line_end
    raw = str(row.value).join(cells).encode("utf-8", "surrogateescape")
    fields = {**row.fields, **changes}
    return Row(key_of(fields, raw, place), fields, raw, row.value, row.where)


def split_cells(text: str, delimiter: str) -> list[str]:
    """A raw row cut at its delimiters, quotes and line end still on the pieces."""
    cells, start, quoted = [], 0, False
    for position, character in enumerate(text):
        if character == '"':
            quoted = not quoted
        elif character == delimiter and not quoted:
            cells.append(text[start:position])
            start = position + 1
    return [*cells, text[start:]]


def _pieces(path: Path, place: Place) -> Iterator[Row | bytes]:
    delimiter = str(place.options.get("delimiter") or ("\t" if ".tsv" in path.name.lower() else ","))
    names: list[str] = []
    for number, raw in _raw_rows(path, place):
        if not names:
            bom = BOM if raw.startswith(BOM) else b""
            names = _cells(raw[len(bom) :], delimiter)
            if len(set(names)) < len(names):
                raise DamagedArtifact(f"{path.name}, line 1: two columns have the same name.")
            yield raw
        elif not raw.strip():
            yield raw
        else:
            yield _row(raw, names, delimiter, f"{path.name}, line {number}", place)


def _raw_rows(path: Path, place: Place) -> Iterator[tuple[int, bytes]]:
    held, size, quotes, first, cap = list[bytes](), 0, 0, 1, record_cap(place)
    for number, line in enumerate(lines(path, place), start=1):
        first = first if held else number
        # Lines are put together once their quotes are even: an open one costs what it weighs, not its square.
        held.append(line)
        size, quotes = size + len(line), quotes + line.count(b'"')
        if quotes % 2 == 0:
            yield first, b"".join(held)
            held, size, quotes = [], 0, 0
        elif size > cap:
            raise DamagedArtifact(
                f"{path.name}, line {first}: a quote is opened and not closed within {cap} bytes.",
                next_action="Close the quote, or raise options.max_record_bytes if the row is meant to be so long.",
            )
    if held:
        raise DamagedArtifact(
            f"{path.name}, line {first}: a quote is opened and never closed; the file looks cut short.",
            next_action="Restore the file from its owner's copy, then continue the case.",
        )


def _row(raw: bytes, names: list[str], delimiter: str, where: str, place: Place) -> Row:
    cells = _cells(raw, delimiter)
    if len(cells) != len(names):
        raise DamagedArtifact(
            f"{where}: {len(cells)} columns where the header has {len(names)}.",
            next_action="Mend that row, or set options.delimiter if another character parts the columns.",
        )
    fields = dict(zip(names, cells, strict=True))
    return Row(key_of(fields, raw, place), fields, raw, delimiter, where)


def _cells(raw: bytes, delimiter: str) -> list[str]:
    csv.field_size_limit(2**31 - 1)
    return next(csv.reader(io.StringIO(_text(raw).rstrip("\r\n"), newline=""), delimiter=delimiter), [])


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
