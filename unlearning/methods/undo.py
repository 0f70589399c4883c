"""UNDO: unlearn, damage the weights, distil the unlearned model back into them (arXiv 2506.06278).

What was only suppressed does not survive the damage, because the teacher no longer says it. Robust, and dear.
"""

from __future__ import annotations

import copy
import math
import random
from dataclasses import dataclass
from typing import Any

import torch

from unlearning.batches import answer_logits, collate, token_losses
from unlearning.methods import Material, Method, Turn
from unlearning.methods.alternating_wga import weighted
from unlearning.methods.soft import Soft, divergence, join, remember

ASCENT, DISTIL = 40, 200  # steps
SHARE = 0.6  # α, how much of each matrix becomes noise
RATE, ROWS = 5e-4, 25


@dataclass(frozen=True)
class Teacher:
    """The unlearned model's weights, damaged, and what it said of the retain rows before."""

    weights: dict[str, Any]
    taught: list[Soft]


def prepare(material: Material) -> Teacher:
    """Unlearn a copy, remember its answers, damage it."""
    teacher = copy.deepcopy(material.model).train()
    _ascend(teacher, material)
    taught = remember(teacher.eval(), material.retain)
    damage(teacher, share=SHARE, seed=material.seed)
    return Teacher({name: weight.detach() for name, weight in teacher.named_parameters()}, taught)


def _ascend(model: Any, material: Material) -> None:
    """Weighted ascent with retention, as in `alternating_wga`, without its rounds."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.0, fused=True)
    for step in range(ASCENT):
        draw = random.Random(f"undo|{material.seed}|{step}")
        forget, retain = (
            collate(draw.sample(list(rows), min(ROWS, len(rows)))) for rows in (material.forget, material.retain)
        )
        loss = weighted(token_losses(model, forget)) + token_losses(model, retain).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)


def damage(model: Any, *, share: float, seed: int) -> None:
    """θ = (1 - α) θ + α σ noise for every matrix, σ its own standard deviation; vectors stay as they are."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                noise = torch.randn(weight.shape, generator=draw, device="cpu").to(weight)
                weight.mul_(1 - share).add_(noise * weight.std(), alpha=share)


def begin(model: Any, teacher: Teacher, step: int) -> None:
    """The first step starts from the damaged weights."""
    if step == 0:
        with torch.no_grad():
            for name, weight in model.named_parameters():
                weight.copy_(teacher.weights[name])


def loss(turn: Turn) -> Any:
    """KL to the unlearned model on retain answers."""
    told = join([turn.memory.taught[index] for index in turn.kept])
    return divergence(answer_logits(turn.model, turn.retain), told).mean()


def rate(part: float) -> float:
    """A cosine down to a twentieth."""
    return 0.05 + 0.95 * (1 + math.cos(math.pi * part)) / 2


METHOD = Method(
    loss,
    rounds=1,
    forget_steps=DISTIL,
    learning_rate=4 * RATE,
    prepare=prepare,
    before_step=begin,
    rate=rate,
    source="arXiv 2506.06278",
    watched=False,
)
