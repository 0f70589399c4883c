"""Fold text so that spellings of one thing become one string, and keep the way back to the original.

Folding is done character by character (compatibility decomposition, case folding, accents and invisible characters
dropped, digits of every script as ASCII), so that each folded character knows where it came from. Unicode: UAX #15,
CaseFolding.txt.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import chain, repeat

_ONE_TO_ONE = {"ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "ð": "d", "þ": "th"}
_QUOTES = dict.fromkeys("‘’‚‛′`´", "'") | dict.fromkeys("“”„‟″", '"')
_NO_ASCII = re.compile(r"[^\x00-\x7f]")  # every other character folds to one
_ASCII_SPACE = str.maketrans(dict.fromkeys("\t\n\r\x0b\x0c\x1c\x1d\x1e\x1f", " "))


@lru_cache(maxsize=65_536)
def fold_character(character: str) -> str:
    """Return the folded form of one character: no, one or several characters."""
    folded = character
    while (step := "".join(_step(part) for part in folded)) != folded:
        folded = step
    return folded


def _step(character: str) -> str:
    if character.isspace():
        return " "
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    kept = (part for part in unicodedata.normalize("NFKD", character).casefold())
    return "".join(_plain(part) for part in kept)


def _plain(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Mn", "Me", "Cf"):
        return ""
    if category == "Pd":
        return "-"
    return _ONE_TO_ONE.get(character) or _QUOTES.get(character) or character


@dataclass(frozen=True)
class Folded:
    """Folded text; ``span`` turns folded positions into original ones."""

    text: str = field(repr=False)
    original: str = field(repr=False)
    one_to_one: bool = False

    @cached_property
    def starts(self) -> Sequence[int]:
        """For each folded character, the original position it came from."""
        others = ((other.start(), len(_FOLDER[ord(other[0])])) for other in _NO_ASCII.finditer(self.original))
        uneven = [(position, size) for position, size in others if size != 1]
        if len(self.text) != len(self.original) + sum(size - 1 for _, size in uneven):  # white space was kept once
            return [position for position, folded in enumerate(_pieces(self.original)) for _ in folded]
        if not uneven:
            return range(len(self.original))
        runs, behind = [], 0
        for position, size in uneven:
            runs += [range(behind, position), repeat(position, size)]
            behind = position + 1
        return list(chain(*runs, range(behind, len(self.original))))

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the original span of folded characters ``start`` to ``end`` (``end`` not included, not empty).

        Accents and vowel signs that stand behind its last letter belong to it.
        """
        if not 0 <= start < end <= len(self.text):
            raise ValueError(f"Looking up folded characters {start} to {end} of {len(self.text)}: no such span.")
        if self.one_to_one:
            return start, end
        behind = self.starts[end - 1] + 1
        while behind < len(self.original) and unicodedata.category(self.original[behind]) in ("Mn", "Me"):
            behind += 1
        return self.starts[start], behind


class _Folder(dict[int, str]):
    """A translation table that learns each character at its first sight."""

    def __missing__(self, code: int) -> str:
        folded = self[code] = fold_character(chr(code))
        return folded


_FOLDER = _Folder()


def _pieces(text: str) -> list[str]:
    """Return the folded characters of each character, runs of white space kept once."""
    pieces = [_FOLDER[ord(character)] for character in text]
    if "  " not in "".join(pieces):
        return pieces
    after_space = False
    for position, folded in enumerate(pieces):
        if after_space and folded.startswith(" "):
            folded = pieces[position] = folded[1:]
        after_space = (after_space and not folded) or folded.endswith(" ")
    return pieces


def fold(text: str) -> Folded:
    """Fold a text; folding what is folded changes nothing."""
    folded = folded_text(text)
    return Folded(folded, text, one_to_one=len(folded) == len(text) and text.isascii())


def folded_text(text: str) -> str:
    """Return a text folded, without the way back."""
    plain = _folded_ascii(text) if text.isascii() else text.translate(_FOLDER)
    return plain if "  " not in plain else "".join(_pieces(text))


def _folded_ascii(text: str) -> str:
    lowered = text.lower() if text.isprintable() else text.lower().translate(_ASCII_SPACE)
    return lowered.replace("`", "'")
