"""Ways to write an identifier so that a filter may overlook it: 5,000 cases, the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.people import People
from retrieval.suppress import Entry

DIGITS = {
    "en": ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"],
    "de": ["null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"],
    "pt": ["zero", "um", "dois", "três", "quatro", "cinco", "seis", "sete", "oito", "nove"],
}
SIGNS = {"en": (" at ", " dot "), "de": (" at ", " Punkt "), "pt": (" arroba ", " ponto ")}
CARRIERS = {
    "en": ("You can reach them at ", ", any time."),
    "de": ("Sie erreichen die Person unter ", " oder gar nicht."),
    "pt": ("Pode contactar a pessoa em ", " a qualquer hora."),
}
LOOKS = {
    "a": "аɑ",
    "c": "сϲ",
    "e": "еҽ",
    "i": "іı",
    "o": "оο",
    "p": "рρ",
    "s": "ѕ",
    "x": "х",
    "y": "у",
    "j": "ј",
    "k": "к",
    "m": "м",
}
LEET = str.maketrans("oies", "01" + "35")
ACCENTS = {"a": "áàâä", "e": "éèê", "i": "í", "o": "óôõ", "u": "úû", "c": "ç", "n": "ñ"}
HIDDEN = "\u200b\u200c\u200d\u2060\u00ad\ufeff"


@dataclass(frozen=True)
class Case:
    """One answer: text around a spelling, the tokens in which it comes, and how the spelling was made."""

    before: str
    spelled: str
    after: str
    how: str
    language: str
    tokens: tuple[str, ...]


class Evasions:
    """Makes cases about some people."""

    def __init__(self, seed: int, people: int = 200) -> None:
        self._chance = random.Random(seed)
        source = People(self._chance)
        self.entries = [
            Entry(kind, source.value(kind), f"g{number}")
            for number in range(people)
            for kind in ("email", "phone", "customer_id")
        ]

    def cases(self, count: int) -> list[Case]:
        """Return so many cases."""
        return [self._case() for _ in range(count)]

    def _case(self) -> Case:
        chance = self._chance
        entry, language = chance.choice(self.entries), chance.choice(list(CARRIERS))
        ways = list(self._ways(entry.kind, language).items())
        chosen = chance.sample(ways, 1 if chance.random() < 0.6 else 2)
        spelled = entry.value
        for _, way in sorted(chosen, key=lambda way: way[0] in ("hidden", "look-alikes", "wide", "case")):
            spelled = way(spelled)
        before, after = CARRIERS[language]
        how = f"{entry.kind}: {' + '.join(sorted(name for name, _ in chosen))}"
        return Case(before, spelled, after, how, language, self._tokens(before + spelled + after))

    def _tokens(self, text: str) -> tuple[str, ...]:
        tokens, at = [], 0
        while at < len(text):
            size = self._chance.choice((1, 2, 3, 4, 6))
            tokens.append(text[at : at + size])
            at += size
        return tuple(tokens)

    def _ways(self, kind: str, language: str) -> dict[str, Callable[[str], str]]:
        every: dict[str, Callable[[str], str]] = {
            "case": lambda text: "".join(self._chance.choice((part.upper(), part.lower())) for part in text),
            "spaced": lambda text: " ".join(text.replace(" ", "")),
            "hidden": lambda text: "".join(
                part + self._chance.choice(("", HIDDEN[self._chance.randrange(6)])) for part in text
            ),
            "wide": lambda text: "".join(chr(ord(part) + 0xFEE0) if "!" <= part <= "~" else part for part in text),
            "look-alikes": lambda text: "".join(self._chance.choice(LOOKS.get(part, part)) for part in text),
        }
        if kind == "email":
            at, dot = SIGNS[language]
            every |= {
                "said signs": lambda text: text.replace(".", dot).replace("@", at),
                "brackets": lambda text: text.replace("@", self._chance.choice((" (at) ", "[at]", " {at} "))),
                "codes": lambda text: text.replace("@", self._chance.choice(("%40", "&#64;", "&commat;"))),
                "tag": lambda text: text.replace("@", "+news.2024@", 1),
                "leet": lambda text: text.translate(LEET),
                "accents": lambda text: "".join(self._chance.choice(ACCENTS.get(part, part)) for part in text),
                "broken": lambda text: text[: len(text) // 2] + "\n" + text[len(text) // 2 :],
            }
            return every
        every |= {
            "said digits": lambda text: "".join(
                f" {DIGITS[language][int(part)]} " if part in "0123456789" else part for part in text
            ),
            "separators": lambda text: self._chance.choice("-./ ").join(
                text.replace(" ", "")[at : at + 2] for at in range(0, len(text), 2)
            ),
            "other digits": lambda text: "".join(
                chr(0x660 + int(part)) if part in "0123456789" else part for part in text
            ),
        }
        if kind == "phone":
            every["country"] = lambda text: self._chance.choice(("+49 ", "0049 ", "+49 (0)")) + text.lstrip("0")
        return every
