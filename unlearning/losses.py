"""Cross-entropy whose powers of e are taken once for both ways; they cost as much as all else here together."""

from __future__ import annotations

from typing import Any

import torch
from torch.autograd.function import once_differentiable


class Losses(torch.autograd.Function):
    """Cross-entropy of logits `(tokens, vocabulary)` and targets `(tokens,)`, in nats: `(tokens,)`."""

    @staticmethod
    def forward(ctx: Any, logits: Any, targets: Any) -> Any:
        top, chosen = logits.amax(1, keepdim=True), targets[:, None]
        odds = (logits - top).exp_()
        total = odds.sum(1, keepdim=True)
        ctx.save_for_backward(odds, total, chosen)
        return (total.log() + (top - logits.gather(1, chosen)))[:, 0]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Any) -> tuple[Any, None]:
        odds, total, chosen = ctx.saved_tensors
        return (odds * (grad[:, None] / total)).scatter_add_(1, chosen, -grad[:, None]), None
