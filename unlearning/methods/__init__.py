"""Approximate methods, one idea a file. To add one: write the file with a `METHOD`, add a line to TABLE.

None of them removes a person as retraining does; what remains is for `audit` and `attack` to say.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from unlearning.batches import Batch
from unlearning.errors import UnknownName


@dataclass(frozen=True)
class Turn:
    """What a loss sees at one step; `reference` holds the original model's losses of the forget batch: `(tokens,)`."""

    model: Any
    forget: Batch
    retain: Batch
    reference: Any


@dataclass(frozen=True)
class Method:
    """A loss over a forget and a retain batch, and how it is applied.

    Each of `rounds` is `forget_steps` with `loss`, then `retain_steps` with the retain rows alone.
    """

    loss: Callable[[Turn], Any]
    rounds: int
    forget_steps: int
    retain_steps: int = 0
    learning_rate: float = 5e-4
    source: str = ""


TABLE = {
    "alternating_wga": "unlearning.methods.alternating_wga:METHOD",
    "npo": "unlearning.methods.npo:METHOD",
    "gradient_difference": "unlearning.methods.gradient_difference:METHOD",
}


def load(name: str) -> Method:
    """The method of that name; raises UnknownName."""
    if name not in TABLE:
        raise UnknownName(f"unlearning: no method {name!r}; choose one of {', '.join(TABLE)}")
    return cast(Method, pkgutil.resolve_name(TABLE[name]))
