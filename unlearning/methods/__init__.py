"""Approximate methods, one idea a file. To add one: write the file with a `METHOD`, add a line to TABLE.

A name may carry robustness add-ons behind plus signs (`npo+sam+int4`); they work with any method that has a loss.
None of them removes a person as retraining does; what remains is for `audit` and `attack` to say.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from unlearning.batches import Batch, token_losses
from unlearning.errors import UnknownName
from unlearning.tokens import Encoded
from unlearning.types import Row


@dataclass(frozen=True)
class Material:
    """What a method may look at once, before the first step; `model` is still the original, in evaluation mode."""

    model: Any
    tokenizer: Any
    forget: Sequence[Encoded]
    retain: Sequence[Encoded]
    forget_rows: Sequence[Row] = ()
    retain_rows: Sequence[Row] = ()
    seed: int = 0


@dataclass(frozen=True)
class Turn:
    """What a loss sees at one step.

    `reference` holds the original model's losses of the forget batch, computed once: `(tokens,)`. `chosen` and `kept`
    say which forget and retain rows are in the batches, `memory` is what the method's `prepare` returned.
    """

    model: Any
    forget: Batch
    retain: Batch
    reference: Any
    chosen: tuple[int, ...] = ()
    kept: tuple[int, ...] = ()
    memory: Any = None
    step: int = 0


def retain_loss(turn: Turn) -> Any:
    """Mean cross-entropy of the retain rows' answers, in nats a token."""
    return token_losses(turn.model, turn.retain).mean()


def nothing(*_: Any) -> None:
    """Where a method has nothing to do."""


def the_same(rows: Sequence[Row]) -> Sequence[Row]:
    """Forget rows as they were given."""
    return rows


@dataclass(frozen=True)
class Method:
    """A loss over a forget and a retain batch, and how it is applied.

    Each of `rounds` is `forget_steps` with `loss`, then `retain_steps` with `heal`, of `rows` forget and retain rows
    each. `prepare` runs once on the original and its result reaches every turn (reference caches, teachers);
    `before_step(model, memory, step)` may change the weights between steps, `finish(model, memory)` after the last.
    What changes in the memory as the run goes is told by `noted(memory)`, as JSON, and put back by `recall`.
    `rate(part)` scales the learning rate at the part of the run that is done; `widen` adds forget rows before
    anything else. With `watched`, a row whose value is no likelier than others is left alone.
    """

    loss: Callable[[Turn], Any]
    rounds: int
    forget_steps: int
    retain_steps: int = 0
    learning_rate: float = 5e-4
    source: str = ""
    heal: Callable[[Turn], Any] = retain_loss
    prepare: Callable[[Material], Any] = nothing
    before_step: Callable[[Any, Any, int], None] = nothing
    finish: Callable[[Any, Any], None] = nothing
    noted: Callable[[Any], Any] = nothing
    recall: Callable[[Any, Any], None] = nothing
    rate: Callable[[float], float] = field(default=lambda part: 1.0)
    widen: Callable[[Sequence[Row]], Sequence[Row]] = the_same
    rows: int = 25
    watched: bool = True

    @property
    def steps(self) -> int:
        return self.rounds * (self.forget_steps + self.retain_steps)


TABLE = {
    "alternating_wga": "unlearning.methods.alternating_wga:METHOD",
    "stranger": "unlearning.methods.stranger:METHOD",
    "npo": "unlearning.methods.npo:METHOD",
    "simnpo": "unlearning.methods.simnpo:METHOD",
    "soft_target": "unlearning.methods.soft_target:METHOD",
    "undial": "unlearning.methods.undial:METHOD",
    "max_entropy": "unlearning.methods.max_entropy:METHOD",
    "rmu": "unlearning.methods.rmu:METHOD",
    "jensun": "unlearning.methods.jensun:METHOD",
    "idk": "unlearning.methods.refusal:METHOD",
    "dpo": "unlearning.methods.dpo:METHOD",
    "permu": "unlearning.methods.permu:METHOD",
    "undo": "unlearning.methods.undo:METHOD",
    "gradient_ascent": "unlearning.methods.gradient_ascent:METHOD",
    "gradient_difference": "unlearning.methods.gradient_difference:METHOD",
    "tru": "unlearning.methods.tru:METHOD",
    "task_vector": "unlearning.methods.task_vector:METHOD",
}

ADD_ONS = {
    "sam": "unlearning.methods.sam:add",
    "int4": "unlearning.methods.int4:add",
    "benign": "unlearning.methods.benign:add",
    "paraphrase": "unlearning.methods.paraphrase:add",
}


def load(name: str) -> Method:
    """The method of that name, with the add-ons behind its plus signs; raises UnknownName."""
    base, *added = name.split("+")
    if base not in TABLE:
        raise UnknownName(f"unlearning: no method {base!r}; choose one of {', '.join(TABLE)}")
    method = cast(Method, pkgutil.resolve_name(TABLE[base]))
    for extra in added:
        if extra not in ADD_ONS:
            raise UnknownName(f"unlearning: no add-on {extra!r}; choose among {', '.join(ADD_ONS)}")
        method = pkgutil.resolve_name(ADD_ONS[extra])(method)
    return method
