"""Made-up people and rows of text about them, in three languages, the same for the same seed."""

from __future__ import annotations

import json
import random
from typing import Any

from retrieval.types import Needle

_FIRST = """
ana anna anton bea ben boris bruno carla carlos celia clara daniel david diana diego elena elias emil emma eva
fatima felix fernanda filipe frieda gabriel gisela greta hana hannah hugo ida igor ines ingrid isabel ivan
jana joana joao johann jonas jose julia karim karl katja klara laila lara laura lea leon lena leonor lia lina
lucas luis luisa maja manuel marco maria marie marta martin mateus max mia miguel mila nadia nils nina noah
nuno olga oliver otto paula paulo pedro peter petra pia rafael rita roberto rosa rui ruth sara sofia stefan
susana tania teresa theo thomas tiago tim tom ulrike uwe vera vitor wanda yara yusuf zoe
"""
FIRST = _FIRST.split()
_LAST = """
almeida alves andrade arnold bauer becker berger bergmann borges braun brandt cardoso carvalho castro conrad
costa cruz dias dietrich ebert engel ernst fernandes ferreira fischer fonseca franke freitas fuchs gomes
goncalves graf gross guenther haas hahn hartmann heinrich hermann hoffmann horn huber jung kaiser keller klein
koch koehler kraus krueger kuhn lang lehmann lima lopes lorenz ludwig machado maier marques martins mayer
meier melo mendes meyer miranda monteiro moreira mueller nascimento neumann nunes oliveira otto pereira peters
pfeiffer pinto pohl ramos reis ribeiro richter rocha roth santos sauer schaefer schmidt schneider scholz
schreiber schubert schulz schuster seidel silva simon soares sommer sousa stein tavares teixeira vasconcelos
vieira vogel voigt wagner walter weber weiss werner winkler winter wolf ziegler zimmermann
"""
LAST = _LAST.split()
_DOMAINS = """
gmail.com gmx.de web.de outlook.com yahoo.com uol.com.br sapo.pt posteo.de icloud.com t-online.de proton.me
hotmail.com terra.com.br mail.example.org firma.example praxis.example verein.example
"""
DOMAINS = _DOMAINS.split()
_WORDS = """
the of and to in is that for it was on are as with his they at be this from have or by one had not but what
all were when we there can an your which their said if do will each about how up out them then she many some
so these would other into has more her two like him see time could no make than first been its who now people
my made over did down only way find use may water long little very after words called just where most know
account address agreement answer balance bank bill branch calendar call cancel card change charge claim
colleague complaint confirm contract copy customer date delay deliver department deposit discount document
entry error exchange invoice item letter loan mail meeting message month number offer office order package
payment phone policy postal price product promise question receipt refund rent reply report request return
reward schedule send service signature statement stock street subscription support ticket transfer travel
update visit week window yesterday die der und das nicht mit auch auf werden haben wurde rechnung bestellung
lieferung strasse kunde bitte danke gestern morgen vertrag zahlung größe schön für über o a que de para com
uma não por mais como mas foi ele das tem ao você pedido fatura entrega rua cliente obrigado contrato
pagamento ação
"""
WORDS = _WORDS.split()


class People:
    """A source of people, identifiers and rows."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def name(self) -> tuple[str, str]:
        """Return a first and a last name."""
        return self._chance.choice(FIRST), self._chance.choice(LAST)

    def email(self) -> str:
        """Return an address as people choose them."""
        first, last = self.name()
        number = self._chance.randrange(10_000)
        local = self._chance.choice(
            (
                f"{first}.{last}{number}",
                f"{first[0]}{last}{number}",
                f"{last}_{first}{number}",
                f"{first}{number}x{last}",
            )
        )
        return f"{local}@{self._chance.choice(DOMAINS)}"

    def phone(self) -> str:
        """Return a German mobile number as it is written there."""
        return (
            f"01{self._chance.choice((51, 60, 70, 71, 75, 76, 77, 79))} {self._chance.randrange(2_000_000, 99_999_999)}"
        )

    def customer(self) -> str:
        """Return a customer number."""
        return f"K{self._chance.randrange(10**7, 10**8)}-{self._chance.choice('ABCDEFGH')}"

    def needles(self, count: int) -> list[Needle]:
        """Return so many different identifiers: four of ten e-mail, two phone, two customer numbers, two names."""
        made: dict[tuple[str, str], Needle] = {}
        while len(made) < count:
            kind = self._chance.choice(("email", "email", "phone", "customer_id", "name"))
            value = self.value(kind)
            made.setdefault((kind, value), Needle(kind, value, f"{kind}-{len(made)}"))
        return list(made.values())

    def value(self, kind: str) -> str:
        """Return one identifier of a kind."""
        if kind == "name":
            first, last = self.name()
            middle = self._chance.choice(FIRST)
            return f"{first} {middle} {last}{self._chance.choice(LAST)}".title()
        return {"email": self.email, "phone": self.phone, "customer_id": self.customer}[kind]()

    def choose(self, everybody: list[Needle], planted: list[Needle], count: int) -> list[Needle]:
        """Return so many of them, one in fifty of whom occurs in the rows (all who do, for everybody)."""
        if count >= len(everybody):
            return everybody
        known = planted[: max(1, count // 50)]
        names = {needle.key for needle in known}
        return [*known, *(needle for needle in everybody if needle.key not in names)][:count]

    def sentence(self, words: int) -> str:
        """Return so many words."""
        return " ".join(self._chance.choices(WORDS, k=words))

    def row(self, planted: list[Needle]) -> str:
        """Return a JSON line about a stranger; one in a hundred also names a planted person, half of them respelled."""
        text = f"{self.sentence(self._chance.randrange(20, 60)).capitalize()}."
        if self._chance.random() < 0.01:
            needle = self._chance.choice(planted)
            spelled = needle.value if self._chance.random() < 0.5 else needle.value.upper()
            text = f"{text} {spelled}, {self.sentence(6)}"
        first, last = self.name()
        fields: dict[str, Any] = {"id": self._chance.randrange(10**9), "name": f"{first} {last}".title(), "text": text}
        fields |= {"mail": self.email(), "phone": self.phone()} if self._chance.random() < 0.4 else {}
        return json.dumps(fields, ensure_ascii=self._chance.random() < 0.5) + "\n"
