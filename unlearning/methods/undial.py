"""UNDIAL: distil from the original with the true token's logit pushed down (arXiv 2402.10052).

Only answer positions are taught, and the original's logits are computed once. The paper has no retain term; ours has,
because without one the other people's answers go too.
"""

from __future__ import annotations

from typing import Any

import torch

from unlearning.batches import answer_logits, collate, logits_of_each, losses_in
from unlearning.methods import Material, Method, Turn
from unlearning.methods.soft import Soft, divergence, join, soften

BETA = 10.0


def lowered(logits: Any, targets: Any, *, beta: float = BETA) -> Any:
    """Log-probabilities of softmax(z - β e_y): `(tokens, vocabulary)`."""
    push = torch.zeros_like(logits).scatter_(1, targets[:, None], beta)
    return torch.log_softmax(logits - push, dim=-1)


def prepare(material: Material) -> list[Soft]:
    """The lowered targets of each forget row."""
    found = []
    with torch.no_grad():
        for row in material.forget:
            batch = collate([row])
            found.append(soften(lowered(answer_logits(material.model, batch), batch.targets), batch.targets))
    return found


def loss(turn: Turn) -> Any:
    """KL to the lowered targets on forget answers (cross-entropy but for a constant), plus mean retain loss."""
    told = join([turn.memory[index] for index in turn.chosen])
    gone, kept = logits_of_each(turn.model, turn.forget, turn.retain)
    return divergence(gone, told).mean() + losses_in(kept, turn.retain).mean()


METHOD = Method(loss, rounds=40, forget_steps=1, prepare=prepare, source="arXiv 2402.10052", watched=False)
