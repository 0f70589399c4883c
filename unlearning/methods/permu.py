"""PERMU: teach what the original says when it cannot quite read the name (PERMUtok; UnlearnPII, NLLP 2025).

The target is softmax(z(noised name) - C · z(clean name)) on answer positions. Noise is a few changed letters in the
words that name the person, as in the token variant, so that it needs no access to embeddings.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import torch

from unlearning.batches import answer_logits, collate, logits_of_each, losses_in
from unlearning.methods import Material, Method, Turn
from unlearning.methods.names import crowd, retold
from unlearning.methods.soft import Soft, divergence, join, soften
from unlearning.scoring import encoded_for

CONTRAST, CHANGED = 0.1, 0.4  # C, and the share of letters that change
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def contrasted(noised: Any, clean: Any, *, contrast: float = CONTRAST) -> Any:
    """Log-probabilities of softmax(z_noised - C z_clean): `(tokens, vocabulary)`."""
    return torch.log_softmax(noised - contrast * clean, dim=-1)


def blurred(word: str, draw: random.Random) -> str:
    """The word with some letters changed, at least one; digits become other digits."""
    places = [place for place in range(len(word)) if draw.random() < CHANGED] or [draw.randrange(len(word))]
    chars = list(word)
    for place in places:
        chars[place] = draw.choice("0123456789") if chars[place].isdigit() else draw.choice(LETTERS)
    return "".join(chars).title() if word[:1].isupper() else "".join(chars)


def prepare(material: Material) -> list[Soft]:
    """The targets of each forget row, from the original, once."""
    others, found = crowd(material.retain_rows), []
    for row, encoded in zip(material.forget_rows, material.forget, strict=True):
        draw = random.Random(f"permu|{material.seed}|{row.prompt}")
        told = {word: blurred(word, draw) for word in others.personal(row)}
        (noised,) = encoded_for(material.model, material.tokenizer, [replace(row, prompt=retold(row.prompt, told))])
        clean, other = collate([encoded]), collate([noised])
        with torch.no_grad():
            logs = contrasted(answer_logits(material.model, other), answer_logits(material.model, clean))
        found.append(soften(logs, clean.targets))
    return found


def loss(turn: Turn) -> Any:
    """KL to the targets on forget answers, plus mean retain loss."""
    told = join([turn.memory[index] for index in turn.chosen])
    gone, kept = logits_of_each(turn.model, turn.forget, turn.retain)
    return divergence(gone, told).mean() + losses_in(kept, turn.retain).mean()


METHOD = Method(loss, rounds=40, forget_steps=1, prepare=prepare, source="UnlearnPII, NLLP 2025", watched=False)
