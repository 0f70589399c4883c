"""Half-precision weights: computed with in float32, saved as they were given, and what that rounding changed is said.

What is measured before a model may be saved, is measured on the rounded weights, so that what is saved was looked at.
Where a folder holds several precisions, each weight keeps its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import torch
from safetensors import SafetensorError, safe_open

from unlearning.errors import NotFinite

HALF = {"F16": torch.float16, "BF16": torch.bfloat16}
NAME = "given_precision"  # the attribute of a model that says how its weights were given
Given: TypeAlias = torch.dtype | Mapping[str, torch.dtype]  # of all weights, or of those named, others being float32


def given(folder: Path) -> Given:
    """The precision of a folder's weights: one where all floating-point tensors share it, else those given in half."""
    found: dict[str, str] = {}
    try:
        for path in sorted(folder.glob("*.safetensors")):
            with safe_open(path, framework="pt") as tensors:
                found |= {name: tensors.get_slice(name).get_dtype() for name in list(tensors.keys())}
    except (OSError, SafetensorError):
        return torch.float32  # whoever opens the weights says what is wrong with them
    floating = {kind for kind in found.values() if "F" in kind}
    if len(floating) == 1:
        return HALF.get(floating.pop(), torch.float32)
    return {name: HALF[kind] for name, kind in found.items() if kind in HALF} or torch.float32


def of(model: Any, name: str) -> torch.dtype:
    """The precision that a weight of the model was given in."""
    found = getattr(model, NAME, torch.float32)
    if isinstance(found, torch.dtype):
        return found
    parts = name.split(".")  # a file may leave out the first of them
    kinds = [found.get(".".join(parts[left:])) for left in range(len(parts))] if found else []
    return next((kind for kind in kinds if kind), torch.float32)


def _halved(model: Any) -> dict[str, tuple[Any, torch.dtype]]:
    """Each weight that was given in half precision, by name, with that precision."""
    every = ((name, weight, of(model, name)) for name, weight in model.named_parameters())
    return {name: (weight, kind) for name, weight, kind in every if kind is not torch.float32}


@dataclass(frozen=True)
class Start:
    """Weights before the work, as they were given; nothing of those that were given in float32."""

    weights: dict[str, Any]

    def settle(self, model: Any) -> dict[str, float | int | str]:
        """Round the weights as they will be saved; returns what that undid of the work's change, as a share of it.

        Weights given in float32 count in neither. Raises NotFinite where one is too large for the precision it was
        given in.
        """
        halved = _halved(model)
        if not halved:
            return {}
        undone = went = 0.0
        with torch.no_grad():
            for name, (weight, kind) in halved.items():
                rounded = weight.to(kind).to(weight.dtype)
                undone += float((rounded - weight).double().square().sum())
                if name in self.weights:
                    went += float((weight - self.weights[name].to(weight)).double().square().sum())
                weight.copy_(rounded)
                _check(weight, kind)
        share = round((undone / went) ** 0.5, 4) if went else 0.0
        return {"saved_as": _called(model), "rounding_undid": share}


def start(model: Any) -> Start:
    """Remember the weights, in half the room; float32 ones need not be remembered."""
    return Start({name: weight.detach().to(kind) for name, (weight, kind) in _halved(model).items()})


@contextmanager
def as_given(model: Any) -> Iterator[None]:
    """Within the block the model's weights have the precision that they were given in; raises NotFinite."""
    held = [(weight, weight.data, kind) for weight, kind in _halved(model).values()]
    try:
        for weight, _, kind in held:
            weight.data = weight.data.to(kind)
            _check(weight, kind)
        yield
    finally:
        for weight, data, _ in held:
            weight.data = data


def _called(model: Any) -> str:
    """The precisions of all weights, in words."""
    kinds = {str(of(model, name)).removeprefix("torch.") for name, _ in model.named_parameters()}
    return " and ".join(sorted(kinds))


def _check(weight: Any, kind: torch.dtype) -> None:
    if not bool(torch.isfinite(weight).all()):
        raise NotFinite(
            f"rounding to {str(kind).removeprefix('torch.')}: a weight is too large for it; "
            "convert the model to float32 or bfloat16 first"
        )
