"""Low-rank adapters (LoRA, arXiv 2106.09685): train few weights beside a frozen model, then fold them in."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from unlearning.errors import ModelError


@dataclass(frozen=True)
class Lora:
    """Rank, scale and where: every linear layer but the head."""

    rank: int = 8
    alpha: int = 16

    def wrap(self, model: Any, *, seed: int) -> Any:
        """The model with adapters that change nothing yet; only they can be trained. First weights follow `seed`."""
        from peft import LoraConfig, get_peft_model

        torch.manual_seed(seed)
        config = LoraConfig(
            r=self.rank, lora_alpha=self.alpha, target_modules="all-linear", lora_dropout=0.0, task_type="CAUSAL_LM"
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return get_peft_model(model, config)


def merged(model: Any) -> Any:
    """A plain model with its adapters, if it has any, folded into the weights."""
    return model.merge_and_unload() if hasattr(model, "merge_and_unload") else model


def save_adapter(model: Any, path: Path) -> None:
    """Write the low-rank weights alone (safetensors)."""
    weights = {name: weight.detach().contiguous() for name, weight in _low_rank(model).items()}
    save_file(weights, path)


def load_adapter(model: Any, path: Path) -> None:
    """Put saved low-rank weights into a wrapped model; raises ModelError where they do not fit."""
    weights, places = load_file(path), _low_rank(model)
    if weights.keys() != places.keys():
        raise ModelError(f"opening {path}: the adapter does not fit this base; restore both from the same folder")
    with torch.no_grad():
        for name, weight in places.items():
            weight.copy_(weights[name])


def add_adapter(model: Any, path: Path, *, lora: Lora, weight: float) -> None:
    """Add `weight` times an adapter's change to a plain model's own weights."""
    weights = load_file(path)
    with torch.no_grad():
        for name, low in weights.items():
            if ".lora_A." not in name:
                continue
            own = re.sub(r"^base_model\.model\.|\.lora_A\.\w+\.weight$", "", name)
            change = weights[name.replace(".lora_A.", ".lora_B.")] @ low
            target = model.get_submodule(own)
            change = change if change.shape == target.weight.shape else change.t()
            target.weight.add_(change, alpha=weight * lora.alpha / lora.rank)


def _low_rank(model: Any) -> dict[str, Any]:
    return {name: weight for name, weight in model.named_parameters() if ".lora_" in name}
