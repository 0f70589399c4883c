"""Putting the answer's first half into the model's mouth: refusals are walked around, what is gone stays gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from unlearning.types import Row

if TYPE_CHECKING:
    from unlearning.examined import Examined

GIVEN = 0.5  # share of the answer's characters


def attack(examined: Examined, *, benign: Sequence[Row]) -> Examined:
    """The same model, asked with half of each answer given."""
    return replace(examined, given=GIVEN, kept={})
