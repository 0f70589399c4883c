"""What stands beside a picture's pixels as text, whatever it is kept in.

Windows writes authors and comments in UTF-16, cameras with a mark for it, Photoshop its captions in numbered blocks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def in_words(values: Iterable[Any]) -> Iterator[str]:
    """Every text among values of any depth; bytes as UTF-8, and with zeros among them as UTF-16 of both orders."""
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, bytes):
            yield from _decoded(value)
        elif isinstance(value, Mapping):
            yield from in_words(value.values())
        elif isinstance(value, list | tuple):
            yield from in_words(value)


def _decoded(raw: bytes) -> Iterator[str]:
    yield raw.decode("utf-8", "replace")
    if b"\0" in raw:
        yield from ((raw[at:] + b"\0").decode("utf-16-le", "replace") for at in (0, 1))
