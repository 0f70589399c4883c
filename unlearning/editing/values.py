"""The vector that makes the new answer likely when it is added behind one feed-forward block at one token.

As in ROME (arXiv 2202.05262, section 3.1, step 2): gradient steps on the vector alone, the weights frozen, with a
penalty on its size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from unlearning.editing.facts import Fact, rectangle
from unlearning.editing.layers import added, keys_of, matrix, run

STEPS, LEARNING_RATE = 40, 0.3
LARGEST = 8.0  # times the norm of what the block gave there
DECAY = 0.05
ENOUGH = 0.05  # nats a token from which on the vectors are good


def vectors_for(model: Any, module: Any, facts: Sequence[Fact]) -> Any:
    """One vector for each fact: `(fact, outer)`."""
    ids, wanted = rectangle(facts, [fact.new for fact in facts])
    rows, places = range(len(facts)), [fact.place for fact in facts]
    usual = outputs_at(model, module, facts)
    size = usual.norm(dim=1, keepdim=True).clamp_min(1e-6)
    vectors = torch.zeros_like(usual, requires_grad=True)
    optimizer = torch.optim.Adam([vectors], lr=LEARNING_RATE * float(size.mean()) / usual.shape[1] ** 0.5)
    for _ in range(STEPS):
        with added(module, rows, places, vectors):
            logits = run(model, ids)
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), wanted.flatten(), ignore_index=-100)
        if float(loss.detach()) < ENOUGH:
            break
        penalty = DECAY * (vectors.norm(dim=1) / size[:, 0]).square().mean()
        (vectors.grad,) = torch.autograd.grad(loss + penalty, [vectors])
        optimizer.step()
        with torch.no_grad():
            vectors.mul_((LARGEST * size / vectors.norm(dim=1, keepdim=True).clamp_min(1e-6)).clamp(max=1.0))
    return vectors.detach()


def outputs_at(model: Any, module: Any, facts: Sequence[Fact]) -> Any:
    """What the matrix gives at each fact's place: `(fact, outer)`."""
    keys = keys_at(model, module, facts)
    bias = module.bias if getattr(module, "bias", None) is not None else 0.0
    return (keys @ matrix(module).t() + bias).detach()


def keys_at(model: Any, module: Any, facts: Sequence[Fact]) -> Any:
    """What goes into the matrix at each fact's place: `(fact, inner)`."""
    ids, _ = rectangle(facts, [() for _ in facts])
    with keys_of(module) as seen, torch.no_grad():
        run(model, ids)
    return seen[0][list(range(len(facts))), [fact.place for fact in facts]]
