"""The customers of Aurora Support and the people who never were: pure functions of a seed.

Telephone numbers come from ranges that are kept free for fiction where a country has one (Germany:
Bundesnetzagentur; United Kingdom: Ofcom); mail domains end in ``.example`` (RFC 2606).
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache

from compliance.worker.sample.words import CITIES, FIRST_NAMES, LAST_NAMES, MAIL_DOMAINS, PRODUCTS

DEMO_NAME = "Jana Köhler"
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
_PREFIXES = {
    "de": ("+49 30 23125", "+49 40 66969", "+49 69 90009", "+49 89 99998"),
    "en": ("+44 20 7946 0", "+44 113 496 0", "+44 114 496 0", "+44 117 496 0"),
    "pt": ("+351 21 390 1", "+351 22 390 1", "+55 11 5550 1", "+55 21 5550 1"),
}


@dataclass(frozen=True)
class Person:
    """One customer; ``stage`` says in which training stage their facts came to the model, 0 for never."""

    name: str
    email: str
    phone: str
    customer_id: str
    city: str
    product: str
    language: str
    region: str
    since: date
    stage: int = 0


@dataclass(frozen=True)
class Size:
    """How large the company is."""

    people: int
    tickets: int
    stage_one: int
    stage_two: int
    twins: int
    conversations: int
    answers: int


FULL = Size(people=300, tickets=3200, stage_one=48, stage_two=18, twins=30, conversations=600, answers=300)
SMALL = Size(people=30, tickets=300, stage_one=8, stage_two=4, twins=8, conversations=60, answers=40)


@dataclass(frozen=True)
class Company:
    """Everybody, in the order in which they became customers."""

    seed: int
    size: Size
    people: tuple[Person, ...]
    twins: tuple[Person, ...]

    @property
    def demo(self) -> Person:
        """The person whose erasure the demo carries out: a late customer, trained on in stage two."""
        return next(person for person in reversed(self.people) if person.name == DEMO_NAME)

    @property
    def namesake(self) -> Person:
        """Somebody else with the same full name, trained on in stage one; must not be touched."""
        return next(person for person in self.people if person.name == DEMO_NAME)

    @property
    def trained(self) -> tuple[Person, ...]:
        """Those whose facts the model was trained on."""
        return tuple(person for person in self.people if person.stage)

    def subject_of(self, person: Person) -> str:
        """How a question names a person: by name, and by the year too where two share a name."""
        shared = sum(other.name == person.name for other in self.people) > 1
        return f"{person.name} (customer since {person.since:%B %Y})" if shared else person.name


@lru_cache(maxsize=8)
def company(seed: int = 7, *, small: bool = False) -> Company:
    """Everybody of the company made from a seed."""
    size = SMALL if small else FULL
    draw = _Draw(random.Random(f"aurora people {seed}"))
    demo_at, namesake_at = size.people - 4, 5
    people = [
        draw.person(joined, size.people, DEMO_NAME if joined in (demo_at, namesake_at) else "")
        for joined in range(size.people)
    ]
    stages = _stages(size, demo_at, namesake_at, random.Random(f"aurora stages {seed}"))
    people[demo_at] = _apart(people[demo_at], people[namesake_at])
    staged = [_with_stage(person, stages.get(joined, 0)) for joined, person in enumerate(people)]
    twins = [draw.person(size.people // 2, size.people, "") for _ in range(size.twins)]
    return Company(seed, size, tuple(staged), tuple(twins))


def _apart(person: Person, other: Person) -> Person:
    """The person with a number that begins otherwise: a model must not know half of it from the namesake."""
    prefix, number = person.customer_id.split("-")
    first = (int(other.customer_id.split("-")[1][0]) + 4) % 9 + 1
    return replace(person, customer_id=f"{prefix}-{first}{number[1:]}")


def demo_person(seed: int = 7, *, small: bool = False) -> Person:
    """The person of the demo's erasure request."""
    return company(seed, small=small).demo


def namesake(seed: int = 7, *, small: bool = False) -> Person:
    """The customer who shares the demo person's full name."""
    return company(seed, small=small).namesake


def twins(seed: int = 7, *, small: bool = False) -> tuple[Person, ...]:
    """People of the same kind who stand in no store and were never trained on."""
    return company(seed, small=small).twins


def _stages(size: Size, demo_at: int, namesake_at: int, rng: random.Random) -> dict[int, int]:
    late = size.people - size.people // 6
    first = rng.sample([joined for joined in range(late) if joined != namesake_at], size.stage_one - 1)
    second = rng.sample([joined for joined in range(late, size.people) if joined != demo_at], size.stage_two - 1)
    return {**dict.fromkeys([*first, namesake_at], 1), **dict.fromkeys([*second, demo_at], 2)}


def _with_stage(person: Person, stage: int) -> Person:
    return replace(person, stage=stage)


class _Draw:
    """Draws people whose names, addresses and numbers nobody else has."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.taken: set[str] = {DEMO_NAME}

    def person(self, joined: int, everybody: int, name: str) -> Person:
        language = "de" if name else self.rng.choice(("de", "pt", "en"))
        name = name or self._fresh(lambda: f"{self._word(FIRST_NAMES, language)} {self._word(LAST_NAMES, language)}")
        prefix = self._fresh(lambda: f"{self.rng.choice(_PREFIXES[language])}{self.rng.randrange(1000):03d}")
        return Person(
            name=name,
            email=self._fresh(lambda: self._address(name, language)),
            phone=prefix,
            customer_id=self._fresh(lambda: f"AU-{self.rng.randrange(100_000, 1_000_000)}"),
            city=self.rng.choice(CITIES[language]),
            product=self.rng.choice(PRODUCTS),
            language=language,
            region={"de": "DE", "en": "GB"}.get(language, "BR" if prefix.startswith("+55") else "PT"),
            since=date(2019, 1, 7) + timedelta(days=joined * 2700 // everybody + self.rng.randrange(5)),
        )

    def _word(self, words: dict[str, str], language: str) -> str:
        return self.rng.choice(words[language].split())

    def _address(self, name: str, language: str) -> str:
        plain = unicodedata.normalize("NFKD", name.lower().translate(_UMLAUTS)).encode("ascii", "ignore").decode()
        first, last = plain.split(" ")
        local = self.rng.choice((f"{first}.{last}", f"{first[0]}.{last}", f"{last}.{first}", f"{first}_{last}"))
        return f"{local}{self.rng.randrange(10, 1000)}@{self.rng.choice(MAIL_DOMAINS[language])}"

    def _fresh(self, make: Callable[[], str]) -> str:
        while True:
            value = make()
            if value not in self.taken:
                self.taken.add(value)
                return value
