"""Ask a model questions and hand its answers back: the likeliest one, and some drawn as a service would draw them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from unlearning.answering import answers, sampled
from unlearning.models import open_model, pin
from unlearning.types import Progress

DRAWN = 8


@dataclass(frozen=True)
class Asked:
    """The answers to one prompt, the likeliest first; they may hold personal data."""

    prompt: str
    answers: tuple[str, ...]


@dataclass(frozen=True)
class Answered:
    """All prompts in the order in which they were given."""

    asked: tuple[Asked, ...]
    seed: int


def ask(
    folder: Path,
    *,
    prompts: Sequence[str],
    progress: Progress,
    drawn: int = DRAWN,
    longest: int = 60,
    seed: int = 0,
    threads: int = 1,
) -> Answered:
    """The greedy answer and ``drawn`` sampled ones per prompt, each of at most ``longest`` tokens.

    Prompts are used as they were typed. Raises ModelError and its kin for a folder that cannot be opened safely.
    """
    pin(threads)
    model, tokenizer = open_model(folder)
    likeliest = answers(model, tokenizer, prompts, longest=longest) if prompts else []
    found = []
    for place, prompt in enumerate(prompts):
        progress(place / len(prompts), f"Asking question {place + 1} of {len(prompts)}")
        more = sampled(model, tokenizer, prompt, count=drawn, seed=seed + place, longest=longest) if drawn else []
        found.append(Asked(prompt, (likeliest[place], *more)))
    return Answered(tuple(found), seed)
