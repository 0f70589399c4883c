"""SimNPO: negative preference without a reference, each answer's loss divided by its length (arXiv 2410.07163)."""

from __future__ import annotations

from typing import Any

import torch

from unlearning.batches import losses_of_each
from unlearning.methods import Method, Turn
from unlearning.methods.npo import per_row

BETA, DELTA, WEIGHT = 2.5, 0.0, 1.0


def preference(mean_losses: Any, *, beta: float = BETA, delta: float = DELTA) -> Any:
    """-(2/β) mean log σ(β (NLL / length - δ)) over answers; `mean_losses` are nats a token: `(row,)`."""
    return -(2 / beta) * torch.nn.functional.logsigmoid(beta * (mean_losses - delta)).mean()


def loss(turn: Turn) -> Any:
    """The preference over forget answers, plus mean retain loss."""
    losses, kept = losses_of_each(turn.model, turn.forget, turn.retain)
    lengths = per_row(torch.ones_like(losses), turn.forget)
    return WEIGHT * preference(per_row(losses, turn.forget) / lengths) + kept.mean()


METHOD = Method(loss, rounds=40, forget_steps=1, source="arXiv 2410.07163")
