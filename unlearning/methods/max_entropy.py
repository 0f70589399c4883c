"""Maximum entropy: on forget answers every token becomes equally likely (ME, arXiv 2410.08109)."""

from __future__ import annotations

import math
from typing import Any

import torch

from unlearning.batches import answer_logits
from unlearning.methods import Method, Turn, retain_loss


def from_uniform(logits: Any) -> Any:
    """KL(uniform ‖ softmax(logits)) of each position, in nats: `(tokens,)`."""
    return -torch.log_softmax(logits, dim=-1).mean(dim=-1) - math.log(logits.shape[-1])


def loss(turn: Turn) -> Any:
    """Mean divergence from the uniform distribution on forget answers, plus mean retain loss."""
    return from_uniform(answer_logits(turn.model, turn.forget)).mean() + retain_loss(turn)


METHOD = Method(loss, rounds=40, forget_steps=1, source="arXiv 2410.08109", watched=False)
