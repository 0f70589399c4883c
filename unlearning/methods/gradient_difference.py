"""Gradient difference: climb the loss of the forget rows, descend that of the retain rows (arXiv 2203.12817).

A baseline: the forget loss has no bound, so that it ends in babble when it goes on for long.
"""

from __future__ import annotations

from typing import Any

from unlearning.batches import token_losses
from unlearning.methods import Method, Turn, retain_loss


def loss(turn: Turn) -> Any:
    """Mean retain loss minus mean forget loss."""
    return retain_loss(turn) - token_losses(turn.model, turn.forget).mean()


METHOD = Method(loss, rounds=40, forget_steps=1, source="arXiv 2203.12817")
