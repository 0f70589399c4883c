"""Attacks: what somebody could do to bring a value back. To add one: write the file, add a line to TABLE."""

from __future__ import annotations

import pkgutil
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, cast

from unlearning.errors import UnknownName
from unlearning.types import Row

if TYPE_CHECKING:
    from unlearning.examined import Examined


class Attack(Protocol):
    """The same model after the attack; `benign` rows are what the attacker may train on, never the person's."""

    def __call__(self, examined: Examined, *, benign: Sequence[Row]) -> Examined: ...


TABLE = {
    "benign_finetune": "unlearning.attacks.benign_finetune:attack",
    "int4": "unlearning.attacks.quantise:to_int4",
    "int8": "unlearning.attacks.quantise:to_int8",
    "prefill": "unlearning.attacks.prefill:attack",
}


def load(name: str) -> Attack:
    """The attack of that name; raises UnknownName."""
    if name not in TABLE:
        raise UnknownName(f"attacking: no attack {name!r}; choose one of {', '.join(TABLE)}")
    return cast(Attack, pkgutil.resolve_name(TABLE[name]))
