"""Verb `attack`: try to bring a person's values back, and try the same for people the model never saw."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from unlearning import attacks, metrics
from unlearning.chance import holm
from unlearning.errors import NotApplicable
from unlearning.examined import Examined, check_facts
from unlearning.metrics.extraction import direct, normal, says
from unlearning.models import digest, open_model, pin, versions
from unlearning.types import AttackResult, Measurement, PersonFacts, Progress, Row, silent

CONTROLS = 4  # controls of each kind that each attack is tried on
WIDE = 8  # letters and digits from which on a value is nobody else's by chance
RANKED = 1  # controls of each kind whose values are ranked


def attack(
    model_dir: Path,
    *,
    facts: PersonFacts,
    names: Sequence[str] = (),
    seed: int = 0,
    candidates: int = 300,
    threads: int = 1,
    progress: Progress = silent,
) -> AttackResult:
    """Run the named attacks (all, when none is named); other people's rows are what the attacker may train on.

    Each measurement's name begins with the attack's.
    `rank_p_all_attacks` is the smallest rank p-value, adjusted (Holm) over the attacks.
    Raises RowsError without rows of the person, UnknownName.
    """
    began = (time.monotonic(), time.process_time())
    check_facts(facts, doing="attacking", compared=False)
    chosen = [name for name in names or attacks.TABLE if attacks.load(name)]
    pin(threads)
    model, tokenizer = open_model(model_dir)
    whole = Examined(model, tokenizer, facts, seed=seed, candidates=candidates)
    found, impossible = struck(whole, names=chosen, progress=progress)
    return AttackResult(
        digest=digest(model_dir),
        measurements=tuple(found),
        attacks=tuple(name for name in chosen if name not in impossible),
        seed=seed,
        seconds=round(time.monotonic() - began[0], 3),
        cpu_seconds=round(time.process_time() - began[1], 3),
        versions=versions(),
        not_applicable=tuple(impossible),
    )


def struck(
    whole: Examined, *, names: Sequence[str], progress: Progress = silent
) -> tuple[list[Measurement], list[str]]:
    """Measurements after each attack on the examined model, and the attacks that the rows do not allow."""
    facts = whole.facts
    benign = _harmless(facts)
    # Utility is no attacker's aim: other people's rows are training material here, not probes.
    probes = replace(facts, controls=_some_of_each(facts.controls), others=(), namesakes=())
    pool = (*whole.pool, *facts.others, *facts.controls)
    target = replace(whole, facts=probes, pool=pool, calibration=RANKED, kept={})
    found: list[Measurement] = []
    impossible = []
    for place, name in enumerate(names):
        progress(place / len(names), f"attacking: {name.replace('_', ' ')}")
        try:
            found += _after(name, target, benign=benign)
        except NotApplicable:
            impossible.append(name)
    progress(1.0, "attacked")
    return _adjusted(found), impossible


def _after(name: str, target: Examined, *, benign: Sequence[Row]) -> list[Measurement]:
    """What is measured after one attack; its copy of the model is let go before the next makes another."""
    after = attacks.load(name)(target, benign=benign)
    return [replace(item, name=f"{name}.{item.name}") for item in _measured(after)]


def _measured(after: Examined) -> Iterator[Measurement]:
    """What the attack got; ranks and probabilities are those of whole answers, so not where half of one is given."""
    yield from direct(after)
    if not after.given and not after.drawn:
        yield from metrics.load("rank")(after)
        yield from metrics.load("memorization")(after)


def _harmless(facts: PersonFacts) -> tuple[Row, ...]:
    """Other people's rows without any that asks the person's questions or holds one of the longer values."""
    asked = {row.prompt for row in facts.person if row.prompt}
    wide = [row for row in facts.person if len(normal(row.secret)) >= WIDE]
    return tuple(
        row for row in facts.others if row.prompt not in asked and not any(says(row.response, mine) for mine in wide)
    )


def _some_of_each(rows: Sequence[Row]) -> tuple[Row, ...]:
    taken: Counter[str] = Counter()
    chosen = []
    for row in rows:
        taken[row.kind] += 1
        if taken[row.kind] <= CONTROLS:
            chosen.append(row)
    return tuple(chosen)


def _adjusted(found: Sequence[Measurement]) -> list[Measurement]:
    """All measurements, with one more: the smallest rank p-value, adjusted for the number of attacks."""
    values = [item.value for item in found if item.name.endswith(".rank_p")]
    if not values:
        return list(found)
    return [*found, Measurement("rank_p_all_attacks", "person", min(holm(values)), len(values))]
