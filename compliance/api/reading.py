"""Bodies are read with a cap on length and depth, before anything is built from them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from compliance.api.problems import TooLarge

MAX_BYTES = 1_000_000
MAX_DEPTH = 20
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")


class CappedJSONParser(JSONParser):
    """UTF-8 JSON of at most ``MAX_BYTES`` bytes and ``MAX_DEPTH`` levels; TooLarge or ParseError otherwise."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Read the stream into Python values."""
        body = stream.read(MAX_BYTES + 1)
        if len(body) > MAX_BYTES:
            raise TooLarge(f"A body may have {MAX_BYTES} bytes.")
        if depth(body) > MAX_DEPTH:
            raise TooLarge(f"A body may nest {MAX_DEPTH} levels deep.")
        return self._loaded(body)

    def _loaded(self, body: bytes) -> Any:
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError:
            raise ParseError() from None
        return decode(text)


def depth(body: bytes) -> int:
    """How deep brackets nest outside strings (0 for a bare value)."""
    deepest = level = 0
    for bracket in _BRACKET.findall(_STRING.sub(b"", body)):
        level += 1 if bracket in b"[{" else -1
        deepest = max(deepest, level)
    return deepest


def decode(text: str) -> Any:
    """Standard JSON: no NaN, no name twice in an object (two readers would see two different requests)."""
    try:
        return json.loads(text, parse_constant=_refuse, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise ParseError() from None


def _refuse(constant: str) -> None:
    raise ValueError("not a JSON number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found
