"""A person planted a thousand times over a company's stores, in every spelling, among namesakes and strangers."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from retrieval.text import byte_patterns
from retrieval.types import Needle

REGION = "SE"
EMAIL, PHONE, NUMBER = "nora.lindqvist@post.example", "+46 70 174 06 05", "KD-4821-77"
NEEDLES = (
    Needle("email", EMAIL, "email"),
    Needle("phone", PHONE, "phone"),
    Needle("customer_id", NUMBER, "number"),
)
SPELLINGS = (
    *(EMAIL, EMAIL.upper(), "Nora.Lindqvist@Post.Example", "nora.lindqvist+shop@post.example", f"mailto:{EMAIL}"),
    *("nora.lindqvist%40post.example", "nora.lindqvist (at) post.example", "nora.lindqvist[at]post.example"),
    *("nora.lindqvist at post dot example", "nora.lindqvist(at)post(dot)example", f"Nora Lindqvist <{EMAIL}>"),
    *(
        "ｎｏｒａ．ｌｉｎｄｑｖｉｓｔ＠ｐｏｓｔ．ｅｘａｍｐｌｅ",
        "nora.lind\u00adqvist@post.example",
        "nora.lind\u200bqvist@post.example",
    ),
    *("+46701740605", "0046701740605", "070-174 06 05", "+46 (0)70 174 06 05", "070/1740605", "tel:+46-70-174-06-05"),
    *("KD-4821-77", "kd-4821-77", "KD482177", "KD 4821 77", "KD_4821_77", "kd/4821/77"),
)
# Nobody of these is she: namesakes, neighbours of her address, number and customer number. None holds one of hers
# whole: a search of bytes knows no word boundaries and would count it.
STRANGERS = (
    *("nora.lindqvist@other.example", "nora.lindqvist2@post.example", "lindqvist@post.example", "Nora Lindqvist"),
    *("nora-lindqvist@post.example", "nora.lindqvist@posts.example", "+46 70 174 06 06", "+47 70 174 06 15"),
    *("KD-4821-78", "KD-4281-77", "nora_lindqvist@post.example", "nora.lindqvist.b@post.example", "bob@post.example"),
)
COPIED = "elsewhither"  # stands in edited copies of her letters and nowhere else
WORDS = ("parcel", "harbour", "receipt", "window", "garden", "letter", "winter", "engine", "silver", "bridge")


@dataclass(frozen=True)
class Planted:
    """One store's rows: hers, those that mention her, near copies of her letters, strangers' that begin like them."""

    rows: tuple[dict[str, Any], ...]
    own: frozenset[str]
    mentions: frozenset[str]
    near: frozenset[str] = frozenset()
    decoys: frozenset[str] = frozenset()

    @property
    def hers(self) -> frozenset[str]:
        """Every row that has to be found."""
        return self.own | self.mentions | self.near


def plant(store: str, *, hers: int, others: int, letters: int = 0) -> Planted:
    """That many rows of hers among others; an id says nothing of whose it is to anybody but the test.

    For each of her ``letters`` a stranger's row holds an edited copy, and another one a text that only begins like it.
    """
    chance = random.Random(store)
    rows: list[dict[str, Any]] = []
    own, mentions = set(), set()
    for number in range(hers + others):
        name, filler = f"R{number:04d}", " ".join(chance.choices(WORDS, k=12))
        contact, body = f"p{chance.randrange(10**6)}@post.example", f"{filler} {chance.choice(STRANGERS)}, {filler}"
        if number < hers:
            spelled = SPELLINGS[number % len(SPELLINGS)]
            if number % 2:
                contact = spelled
                own.add(name)
            else:
                body = f"{filler} ({spelled}) {filler}"
                mentions.add(name)
        rows.append({"id": name, "contact": contact, "body": body, "n": number})
    near, decoys = set(), set()
    for number in range(letters):
        text, contact = text_of(number), f"p{chance.randrange(10**6)}@post.example"
        for kind, body in ((near, edited(text, chance).replace("\n", " ")), (decoys, decoy(text, chance))):
            kind.add(f"R{len(rows):04d}")
            rows.append({"id": f"R{len(rows):04d}", "contact": contact, "body": body, "n": len(rows)})
    chance.shuffle(rows)
    return Planted(tuple(rows), *map(frozenset, (own, mentions, near, decoys)))


def patterns() -> list[bytes]:
    """Every planted spelling and every usual one, as bytes."""
    found = {pattern for needle in NEEDLES for pattern in byte_patterns(needle.kind, needle.value, REGION)}
    return sorted(found | {spelling.encode() for spelling in SPELLINGS})


def digest_of_others(rows: Sequence[dict[str, Any]], planted: Planted) -> list[tuple[str, str, str]]:
    """What everybody else's rows say, in a fixed order."""
    kept = [row for row in rows if row["id"] not in planted.hers]
    return sorted((str(row["id"]), str(row["contact"]), str(row["body"])) for row in kept)


def text_of(number: int) -> str:
    """A letter of hers, the same for the same number."""
    chance = random.Random(f"letter {number}")
    return " ".join(f"{chance.choice(WORDS)}{chance.randrange(100)}" for _ in range(60))


def edited(text: str, chance: random.Random) -> str:
    """A near copy (Jaccard at least 0.8): some words exchanged, now and then in capitals or other white space."""
    words = text.split(" ")
    at, count = chance.randrange(len(words) - 4), chance.randrange(1, 4)
    words[at : at + count] = [COPIED] * count
    copy = ("\n" if chance.random() < 0.3 else " ").join(words)
    return copy.upper() if chance.random() < 0.3 else copy


def decoy(text: str, chance: random.Random) -> str:
    """A stranger's text that begins with the same words and goes on with its own (Jaccard under 0.5)."""
    words = text.split(" ")
    return " ".join([*words[:20], *(f"{chance.choice(WORDS)}{chance.randrange(100, 200)}" for _ in words[20:])])


def jaccard(one: str, other: str) -> float:
    """The share of runs of three words that two texts have in common."""
    left, right = (_runs(text.lower().split()) for text in (one, other))
    return len(left & right) / len(left | right)


def _runs(words: list[str]) -> set[tuple[str, ...]]:
    return {tuple(words[at : at + 3]) for at in range(len(words) - 2)}
