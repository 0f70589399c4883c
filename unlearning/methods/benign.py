"""Add-on: each forget step is taken where harmless fine-tuning would lead (first-order; after TAR, arXiv 2408.00761).

A few steps on retain rows are simulated, the loss is descended there, and the result is applied to the weights as they
are: what such steps would bring back is pushed away before they are taken.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from unlearning.methods import Method, Turn, retain_loss
from unlearning.methods.elsewhere import at, gradients

STEPS, LENGTH = 2, 5e-4  # simulated steps, and how far each moves a weight


def drift(turn: Turn) -> dict[str, Any]:
    """Where `STEPS` steps of sign descent on the retain rows lead, from the weights as they are."""
    shift: dict[str, Any] = {}
    for _ in range(STEPS):
        found = gradients(turn.model, at(turn.model, shift, lambda: retain_loss(turn)) if shift else retain_loss(turn))
        shift = {name: shift.get(name, 0.0) - LENGTH * grad.sign() for name, grad in found.items()}
    return shift


def add(method: Method) -> Method:
    """The method with its forget steps taken after simulated fine-tuning."""

    def loss(turn: Turn) -> Any:
        return at(turn.model, drift(turn), lambda: method.loss(turn))

    return replace(method, loss=loss)
