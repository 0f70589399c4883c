"""JensUn: Jensen-Shannon divergence to a refusal on forget questions, to the original elsewhere (arXiv 2509.02820).

Bounded by log 2 on both sides, so that neither can run away. Like every refusal target it says nothing about the
value once the answer has begun.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from unlearning.batches import collate, logits_of_each
from unlearning.methods import Material, Method, Turn
from unlearning.methods.refusal import refusals
from unlearning.methods.soft import Soft, join, remember
from unlearning.tokens import Encoded

FORGET, RETAIN = 1.0, 1.0


@dataclass(frozen=True)
class Told:
    """The refusals of the forget rows, and what the original says on the retain rows."""

    refusals: list[Encoded]
    kept: list[Soft]


def to_token(logits: Any, targets: Any) -> Any:
    """JSD between softmax(logits) and one certain token, in nats: `(tokens,)`."""
    logs = torch.log_softmax(logits, dim=-1).gather(1, targets[:, None])[:, 0]
    p = logs.exp()
    # M is p/2 everywhere but at the token, where it is (1 + p)/2.
    middle = torch.log((1 + p) / 2)
    return 0.5 * (-middle + p * (logs - middle) + (1 - p) * torch.log(p.new_tensor(2.0)))


def to_soft(logits: Any, soft: Soft) -> Any:
    """JSD between softmax(logits) and what the original said, in nats: `(tokens,)`."""
    mine = torch.log_softmax(logits, dim=-1).gather(1, soft.ids)
    rest = (1 - mine.exp().sum(dim=1)).clamp_min(1e-7).log()
    p = torch.cat((mine, rest[:, None]), 1)
    q = torch.cat((soft.logs, soft.rest[:, None]), 1)
    middle = torch.logaddexp(p, q) - torch.log(p.new_tensor(2.0))
    return 0.5 * (p.exp() * (p - middle) + q.exp() * (q - middle)).sum(dim=1)


def prepare(material: Material) -> Told:
    """Refusals, and the original's distributions on the retain rows, once."""
    return Told(refusals(material), remember(material.model, material.retain))


def loss(turn: Turn) -> Any:
    """λ_f JSD to the refusals plus λ_r JSD to the original on retain answers."""
    batch = collate([turn.memory.refusals[index] for index in turn.chosen])
    refused, answered = logits_of_each(turn.model, batch, turn.retain)
    forgetting = to_token(refused, batch.targets).mean()
    told = join([turn.memory.kept[index] for index in turn.kept])
    return FORGET * forgetting + RETAIN * to_soft(answered, told).mean()


METHOD = Method(loss, rounds=40, forget_steps=1, prepare=prepare, source="arXiv 2509.02820", watched=False)
