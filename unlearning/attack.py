"""Verb `attack`: try to bring a person's values back, and try the same for people the model never saw."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from unlearning import attacks
from unlearning.chance import holm
from unlearning.evaluate import evaluate
from unlearning.examined import Examined
from unlearning.models import digest, open_model, pin, versions
from unlearning.types import AttackResult, Measurement, PersonFacts, Progress, silent


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
    """
    began = (time.monotonic(), time.process_time())
    pin(threads)
    chosen = [(name, attacks.load(name)) for name in names or attacks.TABLE]
    model, tokenizer = open_model(model_dir)
    # Utility is no attacker's aim: other people's rows are training material here, not probes.
    probes = replace(facts, others=(), namesakes=())
    found: list[Measurement] = []
    for place, (name, method) in enumerate(chosen):
        progress(place / len(chosen), f"attacking: {name.replace('_', ' ')}")
        whole = Examined(model, tokenizer, facts, seed=seed, candidates=candidates)
        after = replace(method(whole, benign=facts.others), facts=probes, pool=facts.others)
        metrics = ("extraction",) if after.given else ("extraction", "rank", "memorization")
        found += [replace(item, name=f"{name}.{item.name}") for item in evaluate(after, names=metrics)]
    progress(1.0, "attacked")
    return AttackResult(
        digest=digest(model_dir),
        measurements=tuple(_adjusted(found)),
        attacks=tuple(name for name, _ in chosen),
        seed=seed,
        seconds=round(time.monotonic() - began[0], 3),
        cpu_seconds=round(time.process_time() - began[1], 3),
        versions=versions(),
    )


def _adjusted(found: Sequence[Measurement]) -> list[Measurement]:
    """All measurements, with one more: the smallest rank p-value, adjusted for the number of attacks."""
    values = [item.value for item in found if item.name.endswith(".rank_p")]
    if not values:
        return list(found)
    return [*found, Measurement("rank_p_all_attacks", "person", min(holm(values)), len(values))]
