"""Plain text: a record is a line, or a paragraph (option ``record: paragraph``) with the blank lines that end it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from compliance.provenance.connectors import Place
from compliance.provenance.connectors.formats import Edit, record_cap
from compliance.provenance.connectors.formats.lines import lines, write
from compliance.provenance.connectors.rows import Row, key_of
from compliance.rules.errors import DamagedArtifact

FIELD = "text"


def rows(path: Path, place: Place) -> Iterator[Row]:
    """Every line or paragraph that is not blank."""
    return (piece for piece in _pieces(path, place) if isinstance(piece, Row))


def rewrite(path: Path, target: Path, place: Place, edit: Edit) -> None:
    """Write a copy without the records that go."""
    write(_pieces(path, place), target, edit, like=path)


def redacted(row: Row, changes: Mapping[str, str], place: Place) -> Row:
    """The record with its text exchanged; bytes that are no UTF-8 stay as they are."""
    raw = changes[FIELD].encode("utf-8", "surrogateescape")
    return _row(raw, row.where, place)


def _pieces(path: Path, place: Place) -> Iterator[Row | bytes]:
    cap = record_cap(place)
    by_paragraph = place.options.get("record") == "paragraph"
    held: list[bytes] = []
    size = 0
    for number, line in enumerate(lines(path, place), start=1):
        if held and not held[-1].strip() and line.strip():
            yield _piece(held, f"{path.name}, before line {number}", place)
            held, size = [], 0
        held.append(line)
        size += len(line)
        if size > cap:
            raise DamagedArtifact(f"{path.name}, line {number}: a paragraph longer than {cap} bytes.")
        if not by_paragraph:
            yield _piece(held, f"{path.name}, line {number}", place)
            held, size = [], 0
    if held:
        yield _piece(held, f"{path.name}, end", place)


def _piece(held: list[bytes], where: str, place: Place) -> Row | bytes:
    raw = b"".join(held)
    return _row(raw, where, place) if raw.strip() else raw


def _row(raw: bytes, where: str, place: Place) -> Row:
    text = raw.decode("utf-8", "surrogateescape")
    fields = {FIELD: text}
    return Row(key_of(fields, raw, place), fields, raw, text, where)
