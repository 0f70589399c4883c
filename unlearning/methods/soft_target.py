"""Soft-target ascent (BS-T, arXiv 2510.19422): ascend on what the model itself would say, not on one answer alone.

The target mixes the true token with the model's own likeliest tokens, so that probability cannot slide from the true
answer to its nearest paraphrase.
"""

from __future__ import annotations

from typing import Any

import torch

from unlearning.batches import logits_of_each, losses_in
from unlearning.methods import Method, Turn

SHARE, TOP = 0.5, 10


def soft_targets(logits: Any, targets: Any, *, share: float = SHARE, top: int = TOP) -> Any:
    """λ · (the model's distribution over its `top` likeliest tokens) + (1 - λ) · the true token; no gradient."""
    own = torch.softmax(logits.detach(), dim=-1)
    likeliest = own.topk(min(top, own.shape[1]), dim=1)
    kept = torch.zeros_like(own).scatter(1, likeliest.indices, likeliest.values)
    mixed = share * kept / kept.sum(dim=1, keepdim=True)
    return mixed.scatter_add(1, targets[:, None], mixed.new_full((len(targets), 1), 1 - share))


def loss(turn: Turn) -> Any:
    """Minus the cross-entropy with the soft targets, plus mean retain loss."""
    logits, kept = logits_of_each(turn.model, turn.forget, turn.retain)
    told = soft_targets(logits, turn.forget.targets) * torch.log_softmax(logits, dim=-1)
    return told.sum(dim=1).mean() + losses_in(kept, turn.retain).mean()


METHOD = Method(loss, rounds=40, forget_steps=1, source="arXiv 2510.19422")
