"""One JSON document: the elements of its outermost list are the records, anything else is one record.

Other people's elements are copied as bytes, with the white space around them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from compliance.provenance.connectors import Place
from compliance.provenance.connectors.formats import Edit, jsonl
from compliance.provenance.connectors.formats.lines import whole
from compliance.provenance.connectors.formats.streams import created
from compliance.provenance.connectors.rows import Row, flatten, key_of
from compliance.rules.errors import DamagedArtifact

_SPACE = re.compile(r"[ \t\r\n]*")


def rows(path: Path, place: Place) -> Iterator[Row]:
    """Every element of the outermost list, or the one document."""
    return iter(_parts(path, place)[1])


def redacted(row: Row, changes: Mapping[str, str], place: Place) -> Row:
    """The element with only the changed strings exchanged in place, where that is possible."""
    return jsonl.redacted(row, changes, place)


def rewrite(path: Path, target: Path, place: Place, edit: Edit) -> None:
    """Write the document again without the elements that go; a document that goes whole leaves ``null``."""
    before, found, after, is_list = _split(path, place)
    kept = [new.raw for row, _ in found if (new := edit(row)) is not None]
    with created(target, path) as out:
        out.write(before + (b",".join(kept) if is_list else b"".join(kept) or b"null") + after)


def _parts(path: Path, place: Place) -> tuple[bytes, list[Row], bytes]:
    before, found, after, is_list = _split(path, place)
    rows_found = [row for row, _ in found]
    return before, rows_found if is_list or rows_found[0].value is not None else [], after


def _split(path: Path, place: Place) -> tuple[bytes, list[tuple[Row, int]], bytes, bool]:
    """What stands before the records, the records with their positions, what stands after, whether it is a list."""
    text = whole(path, place).decode("utf-8", "surrogateescape")
    decoder = json.JSONDecoder()
    try:
        at = _skip(text, 1 if text.startswith("\ufeff") else 0)
        if not text[at:].startswith("["):
            value, end = decoder.raw_decode(text, at)
            row = _row(text[at:end], value, f"{path.name}, the document", place)
            return _raw(text[:at]), [(row, at)], _raw(text[end:]), False
        found: list[tuple[Row, int]] = []
        start = at = at + 1
        while not text[(after := _skip(text, at)) :].startswith("]"):
            value, end = decoder.raw_decode(text, after)
            end = _skip(text, end)
            found.append((_row(text[at:end], value, f"{path.name}, element {len(found) + 1}", place), at))
            at = end + text[end:].startswith(",")
            if at == end and not text[end:].startswith("]"):
                raise ValueError("no comma")
        return _raw(text[:start]), found, _raw(text[after:]), True
    except (ValueError, RecursionError):
        raise DamagedArtifact(
            f"{path.name}: not one JSON document in UTF-8, or nested too deeply.",
            next_action="Mend the file, or set options.format: jsonl or text if that is what it is.",
        ) from None


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _row(text: str, value: Any, where: str, place: Place) -> Row:
    raw = _raw(text)
    fields = dict(flatten(value))
    return Row(key_of(fields, raw, place), fields, raw, value, where, own_names=True)


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
