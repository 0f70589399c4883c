"""Thirty harmless fine-tuning steps: suppressed knowledge comes back, removed knowledge does not (arXiv 2406.13356)."""

from __future__ import annotations

import copy
import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from unlearning.batches import collate, token_losses
from unlearning.tokens import encode
from unlearning.types import Row
from unlearning.unlearn import descend

if TYPE_CHECKING:
    from unlearning.examined import Examined

STEPS, ROWS, LEARNING_RATE = 30, 25, 5e-4


def attack(examined: Examined, *, benign: Sequence[Row]) -> Examined:
    """A copy of the model, fine-tuned on other people's rows."""
    model, draw = copy.deepcopy(examined.model), random.Random(examined.seed)
    rows = encode(examined.tokenizer, benign)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=0.0, fused=True)
    torch.manual_seed(examined.seed)
    model.train()
    for _ in range(STEPS if rows else 0):
        batch = collate(draw.sample(rows, min(ROWS, len(rows))))
        descend(token_losses(model, batch).mean(), model=model, optimizer=optimizer, doing="attacking")
    return examined.with_model(model.eval())
