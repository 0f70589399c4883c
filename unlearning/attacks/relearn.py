"""Partial relearning: train on facts that were forgotten with these, then ask for the others (arXiv 2406.13356).

The attacker knows half of the person's facts, or other forgotten people's (`known` of the facts). What was trained on
is never judged: each half of the facts is judged after training on the other half. The same is done with the facts of
people never seen, where nothing can come back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from unlearning.attacks.benign_finetune import started
from unlearning.errors import NotApplicable
from unlearning.types import Row

if TYPE_CHECKING:
    from unlearning.examined import Examined

STEPS = 20


def attack(examined: Examined, *, benign: Sequence[Row]) -> Examined:
    """One examination for each half of the facts, each of a copy trained on the other half."""
    return replace(examined, parts=tuple(parts(examined)), kept={})


def parts(examined: Examined) -> list[Examined]:
    """A copy per fold; with facts of other forgotten people, one copy is trained on those and judged on all."""
    facts = examined.facts
    if facts.known:
        return [_after(examined, facts.known, person=facts.person, controls=facts.controls)]
    found = [_after(examined, seen, person=asked) for seen, asked in folds(facts.person)]
    strangers = facts.controls[: max(2, 2 * len(facts.person))]
    return found + [_after(examined, seen, controls=asked) for seen, asked in folds(strangers)[:1]]


def folds(rows: Sequence[Row]) -> list[tuple[tuple[Row, ...], tuple[Row, ...]]]:
    """Two ways to split rows into (seen, asked): no value that is seen is asked; raises NotApplicable for one value."""
    values = list(dict.fromkeys(row.secret for row in rows))
    halves = [tuple(row for row in rows if values.index(row.secret) % 2 == side) for side in (0, 1)]
    if not all(halves):
        raise NotApplicable("attacking with half of the facts: two facts with different values are needed")
    return [(halves[0], halves[1]), (halves[1], halves[0])]


def _after(
    examined: Examined, seen: Sequence[Row], *, person: tuple[Row, ...] = (), controls: tuple[Row, ...] = ()
) -> Examined:
    model = started(examined.model, examined.tokenizer, seen, examined.seed).until(STEPS)
    asked = replace(examined.facts, person=person, controls=controls)
    return replace(examined, model=model, facts=asked, kept={}, pool=(*examined.pool, *examined.facts.controls))
