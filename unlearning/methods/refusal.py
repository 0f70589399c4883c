"""Refusal targets (IDK): teach "I do not know" in place of the answer, and keep the rest (TOFU, arXiv 2401.06121).

Teaches how to answer, not to forget: given the answer's first words, the value follows as before.
"""

from __future__ import annotations

from typing import Any

from unlearning.batches import Batch, collate, losses_of_each
from unlearning.methods import Material, Method, Turn
from unlearning.scoring import encoded_for
from unlearning.tokens import Encoded
from unlearning.types import Row

ANSWERS = ("I do not know.", "I have no information about that.", "That is not something I can tell.")


def refusals(material: Material) -> list[Encoded]:
    """Each forget question with a refusal as its answer; the wordings take turns."""
    rows = [Row(row.prompt, ANSWERS[place % len(ANSWERS)]) for place, row in enumerate(material.forget_rows)]
    return encoded_for(material.model, material.tokenizer, rows)


def refused(turn: Turn, rows: list[Encoded]) -> Batch:
    """The refusals of the forget rows of this step."""
    return collate([rows[index] for index in turn.chosen])


def loss(turn: Turn) -> Any:
    """Mean cross-entropy of the refusals, plus mean retain loss."""
    told, kept = losses_of_each(turn.model, refused(turn, turn.memory), turn.retain)
    return told.mean() + kept.mean()


METHOD = Method(loss, rounds=40, forget_steps=1, prepare=refusals, source="arXiv 2401.06121", watched=False)
