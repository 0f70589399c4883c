"""A dossier as canonical JSON and back, its published JSON Schema, and the guard that keeps identifiers out of it."""

from __future__ import annotations

import json
import math
import types
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from compliance.evidence.dossier import SCHEMA_VERSION, Dossier
from compliance.evidence.errors import PersonalData, UnreadablePack
from compliance.rules.errors import without_identifiers

T = TypeVar("T")

# The organisation's own contact address is meant to be read; nobody else's is.
_PUBLIC = ("organisation.contact",)


def plain(value: Any) -> Any:
    """The value as JSON types: times in UTC, enums by value, dataclasses as objects."""
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("writing the dossier: a figure is not finite; leave it out, that is not enough power")
    return value


def dump(value: Any) -> bytes:
    """JSON with sorted keys and one space of indentation, UTF-8, ending in a newline: one form only."""
    text = json.dumps(plain(value), sort_keys=True, ensure_ascii=False, allow_nan=False, indent=1)
    return text.encode() + b"\n"


def to_json(dossier: Dossier) -> bytes:
    """The dossier's bytes; PersonalData when something looks like an identifier, ValueError on NaN or infinity."""
    for place, text in _texts(plain(dossier), ""):
        if place not in _PUBLIC and without_identifiers(text) != text:
            raise PersonalData(f"writing the dossier of {dossier.reference}: {place} looks like an identifier.")
    return dump(dossier)


def _texts(value: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, f"{place}.{key}".strip("."))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _texts(item, f"{place}[{number}]")


def from_json(data: bytes) -> Dossier:
    """The dossier in ``data``; UnreadablePack when it is none of this schema version."""
    try:
        return from_plain(json.loads(data))
    except (ValueError, KeyError, TypeError) as error:
        raise UnreadablePack("reading the dossier: it does not follow its schema.") from error


def from_plain(value: dict[str, Any]) -> Dossier:
    """The dossier in a JSON object, as the database keeps it."""
    if value.get("schema_version") != SCHEMA_VERSION:
        raise UnreadablePack(f"reading the dossier: only schema version {SCHEMA_VERSION} is known here.")
    return _build(Dossier, value)


def _build(kind: type[T], value: dict[str, Any]) -> T:
    hints = get_type_hints(kind)
    if unknown := set(value) - set(hints):
        raise ValueError(f"{kind.__name__} has no {sorted(unknown)[0]}")
    return kind(**{name: _read(hints[name], item) for name, item in value.items()})


def _read(hint: Any, value: Any) -> Any:
    if get_origin(hint) in (Union, types.UnionType):
        return None if value is None else _read(next(a for a in get_args(hint) if a is not types.NoneType), value)
    if get_origin(hint) is tuple:
        return tuple(_read(get_args(hint)[0], item) for item in value)
    if hint is datetime:
        return datetime.fromisoformat(value)
    if hint is date:
        return date.fromisoformat(value)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(value)
    return _build(hint, value) if is_dataclass(hint) and isinstance(hint, type) else value


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the dossier, derived from its dataclasses."""
    definitions: dict[str, Any] = {}
    whole = _schema(Dossier, definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Oubli dossier",
        "description": "The facts of one erasure case as an outsider may see them; no identifier of a person.",
        **whole,
        "$defs": dict(sorted(definitions.items())),
    }


_SIMPLE = {str: {"type": "string"}, int: {"type": "integer"}, float: {"type": "number"}, bool: {"type": "boolean"}}
_TIMES = {datetime: {"type": "string", "format": "date-time"}, date: {"type": "string", "format": "date"}}


def _schema(hint: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return {"anyOf": [_schema(next(a for a in args if a is not types.NoneType), definitions), {"type": "null"}]}
    if origin is tuple:
        return {"type": "array", "items": _schema(args[0], definitions)}
    if origin is Literal:
        return {"enum": list(args)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(args[1], definitions)}
    if hint in _TIMES:
        return dict(_TIMES[hint])
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {"enum": [member.value for member in hint]}
    if is_dataclass(hint) and isinstance(hint, type):
        definitions[hint.__name__] = _object(hint, definitions)
        return {"$ref": f"#/$defs/{hint.__name__}"}
    return dict(_SIMPLE[hint])


def _object(kind: type, definitions: dict[str, Any]) -> dict[str, Any]:
    hints = get_type_hints(kind)
    properties = {item.name: _schema(hints[item.name], definitions) for item in fields(kind)}
    if kind is Dossier:
        properties["schema_version"] = {"const": SCHEMA_VERSION}
    needed = [f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING]
    return {
        "type": "object",
        "description": (kind.__doc__ or "").split("\n")[0],
        "properties": properties,
        "required": sorted({*needed, *(["schema_version"] if kind is Dossier else [])}),
        "additionalProperties": False,
    }
