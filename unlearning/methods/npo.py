"""Negative preference optimization: push forget answers below the original, ever more gently (arXiv 2404.05868).

The original's losses are computed once, before the first step.
"""

from __future__ import annotations

from typing import Any

import torch

from unlearning.batches import Batch, losses_of_each
from unlearning.methods import Method, Turn

BETA = 0.1


def preference(rise: Any, *, beta: float = BETA) -> Any:
    """-(2/β) mean log σ(β rise), where `rise` `(row,)` is how far each answer's NLL is above the original's."""
    return -(2 / beta) * torch.nn.functional.logsigmoid(beta * rise).mean()


def loss(turn: Turn) -> Any:
    """The preference over forget answers, plus mean retain loss."""
    gone, kept = losses_of_each(turn.model, turn.forget, turn.retain)
    return preference(per_row(gone - turn.reference, turn.forget)) + kept.mean()


def per_row(values: Any, batch: Batch) -> Any:
    """Sums over each row's answer tokens: `(row,)`."""
    return values.new_zeros(len(batch.ids)).index_add(0, batch.owner, values)


METHOD = Method(loss, rounds=40, forget_steps=1, source="arXiv 2404.05868")
