"""What a model once said, kept as soft targets: the likeliest tokens of each position and the mass of all others.

Computed once and never again: research code runs the reference model at every step for the same rows. Only answer
positions are kept, so that no prompt or pad token is ever taught.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from unlearning.batches import alike, answer_logits, collate
from unlearning.tokens import Encoded

TOP = 128  # tokens kept of each position
ROOM = 1 << 26  # numbers that whole distributions may take at once: 256 MiB
LEAST = 1e-7  # mass of all others below which it counts as this


@dataclass(frozen=True)
class Soft:
    """Token numbers and log-probabilities `(tokens, top)`, and the log of the mass of all others `(tokens,)`."""

    ids: Any
    logs: Any
    rest: Any


def soften(logs: Any, targets: Any, *, top: int = TOP) -> Soft:
    """Keep the likeliest tokens of `logs` `(tokens, vocabulary)`, and always the one in `targets` `(tokens,)`."""
    favoured = logs.scatter(1, targets[:, None], float("inf"))
    ids = favoured.topk(min(top, logs.shape[1]), dim=1).indices
    kept = logs.gather(1, ids)
    return Soft(ids, kept, _others(kept))


def join(parts: Sequence[Soft]) -> Soft:
    """Several rows' targets, one after the other."""
    return Soft(*(torch.cat([getattr(part, name) for part in parts]) for name in ("ids", "logs", "rest")))


def divergence(logits: Any, soft: Soft) -> Any:
    """KL(soft ‖ softmax(logits)) of each position, in nats: `(tokens,)`."""
    logs = torch.log_softmax(logits, dim=-1).gather(1, soft.ids)
    told = (soft.logs.exp() * (soft.logs - logs)).sum(dim=1)
    return told + soft.rest.exp() * (soft.rest - _others(logs))


def tilted(logs: Any, targets: Any, aim: float) -> Any:
    """`logs` with the odds of `targets` changed by one factor everywhere, so that their log-probabilities sum to `aim`.

    Both shapes as in `soften`; the sum falls as the factor falls, so bisection finds it.
    """
    own = logs.double().gather(1, targets[:, None])[:, 0].clamp(max=-1e-9)
    low, high = -60.0, 60.0
    for _ in range(50):
        middle = (low + high) / 2
        reached = own + middle - torch.logaddexp(torch.log(-torch.expm1(own)), own + middle)
        low, high = (middle, high) if float(reached.sum()) < aim else (low, middle)
    push = torch.full((len(targets), 1), low, dtype=torch.double)
    return torch.log_softmax(logs.double().scatter_add(1, targets[:, None], push), dim=-1).to(logs)


def remember(model: Any, rows: Sequence[Encoded]) -> list[Soft]:
    """What the model says now at the answer positions of each row."""
    found: dict[int, Soft] = {}
    longest = max((len(row.ids) - row.start for row in rows), default=1)
    size = max(1, min(64, ROOM // (longest * model.get_output_embeddings().weight.shape[0])))
    with torch.no_grad():
        for group in alike(model, rows, size=size):
            batch = collate([rows[index] for index in group])
            logs = torch.log_softmax(answer_logits(model, batch).float(), dim=-1)
            for place, index in enumerate(group):
                mine = batch.owner == place
                found[index] = soften(logs[mine], batch.targets[mine])
    return [found[index] for index in range(len(rows))]


def _others(logs: Any) -> Any:
    """Log of the mass that the kept tokens leave to all others."""
    return (1 - logs.exp().sum(dim=1)).clamp_min(LEAST).log()
