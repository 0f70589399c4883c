"""Which row is shown at which step, so that no row's place depends on any other row.

Each row is seen once an epoch, in a slot that a pseudo-random function of (seed, stage, epoch, its key) chooses. Taking
rows away therefore moves none of those that stay, and replay without a person gives the bytes of a training that never
had them, not merely of a masked one.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence

from unlearning.ledger import Step
from unlearning.types import Row, StagePlan, TrainingPlan

ROWS_PER_STEP = 16
LAST_RATE = 0.05  # of the stage's learning rate, reached at its last step


def plan_for(
    rows: Sequence[Row], *, seed: int = 0, shape: str = "1m", epochs: Sequence[int] = (48, 22), longest: int = 0
) -> TrainingPlan:
    """A program for these rows: their stages in order, about 16 rows a step, earlier rows rehearsed from stage 2 on.

    Rows are learned whole, or up to `longest` tokens.
    """
    stages = []
    numbers = sorted({row.stage for row in rows})
    for place, number in enumerate(numbers):
        fresh = sum(row.stage == number for row in rows)
        earlier = sum(row.stage < number for row in rows)
        rehearsal = min(1.0, fresh / earlier) if earlier else 0.0
        steps = max(1, math.ceil((fresh + earlier * rehearsal) / ROWS_PER_STEP))
        stages.append(StagePlan(number, epochs[min(place, len(epochs) - 1)], steps, rehearsal=rehearsal))
    return TrainingPlan(tuple(stages), seed=seed, shape=shape, longest=longest)


def program(rows: Sequence[Row], *, plan: TrainingPlan, names: Mapping[str, str]) -> list[Step]:
    """Every micro-batch of the plan; `names` maps a row's key to its keyed hash."""
    steps: list[Step] = []
    for stage in plan.stages:
        members = [row for row in rows if row.stage <= stage.number]
        for epoch in range(stage.epochs):
            slots = _slots(members, plan=plan, stage=stage, epoch=epoch)
            for offset, keys in enumerate(slots):
                rate = rate_at(stage, epoch * stage.steps_per_epoch + offset)
                shown = tuple(names[key] for key in keys)
                steps.append(Step(len(steps), stage.number, shown, rate, seed=plan.seed * 1_000_003 + len(steps)))
    return steps


def rate_at(stage: StagePlan, step: int) -> float:
    """Learning rate at a step of the stage: linear warm-up, then a cosine down to a twentieth."""
    if step < stage.warmup:
        return stage.learning_rate * (step + 1) / stage.warmup
    done = (step - stage.warmup) / max(1, stage.steps - 1 - stage.warmup)
    return stage.learning_rate * (LAST_RATE + (1 - LAST_RATE) * (1 + math.cos(math.pi * min(1.0, done))) / 2)


def _slots(rows: Sequence[Row], *, plan: TrainingPlan, stage: StagePlan, epoch: int) -> list[list[str]]:
    """Row keys of each step of one epoch; within a step, ordered by the same pseudo-random draw."""
    slots: list[list[tuple[int, str]]] = [[] for _ in range(stage.steps_per_epoch)]
    for row in rows:
        draw = hashlib.sha256(f"{plan.seed}|{stage.number}|{epoch}|{row.key}".encode()).digest()
        place, chance = int.from_bytes(draw[:8]), int.from_bytes(draw[8:16]) / 2**64
        if row.stage == stage.number or chance < stage.rehearsal:
            slots[place % stage.steps_per_epoch].append((place, row.key))
    return [[key for _, key in sorted(slot)] for slot in slots]
