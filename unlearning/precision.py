"""Half-precision weights: computed with in float32, saved as they were given, and what that rounding changed is said.

What is measured before a model may be saved, is measured on the rounded weights, so that what is saved was looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from unlearning.errors import NotFinite

HALF = {"F16": torch.float16, "BF16": torch.bfloat16}
NAME = "given_precision"  # the attribute of a model that says how its weights were given


def given(folder: Path) -> torch.dtype:
    """The precision of a folder's weights: a half where all floating-point tensors have the same one, else float32."""
    found: set[str] = set()
    try:
        for path in sorted(folder.glob("*.safetensors")):
            with safe_open(path, framework="pt") as tensors:
                names = list(tensors.keys())
                found |= {tensors.get_slice(name).get_dtype() for name in names}
    except (OSError, SafetensorError):
        return torch.float32  # whoever opens the weights says what is wrong with them
    floating = {kind for kind in found if "F" in kind}
    return HALF.get(floating.pop(), torch.float32) if len(floating) == 1 else torch.float32


def of(model: Any) -> torch.dtype:
    """The precision that a model's weights were given in."""
    found = getattr(model, NAME, torch.float32)
    return found if isinstance(found, torch.dtype) else torch.float32


@dataclass(frozen=True)
class Start:
    """Weights before the work, as they were given; nothing where they were given in float32."""

    weights: dict[str, Any]

    def settle(self, model: Any) -> dict[str, float | int | str]:
        """Round the weights as they will be saved; returns what that undid of the work's change, as a share of it.

        Raises NotFinite where a weight is too large for the precision it was given in.
        """
        kind = of(model)
        if kind is torch.float32:
            return {}
        undone = went = 0.0
        with torch.no_grad():
            for name, weight in model.named_parameters():
                rounded = weight.to(kind).to(weight.dtype)
                undone += float((rounded - weight).double().square().sum())
                if name in self.weights:
                    went += float((weight - self.weights[name].to(weight)).double().square().sum())
                weight.copy_(rounded)
        _check(model, kind)
        share = round((undone / went) ** 0.5, 4) if went else 0.0
        return {"saved_as": _called(kind), "rounding_undid": share}


def start(model: Any) -> Start:
    """Remember the weights, in half the room; float32 ones need not be remembered."""
    kind = of(model)
    if kind is torch.float32:
        return Start({})
    return Start({name: weight.detach().to(kind) for name, weight in model.named_parameters()})


@contextmanager
def as_given(model: Any) -> Iterator[None]:
    """Within the block the model's weights have the precision that they were given in; raises NotFinite."""
    kind = of(model)
    if kind is torch.float32:
        yield
        return
    held = [(weight, weight.data) for weight in model.parameters()]
    try:
        for weight, _ in held:
            weight.data = weight.data.to(kind)
        _check(model, kind)
        yield
    finally:
        for weight, data in held:
            weight.data = data


def _called(kind: torch.dtype) -> str:
    return str(kind).removeprefix("torch.")


def _check(model: Any, kind: torch.dtype) -> None:
    if not all(bool(torch.isfinite(weight).all()) for weight in model.parameters()):
        raise NotFinite(
            f"rounding to {_called(kind)}: a weight is too large for it; convert the model to float32 or bfloat16 first"
        )
