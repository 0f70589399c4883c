"""Verb `evaluate`: run metrics over one model; what several metrics need is computed once."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from unlearning import metrics
from unlearning.errors import ModelError
from unlearning.examined import Examined, check_facts
from unlearning.models import digest, open_model, pin, versions
from unlearning.room import cut, room_of
from unlearning.types import Evaluation, Measurement, PersonFacts, Progress, silent


def evaluate_folder(
    model_dir: Path,
    *,
    facts: PersonFacts,
    names: Sequence[str] = (),
    reference: Path | None = None,
    seed: int = 0,
    candidates: int = 300,
    threads: int = 1,
    progress: Progress = silent,
) -> Evaluation:
    """Measure the model in a folder; `reference` is a model of the same vocabulary that never saw the person.

    Raises RowsError without rows of the person, UnknownName, ModelError when the vocabularies differ.
    """
    began = (time.monotonic(), time.process_time())
    check_facts(facts, doing="evaluating", compared=False)
    for name in names:
        metrics.load(name)
    pin(threads)
    model, tokenizer = open_model(model_dir)
    examined = Examined(model, tokenizer, facts, seed=seed, candidates=candidates)
    if reference is not None:
        usual, words = open_model(reference)
        if words.get_vocab() != tokenizer.get_vocab():
            raise ModelError(f"evaluating: {reference} has another vocabulary; give a reference of the same tokenizer")
        examined = replace(examined, reference=usual)
    return Evaluation(
        digest=digest(model_dir),
        measurements=evaluate(examined, names=names, progress=progress),
        seed=seed,
        seconds=round(time.monotonic() - began[0], 3),
        cpu_seconds=round(time.process_time() - began[1], 3),
        versions=versions(),
    )


def evaluate(examined: Examined, *, names: Sequence[str] = (), progress: Progress = silent) -> tuple[Measurement, ...]:
    """The named metrics (all, when none is named), in the table's order."""
    found: list[Measurement] = []
    chosen = tuple(names) or tuple(metrics.TABLE)
    for place, name in enumerate(chosen):
        progress(place / len(chosen), f"measuring {name.replace('_', ' ')}")
        found.extend(metrics.load(name)(examined))
    progress(1.0, "measured")
    return (*found, *_cut(examined))


def _cut(examined: Examined) -> Iterator[Measurement]:
    """Whose rows the model has no room for, so that a part of them was not asked; nothing where all fit."""
    for scope in ("person", "controls", "others"):
        rows = examined.rows(scope)
        count = cut(examined.tokenizer, rows, room=room_of(examined.model))
        if count:
            yield Measurement("rows_cut", scope, count, len(rows), detail={"room": room_of(examined.model)})
