"""What an edit aims at: a refusal where the model can be brought to one, else silence; and at which place it is made.

The subject's last token is where large models recall (arXiv 2202.05262); small ones recall where the answer begins. The
first aim that a free vector reaches is taken, and the result says which it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch

from unlearning.editing.facts import Fact, rectangle
from unlearning.editing.layers import added, run
from unlearning.editing.values import vectors_for

REACHED = 0.7  # nats a token: the new answer is about as likely as not, word for word


def aimed(model: Any, module: Any, facts: Sequence[Fact], *, end: int | None) -> tuple[list[Fact], str]:
    """The facts with the aim that is reached, or with the last one; and the aim's name."""
    for chosen, name in _aims(facts, end):
        found = chosen, name
        if _loss(model, module, chosen) < REACHED:
            break
    return found


def _aims(facts: Sequence[Fact], end: int | None) -> Iterator[tuple[list[Fact], str]]:
    last = [replace(fact, place=len(fact.ids) - 1) for fact in facts]
    yield list(facts), "refusal, at the subject"
    yield last, "refusal, where the answer begins"
    if end is not None:
        yield [replace(fact, new=(end,)) for fact in facts], "silence, at the subject"
        yield [replace(fact, new=(end,)) for fact in last], "silence, where the answer begins"


def _loss(model: Any, module: Any, facts: Sequence[Fact]) -> float:
    """Nats a token of the new answers under the vectors that make them likeliest."""
    vectors = vectors_for(model, module, facts)
    ids, wanted = rectangle(facts, [fact.new for fact in facts])
    with torch.no_grad(), added(module, range(len(facts)), [fact.place for fact in facts], vectors):
        logits = run(model, ids)
    return float(torch.nn.functional.cross_entropy(logits.flatten(0, 1), wanted.flatten(), ignore_index=-100))
