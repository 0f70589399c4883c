"""Task-vector negation: learn the forget rows once more, then go as far the other way (arXiv 2212.04089).

How far is chosen as in the paper, by what it costs: the largest of a few scales at which the retain rows' loss has not
risen by more than a tenth of a nat.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from unlearning.batches import collate, token_losses
from unlearning.methods import Material, Method, Turn
from unlearning.tokens import Encoded

SCALES = (0.0625, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
RISE = 0.1  # nats a token
PROBE = 64  # retain rows that decide


@dataclass(frozen=True)
class Start:
    """The original weights, and retain rows to judge the damage by."""

    weights: dict[str, Any]
    probe: list[Encoded]


def prepare(material: Material) -> Start:
    """A copy of the weights as they were."""
    weights = {name: weight.detach().clone() for name, weight in material.model.named_parameters()}
    return Start(weights, list(material.retain[:PROBE]))


def loss(turn: Turn) -> Any:
    """Mean forget loss, descended: this learns."""
    return token_losses(turn.model, turn.forget).mean()


def negate(model: Any, start: Start) -> None:
    """θ = θ0 - α (θ1 - θ0), with the largest α that the retain rows bear."""
    with torch.no_grad():
        vector = {name: weight - start.weights[name] for name, weight in model.named_parameters()}
        _place(model, start, vector, 0.0)
        limit, best = _cost(model, start) + RISE, 0.0
        for scale in SCALES:
            _place(model, start, vector, scale)
            if not _cost(model, start) <= limit:
                break
            best = scale
        _place(model, start, vector, best)


def _place(model: Any, start: Start, vector: dict[str, Any], scale: float) -> None:
    for name, weight in model.named_parameters():
        weight.copy_(start.weights[name] - scale * vector[name])


def _cost(model: Any, start: Start) -> float:
    return float(token_losses(model, collate(start.probe)).mean())


METHOD = Method(
    loss, rounds=20, forget_steps=1, prepare=prepare, finish=negate, source="arXiv 2212.04089", watched=False
)
