"""Further ways to write an identifier, made by other rules and in other languages than those the filter was tried on.

French, Polish, Turkish, Spanish and Arabic carriers and digits; marks for right-to-left text, soft hyphens, stacks of
combining characters, mathematical and enclosed letters; one disguise or two. (Digits and signs said in French, Polish,
Spanish and Turkish were not known to the filter when this list was made, and are now.)
"""

from __future__ import annotations

import random
from collections.abc import Callable

from benchmarks.evasions import Case
from benchmarks.people import People
from retrieval.suppress import Entry

CARRIERS = {
    "fr": ("On peut joindre la personne à l'adresse suivante : ", ", à toute heure."),
    "pl": ("Proszę się kontaktować pod ", " albo wcale."),
    "tr": ("Bu kişiye şuradan ulaşılır: ", " veya hiç."),
    "es": ("La persona responde en ", " por las tardes."),
    "ar": ("يمكن الاتصال به على ", " في أي وقت."),
}
SAID = {
    "fr": ["zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf"],
    "pl": ["zero", "jeden", "dwa", "trzy", "cztery", "pięć", "sześć", "siedem", "osiem", "dziewięć"],
    "es": ["cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve"],
    "tr": ["sıfır", "bir", "iki", "üç", "dört", "beş", "altı", "yedi", "sekiz", "dokuz"],
}
SIGNS = {
    "fr": (" arobase ", " point "),
    "pl": (" małpa ", " kropka "),
    "es": (" arroba ", " punto "),
    "tr": (" et ", " nokta "),
}
TURKISH = str.maketrans("iI", "ıİ")
STACK = "\u0300\u0301\u0323\u0332\u034f\u0336"
DIRECTIONS = "\u200e\u200f\u061c\u2066\u2069\u202b\u202c"


class Elsewhere:
    """Makes cases about some people."""

    def __init__(self, seed: int, people: int = 150) -> None:
        self._chance = random.Random(seed)
        source = People(self._chance)
        kinds = ("email", "phone", "customer_id")
        self.entries = [Entry(kind, source.value(kind), f"e{n}") for n in range(people) for kind in kinds]

    def cases(self, count: int) -> list[Case]:
        """Return so many cases."""
        return [self._case() for _ in range(count)]

    def _case(self) -> Case:
        chance = self._chance
        entry, language = chance.choice(self.entries), chance.choice(list(CARRIERS))
        ways = self._ways(entry.kind, language)
        chosen = chance.sample(sorted(ways), chance.choice((1, 1, 2)))
        spelled = entry.value
        for name in sorted(chosen, key=lambda name: not name.startswith("said")):
            spelled = ways[name](spelled)
        before, after = CARRIERS[language]
        text, tokens, at = before + spelled + after, list[str](), 0
        while at < len(text):
            size = chance.choice((1, 1, 3, 5, 9))
            tokens.append(text[at : at + size])
            at += size
        how = f"{entry.kind}: {' + '.join(sorted(chosen))}"
        return Case(before, spelled, after, how, language, tuple(tokens))

    def _ways(self, kind: str, language: str) -> dict[str, Callable[[str], str]]:
        chance = self._chance

        def sprinkled(marks: str, share: float, most: int = 1) -> Callable[[str], str]:
            return lambda text: "".join(
                part + "".join(chance.choices(marks, k=chance.randint(1, most))) * (chance.random() < share)
                for part in text
            )

        ways = {
            "soft hyphens": sprinkled("\u00ad", 0.4),
            "directions": sprinkled(DIRECTIONS, 0.3),
            "stacks": sprinkled(STACK, 0.5, 4),
            "wide": lambda text: "".join(chr(ord(p) + 0xFEE0) if "!" <= p <= "~" else p for p in text),
            "mathematical": lambda text: "".join(
                chr(0x1D41A + ord(p) - 97) if "a" <= p <= "z" else chr(0x1D7CE + int(p)) if p in "0123456789" else p
                for p in text
            ),
            "thin spaces": lambda text: "\u2009".join(text.replace(" ", "")),
            "dots between": lambda text: "·".join(text.replace(" ", "")),
            "no-break": lambda text: text.replace(" ", "\u00a0").replace("-", "\u2011"),
        }
        if kind == "email":
            ways["turkish"] = lambda text: text.upper().translate(TURKISH)
            ways["enclosed"] = lambda text: "".join(chr(0x24D0 + ord(p) - 97) if "a" <= p <= "z" else p for p in text)
            if language in SIGNS:
                at, dot = SIGNS[language]
                ways["said signs"] = lambda text: text.replace(".", dot).replace("@", at)
            return ways
        first = {"fr": 0x660, "pl": 0x966, "tr": 0x6F0, "es": 0x9E6, "ar": 0x660}[language]
        ways["other digits"] = lambda text: "".join(chr(first + int(p)) if p in "0123456789" else p for p in text)
        ways["figures in brackets"] = lambda text: "".join(f"({p})" if p in "0123456789" else p for p in text)
        ways["superscripts"] = lambda text: "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(p)] if p in "0123456789" else p for p in text)
        if language in SAID:
            ways["said digits"] = lambda text: "".join(
                f" {SAID[language][int(p)]} " if p in "0123456789" else p for p in text
            )
        return ways
