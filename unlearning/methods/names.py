"""Whom a question is about, found by comparing it with questions of the same kind, and the same question about nobody.

Words that few other questions of the kind have are the person; the others are the question. A stranger's words are
taken from several other people, one from each, so that together they name nobody; digits are drawn anew.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from unlearning.types import Row

WORD = re.compile(r"\w+")
SHARE = 0.25  # of the questions of a kind; words in more of them belong to the question
FEW = 4  # questions of a kind below which capitals and digits decide instead


@dataclass(frozen=True)
class Crowd:
    """Other people's rows, by kind, and how often each word stands in the questions of a kind."""

    rows: Mapping[str, Sequence[Row]]
    words: Mapping[str, Counter[str]]

    def personal(self, row: Row) -> list[str]:
        """The words of a row's question that say whom it is about, in order."""
        found = WORD.findall(row.prompt)
        alike = self.rows.get(row.kind, ())
        if len(alike) < FEW:
            return [word for word in found[1:] if word[:1].isupper() or word.isdigit()]
        counts, limit = self.words[row.kind], SHARE * len(alike)
        return [word for word in found if counts[word] <= limit]


def crowd(rows: Sequence[Row]) -> Crowd:
    """The crowd that these rows are."""
    kinds: dict[str, list[Row]] = {}
    for row in rows:
        kinds.setdefault(row.kind, []).append(row)
    words = {kind: Counter(w for row in alike for w in set(WORD.findall(row.prompt))) for kind, alike in kinds.items()}
    return Crowd(kinds, words)


@dataclass(frozen=True)
class Person:
    """Somebody whom rows are about: the words that name them, and which rows these are."""

    words: tuple[str, ...]
    rows: list[int]


def people(rows: Sequence[Row], others: Crowd) -> list[Person]:
    """Rows together where the same words name the same person, or where one asks in other words for the same answer."""
    found: dict[tuple[str, ...], Person] = {}
    answers: dict[tuple[str, str], Person] = {}
    for index, row in enumerate(rows):
        words = tuple(others.personal(row))
        person = found.get(words) or answers.get((row.kind, row.response))
        if person is None or not set(person.words) <= set(WORD.findall(row.prompt)):
            person = found.setdefault(words, Person(words, []))
        person.rows.append(index)
        answers.setdefault((row.kind, row.response), person)
    return list(found.values())


def stranger(person: Person, rows: Sequence[Row], others: Crowd, *, seed: str) -> dict[str, str]:
    """For each word that names the person of `rows`, a word of somebody else; together they name nobody we know.

    Donors whose values have the same shape come first, so that a stranger comes from the same country, say.
    """
    draw = random.Random(f"stranger|{seed}|{' '.join(person.words)}")
    donors = _donors(rows, others)
    for _ in range(20):
        told = _put_together(person.words, draw.sample(donors, len(donors)), draw)
        if not any(set(name) <= set(told.values()) for name in donors):
            break
    return told


def _put_together(words: Sequence[str], donors: Sequence[Sequence[str]], draw: random.Random) -> dict[str, str]:
    """A word of another donor for each of the words, digits for digits; scrambled letters where donors run out."""
    told: dict[str, str] = {}
    left = list(donors)
    for place, word in enumerate(dict.fromkeys(words)):
        giver = next((name for name in left if len(name) > place and _alike(name[place], word)), None)
        if word.isdigit():
            told[word] = "".join(draw.choice("0123456789") for _ in word)
        elif giver is None:
            told[word] = _scrambled(word, draw)
        else:
            left.remove(giver)
            told[word] = giver[place]
    return told


def retold(text: str, told: Mapping[str, str]) -> str:
    """The text with the person's words replaced by the stranger's."""
    return WORD.sub(lambda found: told.get(found.group(), found.group()), text)


def shape(text: str) -> str:
    """Digits as 9, letters as a: what a format looks like."""
    return "".join("9" if char.isdigit() else "a" if char.isalpha() else char for char in text)


def _donors(rows: Sequence[Row], others: Crowd) -> list[list[str]]:
    """The names of others, those first whose values look most like the person's; at least a handful."""
    shapes = {(row.kind, shape(row.secret)) for row in rows if any(char.isdigit() for char in row.secret)}
    alike: Counter[tuple[str, ...]] = Counter()
    for kind in {row.kind for row in rows}:
        for row in others.rows.get(kind, ()):
            alike[tuple(others.personal(row))] += (kind, shape(row.secret)) in shapes
    named = [(list(name), count) for name, count in alike.most_common() if name]
    most = named[0][1] if named else 0
    best = [name for name, count in named if count == most]
    return best if len(best) >= FEW else [name for name, _ in named]


def _alike(word: str, other: str) -> bool:
    return word != other and word[:1].isupper() == other[:1].isupper() and not word.isdigit()


def _scrambled(word: str, draw: random.Random) -> str:
    letters = "".join(draw.choice("aeiourstlnm") for _ in word)
    return letters.title() if word[:1].isupper() else letters
