"""Low-rank adapters (LoRA, arXiv 2106.09685): train few weights beside a frozen model, then fold them in."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import torch


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
