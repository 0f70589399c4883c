"""Add-on: straight-through rounding to four bits, so that what is forgotten stays so in a quantised copy.

The loss is taken at the rounded weights and descended at the full ones (after DurableUn-SAF, arXiv 2605.02196, and
QUAIL, arXiv 2601.15538).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from unlearning.methods import Method, Turn
from unlearning.methods.elsewhere import at, trainable

GROUP, TOP = 32, 7  # weights that share a scale, largest level


def rounding(weight: Any) -> Any:
    """How far each weight is from the nearest of its group's fifteen levels."""
    groups = weight.detach().reshape(-1, GROUP)
    scale = groups.abs().amax(dim=1, keepdim=True).clamp_min(1e-12) / TOP
    return ((groups / scale).round().clamp(-TOP, TOP) * scale - groups).reshape(weight.shape)


def add(method: Method) -> Method:
    """The method with its forget steps taken at the weights as four bits would hold them."""

    def loss(turn: Turn) -> Any:
        weights = trainable(turn.model).items()
        shift = {name: rounding(weight) for name, weight in weights if weight.dim() > 1 and not weight.numel() % GROUP}
        return at(turn.model, shift, lambda: method.loss(turn))

    return replace(method, loss=loss)
