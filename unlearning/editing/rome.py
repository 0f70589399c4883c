"""ROME: one layer, one fact after the other, each a rank-one change: W' = W + Λ (C⁻¹k)ᵀ (arXiv 2202.05262)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from unlearning.editing.facts import Fact
from unlearning.editing.layers import matrix, second_matrices
from unlearning.editing.values import keys_at, vectors_for


def edit(model: Any, facts: Sequence[Fact], *, layers: Sequence[int], spread: Callable[[Any], Any]) -> None:
    """Change one layer of `model` in place, the last of `layers`; `spread(module)` is the covariance of its keys."""
    module = second_matrices(model)[layers[-1]]
    inverse = torch.linalg.inv(spread(module))
    for fact in facts:
        key = keys_at(model, module, [fact])[0].double()
        change = vectors_for(model, module, [fact])[0].double()  # (outer,)
        direction = inverse @ key
        with torch.no_grad():
            update = torch.outer(change, direction / (direction @ key))
            matrix(module).add_(update.to(torch.float32))
