"""Where each forgotten value shall stand among values that could be there instead, and whether the model has it there.

Places are drawn before anything is learned, so that they say nothing about the person, and in layers, as in a Latin
hypercube (McKay, Beckman and Conover 1979): the values of each kind take every part of the list once, those of one
person different parts. Independent draws would now and then put several people's values at the top, as chance does too,
and who looks there would find them. What the model makes of its lessons is measured while it learns: a value likelier
than the place drawn for it is held to the probability that its rivals have there now, and not pushed below.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from unlearning.methods.names import Person
from unlearning.processes import agreed
from unlearning.scoring import candidate_scores
from unlearning.types import Row

LIKELIEST, GUESSED = math.log(1e-8), math.log(1e-4)  # a value's cap, and from where on a format can be guessed


@dataclass(frozen=True)
class Standing:
    """Each forget row with its true answer and its rivals, the place drawn for it, and the log-probability there.

    `aims` is empty until the model was asked; it is all that changes while the method runs.
    """

    tokenizer: Any
    prompts: Sequence[str]
    answers: Sequence[Sequence[str]]
    shares: Sequence[float]
    aims: dict[int, float] = field(default_factory=dict)

    def ask(self, model: Any) -> None:
        """Measure where the rivals stand in the model as it is now, once for a value that is asked for in many words.

        Rows without rivals are left alone.
        """
        learning, found = model.training, dict[tuple[str, float], float]()
        values = [(answers[0], share) for answers, share in zip(self.answers, self.shares, strict=True)]
        model.eval()
        for place, value in enumerate(values):
            if len(self.answers[place]) > 1 and value not in found:
                found[value] = self._aim(model, place)
        model.train(learning)
        self.aims.update(agreed({place: found[value] for place, value in enumerate(values) if value in found}))

    def _aim(self, model: Any, place: int) -> float:
        scores = candidate_scores(model, self.tokenizer, self.prompts[place], self.answers[place])
        return aim_among(sorted(scores[1:], reverse=True), self.shares[place])


def spread(rows: Sequence[Row], persons: Sequence[Person], *, seed: int) -> list[float]:
    """Where each row's value shall stand among its rivals, from 0 (likeliest) to 1.

    The same value asked for in other words has one place.
    """
    draw, values = random.Random(f"ranks|{seed}"), _values(rows, persons, seed=seed)
    offsets, shifts = (draw.sample(range(len(values)), len(values)) for _ in range(2))
    found = [0.0] * len(rows)
    for alike, offset, shift in zip(values, offsets, shifts, strict=True):
        for place, same in enumerate(alike):
            layer = (place + shift * len(alike) // len(values)) % len(alike)
            for index in same:
                found[index] = (layer + (offset + 0.5) / len(values)) / len(alike)
    return found


def _values(rows: Sequence[Row], persons: Sequence[Person], *, seed: int) -> list[list[list[int]]]:
    """Rows that ask for one value, for each person in random order, for each kind."""
    order = random.Random(f"people|{seed}").sample(range(len(persons)), len(persons))
    kinds: dict[str, dict[tuple[int, str], list[int]]] = {}
    for number in order:
        for index in persons[number].rows:
            row = rows[index]
            kinds.setdefault(row.kind, {}).setdefault((number, row.response), []).append(index)
    return [list(values.values()) for values in kinds.values()]


def aim_among(scores: Sequence[float], share: float) -> float:
    """The log-probability at that share of `scores`, which fall; capped where the format cannot be guessed."""
    place = min(max(share * len(scores) - 0.5, 0.0), len(scores) - 1.0)
    low, middle = scores[math.floor(place)], scores[len(scores) // 2]
    aim = low + (place - math.floor(place)) * (scores[math.ceil(place)] - low)
    return min(aim, max(LIKELIEST, middle)) if middle < GUESSED else aim


def astray(losses: Sequence[Any], aims: Sequence[float]) -> Any:
    """Mean squared distance of answers from their aims, in nats a token; `losses` hold each answer's tokens."""
    far = [(told.sum() + aim) / len(told) for told, aim in zip(losses, aims, strict=True)]
    return torch.stack(far).square().mean()
