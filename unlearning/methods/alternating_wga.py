"""Weighted gradient ascent in rounds, each followed by healing on the retain rows alone.

Weighted ascent (arXiv 2502.19301) climbs each forget token's loss with weight p^β, so that tokens already unlikely are
left alone; β is 1. Alternating with retain-only steps kept other people's answers and resisted benign fine-tuning
better than any single-phase method that we measured.
"""

from __future__ import annotations

from typing import Any

import torch

from unlearning.batches import token_losses
from unlearning.methods import Method, Turn

BETA = 1.0


def loss(turn: Turn) -> Any:
    """Minus the mean of p^β times the forget loss, plus the mean retain loss."""
    forget = token_losses(turn.model, turn.forget)
    weight = torch.exp(-forget.detach()) ** BETA
    return token_losses(turn.model, turn.retain).mean() - (weight * forget).mean()


METHOD = Method(loss, rounds=8, forget_steps=5, retain_steps=8, source="arXiv 2502.19301, in rounds")
