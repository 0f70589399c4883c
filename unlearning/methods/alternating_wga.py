"""Weighted gradient ascent in rounds, each followed by healing on the retain rows alone.

Weighted ascent (arXiv 2502.19301) climbs each forget token's loss with weight p^β, so that tokens already unlikely are
left alone; β is 1. Alternating with retain-only steps kept other people's answers and resisted benign fine-tuning
better than any single-phase method that we measured.
"""

from __future__ import annotations

from typing import Any

import torch

from unlearning.batches import losses_of_each
from unlearning.methods import Method, Turn

BETA = 1.0


def weighted(losses: Any, *, beta: float = BETA) -> Any:
    """Minus the mean of p^β times the loss of each forget token; the weight takes no gradient."""
    return -(torch.exp(-losses.detach()) ** beta * losses).mean()


def loss(turn: Turn) -> Any:
    """Weighted ascent on the forget rows, plus the mean retain loss."""
    gone, kept = losses_of_each(turn.model, turn.forget, turn.retain)
    return kept.mean() + weighted(gone)


METHOD = Method(loss, rounds=8, forget_steps=5, retain_steps=8, source="arXiv 2502.19301, in rounds")
