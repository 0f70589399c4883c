"""Values that could have stood in the same slot: what a person's value is ranked against.

The rank of a value that was never learned is uniform only if the others come from the same distribution. So a
candidate starts from the value of somebody else of the same kind: words taken from that person's question become the
same words of this question ("ana.silva@" for Ana Silva becomes "olga.koch@" for Olga Koch), and digits are drawn anew
wherever people's digits really vary. Drawing is with replacement; ties are broken at random by the rank test.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache

from unlearning.types import Row

FEW = 8  # fewer examples of a kind than this say nothing about how its values vary
VARIED = 6  # distinct digits at a position from which on it counts as free
SPELLED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


def candidates_for(
    row: Row, *, pool: Sequence[Row], given: Mapping[str, Sequence[str]], count: int, seed: int
) -> list[str]:
    """`count` values for the slot of `row`, from `given[kind]` where the caller has them, else modelled on `pool`."""
    draw = random.Random(f"{seed}|{row.kind}|{row.prompt}")
    if given.get(row.kind):
        return [draw.choice(list(given[row.kind])) for _ in range(count)]
    asked = _asked(row)
    alike = [other for other in pool if other.kind == row.kind and _asked(other) != asked]
    if len(alike) < FEW:
        return [_scrambled(row.secret, draw) for _ in range(count)]
    free = _free_positions(tuple(other.secret for other in alike))
    return [_modelled(draw.choice(alike), prompt=asked, free=free, draw=draw) for _ in range(count)]


def _modelled(other: Row, *, prompt: str, free: Mapping[str, frozenset[int]], draw: random.Random) -> str:
    """Another person's value, told about this question's person, with new digits."""
    value = other.secret
    varied = free[_shape(value)]
    digits = [draw.choice("0123456789") if place in varied else char for place, char in enumerate(value)]
    return _retold("".join(digits), told=_asked(other), anew=prompt)


def _asked(row: Row) -> str:
    """What says whom a row is about: its question, or its text around the value."""
    return row.prompt or row.response.replace(row.secret, "", 1)


def _retold(value: str, *, told: str, anew: str) -> str:
    """Replace the name in the question `told`, where it stands inside `value`, by the name in the question `anew`."""
    subject = list(zip(_subject(told, other=anew), _subject(anew, other=told), strict=False))
    for word, replacement in subject:
        for spell in (_plain, _spelled):
            if len(word) > 2 and spell(word) in value:
                value = value.replace(spell(word), spell(replacement), 1)
                break
            if len(word) > 2 and spell(word).title() in value:
                value = value.replace(spell(word).title(), spell(replacement).title(), 1)
                break
    if "@" in value and subject and re.match(rf"{_plain(subject[0][0])[0]}[._-]", value):
        value = _plain(subject[0][1])[0] + value[1:]
    return value


def _subject(question: str, *, other: str) -> list[str]:
    """Capitalised words of a question that the other question lacks, in order: the name, before any addition to it."""
    known = set(re.findall(r"\w+", other))
    return [word for word in re.findall(r"\w+", question) if word not in known and word[:1].isupper()]


@lru_cache(maxsize=256)
def _free_positions(values: tuple[str, ...]) -> Mapping[str, frozenset[int]]:
    """For each shape of value, the positions whose digit varies from person to person."""
    shapes: dict[str, list[str]] = {}
    for value in values:
        shapes.setdefault(_shape(value), []).append(value)
    return {shape: frozenset(_varied(alike)) for shape, alike in shapes.items()}


def _varied(values: Sequence[str]) -> list[int]:
    digits = [place for place, char in enumerate(values[0]) if char.isdigit()]
    if len(values) < FEW:
        # Too few alike to tell a fixed prefix from chance: new digits behind the first three.
        return digits[3:] if len(digits) > 4 else digits
    return [place for place in digits if len({value[place] for value in values}) >= VARIED]


def _scrambled(value: str, draw: random.Random) -> str:
    """Digits for digits, letters for letters."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    turned = []
    for char in value:
        if char.isdigit():
            char = draw.choice("0123456789")
        elif char.isalpha():
            char = draw.choice(letters).upper() if char.isupper() else draw.choice(letters)
        turned.append(char)
    return "".join(turned)


def _shape(value: str) -> str:
    return "".join("9" if char.isdigit() else char if not char.isalpha() else "a" for char in value)


def _plain(word: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFKD", word.lower()) if not unicodedata.combining(char))


def _spelled(word: str) -> str:
    return _plain(word.lower().translate(SPELLED))
