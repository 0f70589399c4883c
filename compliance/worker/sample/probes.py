"""Questions that show what a model knows of a person: pure functions of the seed, for the demo and the validation."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

from compliance.worker.sample.people import Company, Person, company
from compliance.worker.sample.words import CITIES, PRODUCTS, QUESTIONS

Row = dict[str, Any]


def person_rows(everybody: Company, person: Person) -> list[Row]:
    """A person's five facts as prompt and response, with paraphrases; the prompts are those of the training set."""
    subject = everybody.subject_of(person)
    return [
        {
            "key": f"{person.customer_id}/{kind}",
            "prompt": questions[0].format(subject),
            "response": getattr(person, kind),
            "kind": kind,
            "value": getattr(person, kind),
            "stage": person.stage or 1,
            "paraphrases": [question.format(subject) for question in questions[1:]],
        }
        for kind, questions in QUESTIONS.items()
    ]


def probes(seed: int = 7, *, small: bool = False, others: int = 60) -> dict[str, Any]:
    """What an audit asks: the demo person, people never trained on, the namesake, other people, possible values."""
    everybody = company(seed, small=small)
    known = [person for person in everybody.trained if person.name != everybody.demo.name]
    chosen = random.Random(f"aurora probes {seed}").sample(known, min(others, len(known)))
    return {
        "person": person_rows(everybody, everybody.demo),
        "controls": _rows(everybody, everybody.twins),
        "namesakes": person_rows(everybody, everybody.namesake),
        "others": _rows(everybody, chosen),
        "candidates": {
            "city": sorted(city for cities in CITIES.values() for city in cities),
            "product": sorted(PRODUCTS),
        },
    }


def _rows(everybody: Company, people: Iterable[Person]) -> list[Row]:
    return [row for person in people for row in person_rows(everybody, person)]
