"""Gradient ascent on the forget rows alone: the oldest baseline (arXiv 2210.01504). It ends in babble if it goes on."""

from __future__ import annotations

from typing import Any

from unlearning.batches import token_losses
from unlearning.methods import Method, Turn


def loss(turn: Turn) -> Any:
    """Minus the mean forget loss."""
    return -token_losses(turn.model, turn.forget).mean()


METHOD = Method(loss, rounds=20, forget_steps=1, learning_rate=2e-4, source="arXiv 2210.01504")
