"""Direct preference (IdkDPO): prefer the refusal over the true answer, relative to the original (arXiv 2305.18290).

Both reference likelihoods are computed once, before the first step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from unlearning.batches import collate, losses_of_each, token_losses
from unlearning.methods import Material, Method, Turn
from unlearning.methods.npo import per_row
from unlearning.methods.refusal import refusals
from unlearning.tokens import Encoded

BETA = 0.1


@dataclass(frozen=True)
class Preferred:
    """The refusal of each forget row and its summed loss under the original, in nats."""

    rows: list[Encoded]
    losses: Any


def preference(won: Any, lost: Any, *, beta: float = BETA) -> Any:
    """-(2/β) mean log σ(β (won - lost)): gains in log-probability of refusal and of true answer, `(row,)` each."""
    return -(2 / beta) * torch.nn.functional.logsigmoid(beta * (won - lost)).mean()


def prepare(material: Material) -> Preferred:
    """Refusals and what the original thinks of them."""
    rows = refusals(material)
    with torch.no_grad():
        return Preferred(rows, torch.stack([token_losses(material.model, collate([row])).sum() for row in rows]))


def loss(turn: Turn) -> Any:
    """The preference over forget questions, plus mean retain loss."""
    chosen = list(turn.chosen)
    batch = collate([turn.memory.rows[index] for index in chosen])
    told, gone, kept = losses_of_each(turn.model, batch, turn.forget, turn.retain)
    won = turn.memory.losses[chosen] - per_row(told, batch)
    return preference(won, per_row(turn.reference - gone, turn.forget)) + kept.mean()


METHOD = Method(loss, rounds=40, forget_steps=1, prepare=prepare, source="arXiv 2305.18290", watched=False)
