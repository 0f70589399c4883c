"""Quantities with intervals, and the thresholds that were fixed in the plan before anything was tested."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from compliance.rules.terms import Verdict

_THRESHOLD = re.compile(
    r"^\s*(?:(value|low|high)\s*)?(<=|>=|==|≤|≥|=)\s*(-?[0-9.eE+-]+)(?:\s*,?\s*n\s*(?:>=|≥)\s*(\d+))?\s*$"
)
_BOUNDS: dict[str, Literal["value", "low", "high"]] = {"value": "value", "low": "low", "high": "high"}
_SIGNS: dict[str, Literal["<=", ">=", "=="]] = {"≤": "<=", "≥": ">=", "=": "==", "<=": "<=", ">=": ">=", "==": "=="}


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A measured number with its interval and the number of trials behind it, where it has them."""

    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """What a measurement was to reach: ``judged`` of the quantity stands in ``relation`` to ``limit``."""

    relation: Literal["<=", ">=", "=="]
    limit: float
    judged: Literal["value", "low", "high"] = "value"
    least_n: int = 0

    @classmethod
    def parse(cls, text: str) -> Threshold | None:
        """Read ``[value|low|high] <=|>=|== NUMBER[, n >= COUNT]``; None when the text says something else."""
        found = _THRESHOLD.match(text)
        if not found:
            return None
        judged, sign, limit, least = found.groups()
        bound = _BOUNDS[judged or "value"]
        return cls(relation=_SIGNS[sign], limit=float(limit), judged=bound, least_n=int(least or 0))

    def judge(self, quantity: Quantity | None) -> Verdict:
        """The verdict on a quantity; without the bound or the trials it asks for there is not enough power."""
        bound = getattr(quantity, self.judged) if quantity else None
        if quantity is None or bound is None or (quantity.n is not None and quantity.n < self.least_n):
            return Verdict.INCONCLUSIVE
        held = {"<=": bound <= self.limit, ">=": bound >= self.limit, "==": bound == self.limit}[self.relation]
        return Verdict.PASSED if held else Verdict.FAILED

    @property
    def words(self) -> str:
        """The threshold as people read it."""
        bound = {"value": "", "low": "lower bound ", "high": "upper bound "}[self.judged]
        sign = {"<=": "at most", ">=": "at least", "==": "exactly"}[self.relation]
        return f"{bound}{sign} {self.limit:g}" + (f", n ≥ {self.least_n}" if self.least_n else "")
