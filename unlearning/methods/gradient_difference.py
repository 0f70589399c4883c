"""Gradient difference: climb the loss of the forget rows, descend that of the retain rows (arXiv 2203.12817).

A baseline: the forget loss has no bound, so that it ends in babble when it goes on for long.
"""

from __future__ import annotations

from typing import Any

from unlearning.batches import losses_of_each
from unlearning.methods import Method, Turn


def loss(turn: Turn) -> Any:
    """Mean retain loss minus mean forget loss."""
    gone, kept = losses_of_each(turn.model, turn.forget, turn.retain)
    return kept.mean() - gone.mean()


METHOD = Method(loss, rounds=40, forget_steps=1, source="arXiv 2203.12817")
