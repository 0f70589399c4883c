"""How long a verb may work, in seconds or in optimizer steps, and how strong a dose of a method is."""

from __future__ import annotations

import re
from dataclasses import dataclass

from unlearning.errors import InputError

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True)
class Budget:
    """At most so many seconds of wall time and so many steps; None means no limit.

    A limit in seconds makes the result depend on the machine's speed; one in steps does not.
    """

    seconds: float | None = None
    steps: int | None = None


@dataclass(frozen=True)
class Dose:
    """Settings that take the place of a method's own; None leaves its own."""

    rounds: int | None = None
    learning_rate: float | None = None


def read_budget(text: str) -> Budget:
    """A budget from words like `90s`, `10m`, `2h` or `400steps`; raises InputError."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|h|d|steps?)?", text.strip())
    if not found or float(found[1]) <= 0:
        raise InputError(f"reading the budget {text!r}: write seconds (90s, 10m, 2h) or steps (400steps)")
    if found[2] in ("step", "steps"):
        return Budget(steps=int(float(found[1])))
    return Budget(seconds=float(found[1]) * UNITS[found[2] or "s"])
