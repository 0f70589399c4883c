"""The forms in which a needle shows in squeezed text: its letters, once for every way to write its separators.

Every spelling that ``retrieval.matching`` accepts begins, with its separators taken out, with one of these forms where
a word or a number begins; so who looks for forms misses nothing that the rules would find.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import product
from typing import Final

from retrieval.matching import orders_of, phone_parts, words_of
from retrieval.prefilter import DOMAIN, LONGEST, SHORTEST, WHOLE, Form
from retrieval.text import normalise, squeeze
from retrieval.types import Needle
from retrieval.unspaced import is_unspaced

_DOTS: Final = ("", "2e", "dot", "punkt", "ponto")
_ATS: Final = ("", "40", "64", "commat", "at", "arroba")
_MOST: Final = 125
_PARTS: Final = re.compile(r"([^\w]+|_+)")


def forms_of(needle: Needle, region: str | None = None) -> tuple[list[Form], bool]:
    """Return a needle's forms (at least four letters each), and whether it also hides behind a mailbox tag's "+".

    None for a name in a script that puts no space between words (``retrieval.unspaced``): it begins anywhere.

    Raises ``UnknownKind`` and ``UnusableNeedle`` as ``normalise`` does.
    """
    canonical = normalise(needle.kind, needle.value, region)
    if needle.kind == "email":
        return _of_email(canonical)
    if needle.kind == "phone":
        return _cut(_numbers(*phone_parts(canonical))), False
    if is_unspaced(needle.kind, needle.value):
        return [], False
    if needle.kind == "name":
        return _cut("".join(words) for words in orders_of(needle.value, canonical)), False
    if needle.kind == "content":
        return _cut(["".join(words_of(canonical[: 8 * WHOLE]))]), False
    return _cut([canonical]), False


def _cut(spellings: Iterable[str], domain: str = "") -> list[Form]:
    return [(spelling[:WHOLE], domain) for spelling in spellings]


def _numbers(code: str, rest: str) -> list[str]:
    if not code:
        return [rest]
    return [rest, f"0{rest}", f"{code}{rest}", f"{code}0{rest}", f"00{code}{rest}", f"00{code}0{rest}"]


@lru_cache(maxsize=4_096)
def _letters_of(domain: str) -> str:
    """Return the letters that are compared behind a mailbox's name."""
    return squeeze(domain.partition(".")[0])[:DOMAIN]


def _of_email(canonical: str) -> tuple[list[Form], bool]:
    local, _, domain = canonical.partition("@")
    if len(local) >= SHORTEST and local.isalnum():
        return [(local[:WHOLE], "" if len(local) > WHOLE else _letters_of(domain))], False
    parts, size = _PARTS.split(local), len(squeeze(local))
    if size < SHORTEST:
        return _cut(_shown(_first([*parts, "@", *re.split(r"(\.)", domain)]))), True
    dots = parts.count(".")
    if size + 5 * dots > WHOLE or len(_DOTS) ** dots > _MOST:
        return _cut(_shown(_first(parts))), False
    return _cut(_shown(parts), _letters_of(domain)), False


def _shown(parts: list[str]) -> list[str]:
    """Spell every separator in every way."""
    if len(parts) == 3 and parts[1] == ".":  # most addresses that have any
        first, last = squeeze(parts[0]), squeeze(parts[2])
        return [f"{first}{dot}{last}" for dot in _DOTS]
    ways = [_DOTS if part == "." else _ATS if part == "@" else (squeeze(part),) for part in parts]
    return ["".join(chosen) for chosen in product(*ways)]


def _first(parts: list[str]) -> list[str]:
    """Return the parts that hold the first eight letters: what follows them changes no window."""
    letters, kept = 0, []
    for part in parts:
        if letters >= LONGEST:
            break
        kept.append(part)
        letters += len(squeeze(part))
    return kept
