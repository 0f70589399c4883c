"""Add-on: sharpness-aware steps (SAM, arXiv 2010.01412; with unlearning losses, arXiv 2502.05374).

The loss is descended at the worst weights within ρ, so that small later changes do not undo what was done. Costs twice
the passes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from unlearning.methods import Method, Turn
from unlearning.methods.elsewhere import at, gradients

RADIUS = 0.05


def ascent(found: dict[str, Any], *, radius: float = RADIUS) -> dict[str, Any]:
    """ρ g / ‖g‖ over all weights together."""
    norm = torch.stack([grad.square().sum() for grad in found.values()]).sum().sqrt().clamp_min(1e-12)
    return {name: radius * grad / norm for name, grad in found.items()}


def add(method: Method) -> Method:
    """The method with its forget steps taken at the worst weights nearby."""

    def loss(turn: Turn) -> Any:
        shift = ascent(gradients(turn.model, method.loss(turn)))
        return at(turn.model, shift, lambda: method.loss(turn))

    return replace(method, loss=loss)
