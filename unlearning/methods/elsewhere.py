"""The gradient at other weights, as a loss at these: what sharpness, rounding and simulated attacks have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from unlearning.processes import averaged


def trainable(model: Any) -> dict[str, Any]:
    """The weights that may change, by name."""
    return {name: weight for name, weight in model.named_parameters() if weight.requires_grad}


def gradients(model: Any, loss: Any) -> dict[str, Any]:
    """Gradient of `loss` for each weight that takes part in it."""
    weights = trainable(model)
    found = torch.autograd.grad(loss, list(weights.values()), allow_unused=True)
    return averaged({name: grad for name, grad in zip(weights, found, strict=True) if grad is not None})


def at(model: Any, shift: Mapping[str, Any], loss: Callable[[], Any]) -> Any:
    """A number equal to `loss()` with `shift` added to the weights, whose gradient is the one found there.

    The weights are put back, to the bit, before it returns.
    """
    weights = trainable(model)
    before = {name: weights[name].detach().clone() for name in shift}
    _place(weights, {name: before[name] + shift[name] for name in shift})
    try:
        value = loss()
        found = gradients(model, value)
    finally:
        _place(weights, before)
    carried = [((weights[name] - weights[name].detach()) * grad).sum() for name, grad in found.items()]
    return value.detach() + torch.stack(carried).sum()


def _place(weights: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    with torch.no_grad():
        for name, value in values.items():
            weights[name].copy_(value)
