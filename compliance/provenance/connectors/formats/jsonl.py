"""JSON lines: other people's lines are copied as bytes, never parsed and written anew."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from compliance.provenance.connectors import Place
from compliance.provenance.connectors.formats import Edit
from compliance.provenance.connectors.formats.lines import lines, write
from compliance.provenance.connectors.rows import NAME_OF, Row, flatten, key_of, replaced
from compliance.rules.errors import DamagedArtifact

BOM = b"\xef\xbb\xbf"


def rows(path: Path, place: Place) -> Iterator[Row]:
    """Every record; blank lines are none."""
    return (piece for piece in _pieces(path, place) if isinstance(piece, Row))


def pieces(path: Path, place: Place) -> Iterator[Row | bytes]:
    """Every record, and the bytes between them, in the order of the file."""
    return _pieces(path, place)


def rewrite(path: Path, target: Path, place: Place, edit: Edit) -> None:
    """Write a copy; blank lines and line ends stay as they were."""
    write(_pieces(path, place), target, edit, like=path)


def redacted(row: Row, changes: Mapping[str, str], place: Place) -> Row:
    """The line with only the changed strings exchanged in place; re-serialised only when that is not possible."""
    value = replaced(row.value, changes)
    raw = None if any(path.startswith(NAME_OF) for path in changes) else _spliced(row, changes, value)
    if raw is None:
        body = row.raw.rstrip(b"\r\n")
        raw = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass") + row.raw[len(body) :]
    fields = dict(flatten(value))
    return Row(key_of(fields, raw, place), fields, raw, value, row.where, own_names=True)


def _pieces(path: Path, place: Place) -> Iterator[Row | bytes]:
    begins = not (place.options.get("window") or [0])[0]
    for number, line in enumerate(lines(path, place), start=1):
        if begins and number == 1 and line.startswith(BOM):
            yield BOM
            line = line[len(BOM) :]
        yield _row(line, f"{path.name}, line {number}", place) if line.strip() else line


def _row(line: bytes, where: str, place: Place) -> Row:
    try:
        value = json.loads(line.decode("utf-8", "surrogatepass"))
        fields = dict(flatten(value))
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else "not JSON in UTF-8"
        raise DamagedArtifact(
            f"{where}: {reason}, so the record cannot be read.",
            next_action="Mend or remove that line, or set options.format: text to treat lines as plain text.",
        ) from None
    return Row(key_of(fields, line, place), fields, line, value, where, own_names=True)


def _spliced(row: Row, changes: Mapping[str, str], wanted: Any) -> bytes | None:
    raw = row.raw
    for path, text in changes.items():
        for ascii_only in (False, True):
            old = json.dumps(row.fields[path], ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
            if raw.count(old) == 1:
                new = json.dumps(text, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
                raw = raw.replace(old, new)
                break
        else:
            return None
    return raw if json.loads(raw.decode("utf-8", "surrogatepass")) == wanted else None
