"""Rounding the weights to few bits and back: small unlearning updates fall away with the bits (arXiv 2410.16454)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from scipy import stats

from unlearning.types import Row

if TYPE_CHECKING:
    from unlearning.examined import Examined

GROUP = 32  # weights that share a scale
PIECE = 1 << 18  # groups that are rounded to a codebook at once
Round = Callable[[Any], Any]  # groups `(group, GROUP)` of weights to the same, rounded


def to_int4(examined: Examined, *, benign: Sequence[Row]) -> Examined:
    """A copy with every matrix rounded to 15 levels a group."""
    return examined.with_model(rounded(examined.model, bits=4))


def to_int8(examined: Examined, *, benign: Sequence[Row]) -> Examined:
    """A copy with every matrix rounded to 255 levels a group."""
    return examined.with_model(rounded(examined.model, bits=8))


def to_nf4(examined: Examined, *, benign: Sequence[Row]) -> Examined:
    """A copy with every matrix rounded to 16 levels a group that lie as a normal distribution's quantiles do."""
    return examined.with_model(_each(examined.model, _to_levels))


def rounded(model: Any, *, bits: int) -> Any:
    """Round-to-nearest with one symmetric scale for each group of 32 weights; vectors stay as they are."""
    top = 2 ** (bits - 1) - 1

    def to_grid(groups: Any) -> Any:
        scale = groups.abs().amax(dim=1, keepdim=True).clamp_min(1e-12) / top
        return (groups / scale).round().clamp(-top, top) * scale

    return _each(model, to_grid)


def _each(model: Any, change: Round) -> Any:
    model = copy.deepcopy(model)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() >= 2 and weight.numel() % GROUP == 0:
                weight.copy_(change(weight.reshape(-1, GROUP)).reshape(weight.shape))
    return model


def levels() -> Any:
    """Sixteen levels from -1 to 1 with 0 among them: quantiles of the normal distribution (arXiv 2305.14314)."""
    offset = 1 - 1 / 2 * (1 / 30 + 1 / 32)
    down = stats.norm.ppf([offset + (0.5 - offset) * step / 7 for step in range(7)])
    up = stats.norm.ppf([offset + (0.5 - offset) * step / 8 for step in range(8)])
    found = torch.tensor([*(-value for value in down), 0.0, *up[::-1]], dtype=torch.float32)
    return found / found.abs().max()


def _to_levels(groups: Any) -> Any:
    table = levels()
    edges = (table[1:] + table[:-1]) / 2
    scale = groups.abs().amax(dim=1, keepdim=True).clamp_min(1e-12)
    done = [table[torch.bucketize(part, edges)] for part in (groups / scale).split(PIECE)]
    return torch.cat(done) * scale
