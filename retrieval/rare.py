"""What must stand in a text plainly wherever a needle stands there, unless a character nearby has to be decoded.

Every rule of ``retrieval.matching`` asks for some letters that nothing may separate (a word of a name, a part of an
address) or for digits between which separators may stand. Of these the rarest few are a needle's anchors: one for each
way to spell it. Who finds none of them, and no character near one that folds to its letters, has not found the needle.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from retrieval.matching import orders_of, phone_parts, words_of
from retrieval.text import normalise
from retrieval.types import Needle

WINDOW: Final = 4
AROUND: Final = 8  # letters before and behind a window that are compared, as far as they are plain
_DIGITS: Final = 8  # of a number that are compared
_FEWEST: Final = 3
_RUNS: Final = re.compile(r"[a-z0-9]+|[^\W_]+")
_PARTS: Final = re.compile(r"\d+|[^\W\d_]+")
# How often letters stand in English, German and Portuguese text, in thousandths; digits in what is called by them.
_OFTEN: Final = dict(
    zip("abcdefghijklmnopqrstuvwxyz", (
        85, 17, 32, 42, 135, 19, 23, 35, 72, 4, 9, 40, 27, 78, 70, 24, 5, 68, 66, 70, 38, 14, 14, 3, 10, 6,
    ), strict=True)
)  # fmt: skip
_DIGIT: Final = 12
_ACCENTED: Final = frozenset("aeioucns")  # what accented letters of these languages fold to


@dataclass(frozen=True, slots=True)
class Anchor:
    """A window of three or four letters with those around it that belong to the same run; or up to eight digits."""

    window: str = field(repr=False)
    before: str = field(repr=False)
    behind: str = field(repr=False)
    number: bool


def anchors_of(needle: Needle, region: str | None = None) -> frozenset[Anchor] | None:
    """Return anchors of which one stands wherever a needle does; nothing when some spelling of it has none.

    Raises ``UnknownKind`` and ``UnusableNeedle`` as ``normalise`` does.
    """
    chosen = [_rarest(runs) for runs in _spellings(needle, normalise(needle.kind, needle.value, region))]
    found = frozenset(anchor for anchor in chosen if anchor)
    return found if None not in chosen else None


def _spellings(needle: Needle, canonical: str) -> list[tuple[list[str], list[str]]]:
    """For each way to spell a needle: (runs of letters that nothing separates, runs of digits with gaps)."""
    if needle.kind == "email":
        return [([run for part in re.split(r"[@.]", canonical) for run in re.split(r"[^\w]+|_+", part)], [])]
    if needle.kind == "phone":
        return [([], [phone_parts(canonical)[1]])]
    if needle.kind == "name":
        return [(list(words), []) for words in {tuple(sorted(one)) for one in orders_of(needle.value, canonical)}]
    if needle.kind == "content":
        return [(words_of(canonical), [])]
    parts = _PARTS.findall(canonical)
    return [([part for part in parts if not part.isdigit()], [part for part in parts if part.isdigit()])]


def _rarest(runs: tuple[list[str], list[str]]) -> Anchor | None:
    letters, numbers = runs
    if number := max((run for run in numbers if len(run) >= WINDOW and run.isascii()), key=len, default=""):
        return Anchor(number[-_DIGITS:], "", "", number=True)
    plain = (run for run in letters if len(run) >= _FEWEST and run.isascii() and run.isalnum())
    return min((anchor for run in plain for anchor in _windows(run)), key=_weight, default=None)


def _windows(run: str) -> Iterable[Anchor]:
    size = min(WINDOW, len(run))
    for at in range(len(run) - size + 1):
        end = at + size
        yield Anchor(run[at:end], run[max(0, at - AROUND) : at], run[end : end + AROUND], number=False)


def _weight(anchor: Anchor) -> tuple[float, str]:
    """Weigh how often an anchor, or something that must be decoded near its letters, stands in text."""
    often = [_OFTEN.get(letter, _DIGIT) / 1_000 for letter in anchor.window]
    plain = 1.0
    for share in often + [_OFTEN.get(letter, _DIGIT) / 1_000 for letter in (anchor.before + anchor.behind)[:4]]:
        plain *= share
    edges = ((anchor.window[0], often[1]), (anchor.window[-1], often[-2]))
    accents = sum(share for letter, share in edges if letter in _ACCENTED)
    accents += sum(one * other for one, other in pairwise(often))
    return plain ** (1 / 4) + accents / 4 + (0.1 if len(often) < WINDOW else 0), anchor.window
