"""Asking again and again, hot: what a greedy answer hides may come among many drawn ones (arXiv 2511.04934)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from unlearning.types import Row

if TYPE_CHECKING:
    from unlearning.examined import Examined


DRAWN = 64


def attack(examined: Examined, *, benign: Sequence[Row]) -> Examined:
    """The same model, whose answers are drawn many times instead of being the likeliest."""
    return replace(examined, drawn=DRAWN, kept={})
