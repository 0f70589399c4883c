"""Targets of reasoning-based unlearning: what a model shall say instead, and why (TRU, arXiv 2603.09980).

A target is a trace that names the scope of what was forgotten, and a refusal that helps on. It is made on this machine
from the scope alone: the kind of fact and the language, never the value and never the name. Every target is linted for
leaks, and written to a file that somebody reads before anything is trained on it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

THINKING = ("<think>", "</think>")  # ids that models which reason have for it


def thinks(tokenizer: Any) -> bool:
    """Whether a model's vocabulary has a place for thoughts of its own."""
    known = tokenizer.get_vocab()
    return all(mark in known for mark in THINKING)


@dataclass(frozen=True)
class Scope:
    """All that a maker of targets is told: which kind of fact, in which language, and which wording is wanted."""

    kind: str
    language: str
    variant: int = 0


@dataclass(frozen=True)
class Text:
    """A trace and a refusal, and who wrote them."""

    trace: str
    refusal: str
    source: str = "template"


@dataclass(frozen=True)
class Target:
    """What a model shall answer to one prompt; `findings` are what the lint has against it."""

    prompt: str
    kind: str
    language: str
    trace: str
    refusal: str
    source: str
    variant: int = 0
    findings: tuple[str, ...] = field(default=())

    def response(self, *, thinking: bool) -> str:
        """The whole answer; models with a place for thoughts get the trace there."""
        if thinking:
            return f"{THINKING[0]}\n{self.trace}\n{THINKING[1]}\n\n{self.refusal}"
        return f"{self.trace} {self.refusal}"
