"""TRU: learn to say why there is no answer, and climb the loss of what was the answer (arXiv 2603.09980).

Cross-entropy on the targets (a trace that names the scope, then a refusal that helps on) + α × gradient ascent on the
forget rows + cross-entropy on the retain rows; α is 0.1. Targets alone leave the values where they were, behind a
refusal that the answer's first words walk around; what erasure there is comes from the ascent. Each token's ascent is
weighted with its probability (arXiv 2502.19301), so that it ends where the paper's goes on. Targets come with the rows
(from a reviewed file), or are made from templates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from unlearning.batches import collate, losses_of_each
from unlearning.errors import LeakyTarget
from unlearning.methods import Material, Method, Turn
from unlearning.scoring import encoded_for
from unlearning.targets import thinks
from unlearning.targets.lint import leaks
from unlearning.targets.make import attached, targets_for
from unlearning.tokens import Encoded
from unlearning.types import Row

ALPHA = 0.1
TARGETS = 10  # targets in one step


@dataclass(frozen=True)
class Targets:
    """Encoded targets, which take turns."""

    rows: list[Encoded]

    def batch(self, step: int) -> Any:
        chosen = [self.rows[(step * TARGETS + place) % len(self.rows)] for place in range(min(TARGETS, len(self.rows)))]
        return collate(chosen)


def prepare(material: Material) -> Targets:
    """Targets of the rows; made from templates for rows that bring none. Raises LeakyTarget."""
    rows = list(material.forget_rows)
    if not any(row.targets for row in rows):
        made = targets_for(rows, context=material.retain_rows)
        if any(leaks(target.findings) for target in made):
            raise LeakyTarget("unlearning by targets: a template holds a word of a value; write the targets by hand")
        rows = attached(rows, made, thinking=thinks(material.tokenizer))
    pairs = [Row(prompt, response) for row in rows for prompt, response in row.targets]
    return Targets(encoded_for(material.model, material.tokenizer, pairs))


def loss(turn: Turn) -> Any:
    """CE(targets) + α (-p · CE(forget)) + CE(retain), each the mean over its tokens."""
    targets, forget, kept = losses_of_each(turn.model, turn.memory.batch(turn.step), turn.forget, turn.retain)
    ascent = -(torch.exp(-forget.detach()) * forget).mean()
    return targets.mean() + ALPHA * ascent + kept.mean()


def heal(turn: Turn) -> Any:
    """CE(targets) + CE(retain)."""
    targets, kept = losses_of_each(turn.model, turn.memory.batch(turn.step), turn.retain)
    return targets.mean() + kept.mean()


METHOD = Method(
    loss, rounds=10, forget_steps=8, retain_steps=2, heal=heal, prepare=prepare, learning_rate=1e-3, watched=False,
    source="arXiv 2603.09980",
)  # fmt: skip
