"""Maximum entropy: on forget answers every token becomes equally likely (ME, arXiv 2410.08109)."""

from __future__ import annotations

import math
from typing import Any

import torch

from unlearning.batches import logits_of_each, losses_in
from unlearning.methods import Method, Turn


def from_uniform(logits: Any) -> Any:
    """KL(uniform ‖ softmax(logits)) of each position, in nats: `(tokens,)`."""
    return -torch.log_softmax(logits, dim=-1).mean(dim=-1) - math.log(logits.shape[-1])


def loss(turn: Turn) -> Any:
    """Mean divergence from the uniform distribution on forget answers, plus mean retain loss."""
    gone, kept = logits_of_each(turn.model, turn.forget, turn.retain)
    return from_uniform(gone).mean() + losses_in(kept, turn.retain).mean()


METHOD = Method(loss, rounds=40, forget_steps=1, source="arXiv 2410.08109", watched=False)
