"""What stands beside a picture's pixels as text, whatever it is kept in.

Windows writes authors and comments in UTF-16, cameras with a mark for it, Photoshop its captions in numbered blocks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_NUMBERED = re.compile(r"[-_ .(]*[0-9]+\)?$")


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


def taken_apart(key: str) -> str:
    """What a file's name may hold: an address followed by a number and a suffix is found as an address."""
    stem = key.rpartition(".")[0] or key
    plain = [part for name in stem.split("/") for part in (name, _NUMBERED.sub("", name))]
    return " | ".join(dict.fromkeys([*plain, *(part for name in plain for by in "_- " for part in name.split(by))]))
