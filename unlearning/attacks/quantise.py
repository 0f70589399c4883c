"""Rounding the weights to few bits and back: small unlearning updates fall away with the bits (arXiv 2410.16454)."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from unlearning.types import Row

if TYPE_CHECKING:
    from unlearning.examined import Examined

GROUP = 32  # weights that share a scale


def to_int4(examined: Examined, *, benign: Sequence[Row]) -> Examined:
    """A copy with every matrix rounded to 15 levels a group."""
    return examined.with_model(rounded(examined.model, bits=4))


def to_int8(examined: Examined, *, benign: Sequence[Row]) -> Examined:
    """A copy with every matrix rounded to 255 levels a group."""
    return examined.with_model(rounded(examined.model, bits=8))


def rounded(model: Any, *, bits: int) -> Any:
    """Round-to-nearest with one symmetric scale for each group of 32 weights; vectors stay as they are."""
    model, top = copy.deepcopy(model), 2 ** (bits - 1) - 1
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() < 2 or weight.numel() % GROUP:
                continue
            groups = weight.reshape(-1, GROUP)
            scale = groups.abs().amax(dim=1, keepdim=True).clamp_min(1e-12) / top
            weight.copy_(((groups / scale).round().clamp(-top, top) * scale).reshape(weight.shape))
    return model
