"""A folded text as letters and digits only, with the places where a window may begin and end."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_TAG = re.compile(r"(?<=[^\W_])\+[\w.\-]{1,64}(?=\s?(?:@|%40|[(\[{<]))")
_PERCENT_AT = re.compile(r"%40|&#64;|&commat;")
_SAID_AT = re.compile(
    r"[(\[{<]\s?(?:at|arroba|dot|punkt|ponto)\s?[)\]}>]|(?<=[^\W_])\s(?:at|arroba|dot|punkt|ponto)\s(?=[^\W_])"
)
TRUNK = re.compile(r"\(0\)")


@dataclass(frozen=True, slots=True)
class View:
    """Letters and digits of a folded text, where each stands in it, and where words begin and end."""

    text: str
    places: Sequence[int]
    begins: Sequence[int]
    ends: frozenset[int]


def view(folded: str) -> View:
    """Squeeze a folded text; mailbox tags, spelled-out signs and trunk zeros count as separators."""
    skipped = [match.span() for rule in (_TAG, _PERCENT_AT, _SAID_AT, TRUNK) for match in rule.finditer(folded)]
    skip = {place for start, end in skipped for place in range(start, end)}
    places = [place for place, character in enumerate(folded) if character.isalnum() and place not in skip]
    begins = [at for at, place in enumerate(places) if at == 0 or places[at - 1] != place - 1]
    ends = frozenset([*begins[1:], len(places)])
    return View("".join(folded[place] for place in places), places, begins, ends)
