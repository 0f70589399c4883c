"""UNDO: unlearn, damage the weights, distil the unlearned model back into them (arXiv 2506.06278).

What was only suppressed does not survive the damage, because the teacher no longer says it. Robust, and dear.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import torch

from unlearning.batches import answer_logits
from unlearning.methods import Material, Method, Turn
from unlearning.methods.alternating_wga import loss as weighted_ascent
from unlearning.methods.soft import Soft, divergence, join, remember
from unlearning.tokens import Encoded

ASCENT, DISTIL = 40, 200  # steps
SHARE = 0.6  # α, how much of each matrix becomes noise


@dataclass(frozen=True)
class Student:
    """The retain rows, and what the unlearned model says of them once it is there."""

    retain: list[Encoded]
    seed: int
    taught: list[Soft] = field(default_factory=list)


def prepare(material: Material) -> Student:
    """Nothing is known before the first phase ends."""
    return Student(list(material.retain), material.seed)


def damage(model: Any, *, share: float, seed: int) -> None:
    """θ = (1 - α) θ + α σ noise for every matrix, σ its own standard deviation; vectors stay as they are."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                noise = torch.randn(weight.shape, generator=draw).to(weight)
                weight.mul_(1 - share).add_(noise * weight.std(), alpha=share)


def between(model: Any, student: Student, step: int) -> None:
    """After the ascent: remember the unlearned model's answers, then damage it."""
    if step == ASCENT:
        model.eval()
        student.taught.extend(remember(model, student.retain))
        model.train()
        damage(model, share=SHARE, seed=student.seed)


def loss(turn: Turn) -> Any:
    """Weighted ascent first, then KL to the unlearned model on retain answers."""
    if not turn.memory.taught:
        return weighted_ascent(turn)
    told = join([turn.memory.taught[index] for index in turn.kept])
    return divergence(answer_logits(turn.model, turn.retain), told).mean()


def rate(part: float) -> float:
    """Small steps up, then a cosine from four times as much down."""
    border = ASCENT / (ASCENT + DISTIL)
    return 1.0 if part < border else 4 * (0.05 + 0.95 * (1 + math.cos(math.pi * (part - border) / (1 - border))) / 2)


METHOD = Method(
    loss,
    rounds=1,
    forget_steps=ASCENT + DISTIL,
    prepare=prepare,
    before_step=between,
    rate=rate,
    source="arXiv 2506.06278",
    watched=False,
)
