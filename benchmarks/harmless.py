"""Harmless text of many kinds in seven languages, in which a filter may see somebody who is not there.

News, law, medicine, tables of numbers, source code, markup, logs with times and UUIDs, base64, addresses of the web;
full of the listed people's names, of other people's addresses and numbers, and of numbers close to listed ones.
"""

from __future__ import annotations

import base64
import random
import uuid
from collections.abc import Callable

from benchmarks.people import FIRST, LAST, People

SENTENCES = {
    "en": (
        "{First} {Last}, {age}, told the court on {day} May that at ten to one the meeting was over.",
        "The defendant {Last} (case no. {number}/{year}) appealed under section {small}(1)(a) at the High Court.",
        "Patient {First} takes {small} mg at eight and one tablet at noon; dot-blot at {small} degrees.",
        "Room {small} is on floor two, call seven at the desk, then ask for {First}.",
    ),
    "de": (
        "{First} {Last} sagte am {day}. Mai, um eins sei alles vorbei und acht von zehn Punkt für Punkt geklärt.",
        "Az. {small} C {number}/{year}: Die Klage der Frau {Last} wird abgewiesen (§ {small} Abs. 1 Satz 2 BGB).",
        "Pat. {Last}, geb. {day}.{month}.{year}, erhält {small} mg um acht und eins um zwei.",
        "Drei, vier, fünf: {First} zählt bis sechs und ruft Anton, Berta und Emil an.",
    ),
    "pt": (
        "{First} {Last} disse a {day} de maio que um dos dois chegou às três e meia, ponto por ponto.",
        "Processo n.º {number}/{year}: a Sra. {Last} recorreu ao abrigo do art. {small}.º, n.º 1.",
        "A doente {First} toma {small} mg às oito e um comprimido às seis.",
    ),
    "fr": (
        "{First} {Last} a dit le {day} mai qu'un sur deux arrive à sept heures, point par point.",
        "Affaire {number}/{year} : Mme {Last} a fait appel (art. {small}, al. 1 et 2).",
        "La patiente {First} prend {small} mg à huit heures et un comprimé à neuf.",
    ),
    "es": (
        "{First} {Last} dijo el {day} de mayo que uno de los dos llegó a las tres, punto por punto.",
        "Expediente {number}/{year}: la Sra. {Last} recurrió conforme al art. {small}.",
        "La paciente {First} toma {small} mg a las ocho y uno a las nueve.",
    ),
    "it": (
        "{First} {Last} ha detto il {day} maggio che uno su due arriva alle sette, punto per punto.",
        "Causa n. {number}/{year}: la sig.ra {Last} ha proposto appello ex art. {small}.",
        "La paziente {First} prende {small} mg alle otto e una compressa alle nove.",
    ),
    "pl": (
        "{First} {Last} powiedział {day} maja, że jeden z dwóch przyjdzie o siódmej, punkt po punkcie.",
        "Sygn. akt {small} C {number}/{year}: pani {Last} wniosła apelację (art. {small} ust. 1).",
        "Pacjentka {First} bierze {small} mg o ósmej i jeden o dziewiątej.",
    ),
}


class Harmless:
    """Makes harmless texts; ``close`` are listed values, whose neighbours stand in them."""

    def __init__(self, seed: int, close: list[str]) -> None:
        self._chance = random.Random(seed)
        self._people, self._close = People(self._chance), close
        self._listed = {value.lower() for value in close}

    def text(self) -> tuple[str, str]:
        """Return what kind of text it is, and the text."""
        kinds: dict[str, Callable[[], str]] = {
            **{f"sentences ({language})": lambda language=language: self._said(language) for language in SENTENCES},
            "table of numbers": self._table,
            "code": self._code,
            "markup": self._markup,
            "log": self._log,
            "base64": self._blob,
            "other people's details": self._others,
            "neighbouring values": self._neighbour,
            "addresses of the web": self._web,
        }
        kind = self._chance.choice(sorted(kinds))
        return kind, kinds[kind]()

    def _said(self, language: str) -> str:
        chance = self._chance
        return chance.choice(SENTENCES[language]).format(
            First=chance.choice(FIRST).title(), Last=chance.choice(LAST).title(), age=chance.randrange(18, 99),
            day=chance.randrange(1, 29), month=chance.randrange(1, 13), year=chance.randrange(1950, 2027),
            number=chance.randrange(10**5), small=chance.randrange(1, 400),
        )  # fmt: skip

    def _number(self, digits: int) -> int:
        return self._chance.randrange(10 ** (digits - 1), 10**digits)

    def _table(self) -> str:
        rows = ["\t".join(str(self._number(self._chance.randrange(1, 9))) for _ in range(6)) for _ in range(3)]
        plain = self._chance.random() < 0.5
        return "\n".join(row if plain else f"| {row} |".replace("\t", " | ") for row in rows)

    def _code(self) -> str:
        chance, name = self._chance, self._chance.choice(FIRST)
        return chance.choice(
            (
                f"for (int i=0;i<n;i++) {{ {name}[i] += x[i] % {self._number(2)} + 0x{self._number(6):x}; }}",
                f'assert "{name}\\n{self._number(4)}" == f"{{{name}:>{self._number(1)}}}" and a<b>c, r"\\d+\\u00e9"',
                f"where t{self._number(2)}.{name} and a<{self._number(5)} and b>{self._number(5)} or c='one'",
                f"vector<map<int, {name}>> at = {{ {self._number(3)}, {self._number(8)} }}; // dot at one",
                f"#{self._number(6):x} {{ margin: {self._number(2)}px 7% \\40 media }} &amp; &#{self._number(3)};",
            )
        )

    def _markup(self) -> str:
        first, last = self._chance.choice(FIRST).title(), self._chance.choice(LAST).title()
        return self._chance.choice(
            (
                f'<p class="a{self._number(4)}"><b>{first}</b> {last} &ndash; {self._number(5)}&nbsp;km</p>',
                f"**{first}** _{last}_ [{self._number(2)}](#{self._number(6)}) `{self._number(8)}`",
                f"<td>{self._number(4)}</td><td>{self._number(4)}</td><td>{first}</td><td>{self._number(8)}</td>",
            )
        )

    def _log(self) -> str:
        chance = self._chance
        made = uuid.UUID(int=chance.getrandbits(128))
        return (
            f"2026-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}T{chance.randrange(24):02}:"
            f"{chance.randrange(60):02}:{chance.randrange(60):02}.{self._number(6)}Z {made} GET /u/{self._number(8)} "
            f"200 {self._number(5)} 10.{chance.randrange(256)}.{chance.randrange(256)}.{chance.randrange(256)}"
        )

    def _blob(self) -> str:
        return base64.b64encode(self._chance.randbytes(90)).decode()

    def _others(self) -> str:
        values = (self._people.email(), self._people.phone(), self._people.customer())
        others = [value for value in values if value.lower() not in self._listed]
        return f"Contact: {', '.join(others)} ({self._chance.choice(LAST).title()})"

    def _neighbour(self) -> str:
        """A listed value with another figure or letter in it, at its beginning or its end."""
        chance, value = self._chance, self._chance.choice(self._close)
        while True:
            at = chance.randrange(len(value))
            if value[at].isalnum():
                other = chance.choice("26789" if value[at].isdecimal() else "bdghmnqvwxyz")
                made = value[:at] + other + value[at + 1 :]
                if made.lower() not in self._listed and made != value:
                    return f"Write to {made} or ask {chance.choice(FIRST).title()}."

    def _web(self) -> str:
        first, last = self._chance.choice(FIRST), self._chance.choice(LAST)
        return (
            f"https://example.org/{first}/{last}?id={self._number(8)}&t={self._number(10)}&q=a%20b%2Fc%26d#"
            f"{self._number(3)} and /srv/{last}/{self._number(4)}-{self._number(2)}-{self._number(2)}/{first}.tar.gz"
        )
