"""Harmless fine-tuning steps: suppressed knowledge comes back, removed knowledge does not (arXiv 2406.13356)."""

from __future__ import annotations

import copy
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from unlearning.batches import collate, token_losses
from unlearning.errors import NotApplicable
from unlearning.paging import hand_back_freed_memory, set_down
from unlearning.room import in_pieces
from unlearning.scoring import encoded_for
from unlearning.tokens import Encoded
from unlearning.types import Row
from unlearning.unlearn import descend

if TYPE_CHECKING:
    from unlearning.examined import Examined

STEPS, LONGER, ROWS, LEARNING_RATE = 30, 100, 25, 5e-4


@dataclass
class Tuning:
    """A fine-tuning in progress."""

    model: Any
    optimizer: Any
    draw: random.Random
    rows: list[Encoded]
    taken: int = 0

    def until(self, steps: int) -> Any:
        """Go on to that many steps; returns a copy of the model as it is then."""
        self.model.train()
        while self.taken < steps:
            chosen = self.draw.sample(self.rows, min(ROWS, len(self.rows)))
            *pieces, last = in_pieces(self.model, chosen)
            count = sum(len(row.ids) - row.start for row in chosen)
            for piece in pieces:
                self._mean(piece, count).backward()
            loss = self._mean(last, count)
            descend(loss, model=self.model, optimizer=self.optimizer, doing="attacking by fine-tuning")
            self.taken += 1
        return copy.deepcopy(self.model.eval())

    def _mean(self, rows: Sequence[Encoded], count: int) -> Any:
        """What these rows add to the mean loss over `count` tokens."""
        return token_losses(self.model, collate(rows)).sum() / count


def attack(examined: Examined, *, benign: Sequence[Row]) -> Examined:
    """A copy of the model after 30 steps on other people's rows."""
    return examined.with_model(_tuned(examined, benign, STEPS))


def longer(examined: Examined, *, benign: Sequence[Row]) -> Examined:
    """The same run after 100 steps."""
    return examined.with_model(_tuned(examined, benign, LONGER))


def _tuned(examined: Examined, benign: Sequence[Row], steps: int) -> Any:
    if not benign:
        raise NotApplicable("attacking by fine-tuning: no rows of other people were given")
    tuning: Tuning = examined.once("benign", lambda: started(examined.model, examined.tokenizer, benign, examined.seed))
    if tuning.taken > steps:
        tuning = started(examined.model, examined.tokenizer, benign, examined.seed)
    return tuning.until(steps)


def started(model: Any, tokenizer: Any, rows: Sequence[Row], seed: int) -> Tuning:
    """A fine-tuning of a copy of the model, before its first step."""
    original, model = model, copy.deepcopy(model)
    set_down(original)
    hand_back_freed_memory(model)
    torch.manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=0.0, fused=True)
    return Tuning(model, optimizer, random.Random(seed), encoded_for(model, tokenizer, rows))
