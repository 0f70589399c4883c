"""MEMIT: all facts at once, spread over several layers: Δ = R Kᵀ (λC + K Kᵀ)⁻¹ (arXiv 2210.07229).

R is what is still missing of the wanted vectors, shared evenly among the layers that are left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from unlearning.editing.facts import Fact
from unlearning.editing.layers import matrix, second_matrices
from unlearning.editing.values import keys_at, vectors_for

WEIGHT = 0.02  # of the covariance: how much other text is protected


def edit(model: Any, facts: Sequence[Fact], *, layers: Sequence[int], spread: Callable[[Any], Any]) -> None:
    """Change `layers` of `model` in place; `spread(module)` is the covariance of a layer's keys."""
    modules = second_matrices(model)
    for place, layer in enumerate(layers):
        module = modules[layer]
        # What the last layer still lacks, found anew after each change, as earlier layers have shifted it.
        missing = vectors_for(model, modules[layers[-1]], facts).double()  # (fact, outer)
        share = missing / (len(layers) - place)
        keys = keys_at(model, module, facts).double()  # (fact, inner)
        middle = WEIGHT * len(facts) * spread(module) + keys.t() @ keys
        with torch.no_grad():
            update = torch.linalg.solve(middle, keys.t() @ share).t()  # (outer, inner)
            matrix(module).add_(update.to(torch.float32))
