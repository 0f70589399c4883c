"""Records of vector stores that name a point by id and keep a payload and a vector beside it (Qdrant, Chroma)."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from compliance.provenance.connectors import Place
from compliance.provenance.connectors.embedding import vectors
from compliance.provenance.connectors.rows import Row, flatten, replaced


@dataclass(frozen=True)
class Point:
    """One point: ``payload`` is what is searched, ``vector`` counts among its bytes."""

    id: Any
    payload: Mapping[str, Any]
    vector: Any


def row_of(point: Point, place: Place) -> Row:
    """A point as a row, named by its id (or the declared key field of its payload)."""
    raw = json.dumps(point.payload, ensure_ascii=False, sort_keys=True, default=str).encode("utf-8", "surrogatepass")
    fields = dict(flatten(point.payload))
    key = fields.get(place.key_field, "") or str(point.id)
    value = {"id": point.id, "payload": dict(point.payload), "vector": _plain(point.vector)}
    return Row(key, fields, raw + str(point.id).encode() + _bytes(point.vector), value, f"{place.name}, point {key}")


def redacted(row: Row, changes: Mapping[str, str], place: Place) -> Row:
    """The point with other texts, and a new vector when one of them changed: the old one still holds what was said."""
    payload = replaced(row.value["payload"], changes)
    vector = row.value["vector"]
    if vector is not None:
        text = str(dict(flatten(payload)).get(str(place.options.get("text_field") or "text")) or "")
        vector = _plain(vectors([text], _dimension(vector), place)[0])
    return row_of(Point(row.value["id"], payload, vector), place)


def _dimension(vector: Any) -> int:
    return len(next(iter(vector.values()))) if isinstance(vector, dict) else len(vector)


def _plain(vector: Any) -> Any:
    """Numbers as the store keeps them: 32 bits, so that a row read again has the same bytes."""
    if vector is None or isinstance(vector, dict):
        return vector
    return list(struct.unpack(f"{len(vector)}f", struct.pack(f"{len(vector)}f", *vector)))


def _bytes(vector: Sequence[float] | Mapping[str, Any] | None) -> bytes:
    if vector is None:
        return b""
    if isinstance(vector, Mapping):
        return repr(sorted(vector.items())).encode()
    return struct.pack(f"{len(vector)}f", *vector)
