"""Negative preference optimization: push forget answers below the original, ever more gently (arXiv 2404.05868)."""

from __future__ import annotations

from typing import Any

import torch

from unlearning.batches import Batch, token_losses
from unlearning.methods import Method, Turn

BETA = 0.1


def loss(turn: Turn) -> Any:
    """-(2/β) mean log σ(β (NLL - NLL of the original)) over forget answers, plus mean retain loss."""
    rise = per_row(token_losses(turn.model, turn.forget) - turn.reference, turn.forget)
    forgetting = -(2 / BETA) * torch.nn.functional.logsigmoid(BETA * rise).mean()
    return forgetting + token_losses(turn.model, turn.retain).mean()


def per_row(values: Any, batch: Batch) -> Any:
    """Sums over each row's answer tokens: `(row,)`."""
    return torch.zeros(len(batch.ids)).index_add(0, batch.owner, values)


METHOD = Method(loss, rounds=40, forget_steps=1, source="arXiv 2404.05868")
