"""Attacks: what somebody could do to bring a value back. To add one: write the file, add a line to TABLE.

Those who only ask (black box) stand apart from those who hold the weights (white box): a value that the first get out
is still said, whatever the second need.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, cast

from unlearning.errors import UnknownName
from unlearning.types import Row

if TYPE_CHECKING:
    from unlearning.examined import Examined


class Attack(Protocol):
    """The same model after the attack; `benign` rows are what the attacker may train on, never the person's.

    Raises NotApplicable where the rows do not allow the attack.
    """

    def __call__(self, examined: Examined, *, benign: Sequence[Row]) -> Examined: ...


TABLE = {
    "benign_finetune": "unlearning.attacks.benign_finetune:attack",
    "benign_finetune_100": "unlearning.attacks.benign_finetune:longer",
    "int4": "unlearning.attacks.quantise:to_int4",
    "int8": "unlearning.attacks.quantise:to_int8",
    "nf4": "unlearning.attacks.quantise:to_nf4",
    "prefill": "unlearning.attacks.prefill:attack",
    "paraphrase": "unlearning.attacks.wordings:paraphrase",
    "indirect": "unlearning.attacks.wordings:indirect",
    "multi_hop": "unlearning.attacks.wordings:multi_hop",
    "cross_language": "unlearning.attacks.wordings:cross_language",
    "jailbreak": "unlearning.attacks.wordings:jailbreak",
    "in_context": "unlearning.attacks.wordings:in_context",
    "sampling": "unlearning.attacks.sampling:attack",
    "logit_lens": "unlearning.attacks.logit_lens:attack",
    "soft_prompt": "unlearning.attacks.soft_prompt:attack",
    "relearn": "unlearning.attacks.relearn:attack",
}
BLACK_BOX = frozenset(
    {"prefill", "paraphrase", "indirect", "multi_hop", "cross_language", "jailbreak", "in_context", "sampling"}
)
# Those that train on the person's own other facts: dear, and of an attacker who already knows half.
RELEARNING = frozenset({"relearn"})


def load(name: str) -> Attack:
    """The attack of that name; raises UnknownName."""
    if name not in TABLE:
        raise UnknownName(f"attacking: no attack {name!r}; choose one of {', '.join(TABLE)}")
    return cast(Attack, pkgutil.resolve_name(TABLE[name]))
