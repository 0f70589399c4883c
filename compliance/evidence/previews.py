"""A letter before it goes: its text, what in it differs from the template, and which mandatory parts are there."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from compliance.evidence import letters
from compliance.rules.terms import Letter

_OPEN, _CLOSE = "⟦", "⟧"


@dataclass(frozen=True)
class Piece:
    """A stretch of the letter: the template's own words, a gap of the template, or what was filled in."""

    text: str
    kind: str  # "same", "gap", "filled"


@dataclass(frozen=True)
class Part:
    """A mandatory part, and whether it is there."""

    name: str
    there: bool


@dataclass(frozen=True)
class Preview:
    """What the officer reads before a letter goes."""

    kind: Letter
    language: str
    subject: str
    text: str
    pieces: tuple[Piece, ...]
    parts: tuple[Part, ...]

    @property
    def blocked(self) -> bool:
        """Whether a part is missing, so that the letter would not be sent."""
        return not all(part.there for part in self.parts)


def preview(kind: Letter, language: str, facts: Mapping[str, Any]) -> Preview:
    """The letter and its differences from the template; with a part missing it is shown as blocked, not raised."""
    missing = set(letters.missing_parts(kind, facts))
    names = (*letters.needed_parts(kind, facts), *letters.STATED.get(kind, ()))
    parts = tuple(Part(name.replace("_", " "), name not in missing) for name in names)
    spoken = letters.spoken(language)
    template = letters.compose(kind, spoken, _gaps(facts))
    subject, text = letters.compose(kind, spoken, facts)
    return Preview(kind, spoken, subject, text, _pieces(template[1], text), parts)


def _gaps(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The same facts with every value replaced by its name, so that the template's own branches stay as they are."""
    return {name: _gap(name, value) for name, value in facts.items()}


def _gap(name: str, value: Any) -> Any:
    mark = f"{_OPEN}{name.replace('_', ' ')}{_CLOSE}"
    if value in (None, "", [], ()) or isinstance(value, bool):
        return value
    return [mark] if isinstance(value, list | tuple) else mark if isinstance(value, str | date) else value


def _pieces(template: str, text: str) -> tuple[Piece, ...]:
    before, after = _tokens(template), _tokens(text)
    found: list[Piece] = []
    for what, i, j, k, m in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if what == "equal":
            found.append(Piece("".join(after[k:m]), "same"))
            continue
        if gap := "".join(before[i:j]):
            found.append(Piece(gap, "gap"))
        if filled := "".join(after[k:m]):
            found.append(Piece(filled, "filled"))
    return tuple(found)


def _tokens(text: str) -> list[str]:
    return re.findall(rf"{_OPEN}[^{_CLOSE}]*{_CLOSE}|\s+|[^\s{_OPEN}]+", text)
