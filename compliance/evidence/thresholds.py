"""Quantities with intervals, and the thresholds that were fixed in the plan before anything was tested."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

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
    """What a measurement was to reach: ``judged`` of the quantity stands in ``relation`` to ``limit``.

    It also passes when it is no higher than ``or_controls_upper``, the upper bound of people never in training.
    ``erased`` and ``mitigated`` say what these two claims need of the verdict.
    """

    relation: Literal["<=", ">=", "=="]
    limit: float
    judged: Literal["value", "low", "high"] = "value"
    least_n: int = 0
    or_controls_upper: float | None = None
    erased: Literal["passed", "not_failed", "reported", "nothing"] = "passed"
    mitigated: Literal["passed", "not_failed", "reported", "nothing"] = "passed"

    @classmethod
    def from_plan(cls, row: Mapping[str, Any], *, controls_upper: float | None = None) -> Threshold:
        """The threshold in a plan (``rules.thresholds.Threshold.as_json``); ``controls_upper`` as it was measured."""
        return cls(
            relation="<=" if row["comparison"] == "at_most" else ">=",
            limit=float(row["limit"]),
            or_controls_upper=controls_upper if row.get("or_controls") else None,
            erased=row.get("erased", "passed"),
            mitigated=row.get("mitigated", "passed"),
        )

    @classmethod
    def parse(cls, text: str) -> Threshold | None:
        """Read ``[value|low|high] <=|>=|== NUMBER[, n >= COUNT]``; None when the text says something else."""
        found = _THRESHOLD.match(text)
        if not found:
            return None
        judged, sign, limit, least = found.groups()
        bound = _BOUNDS[judged or "value"]
        return cls(relation=_SIGNS[sign], limit=float(limit), judged=bound, least_n=int(least or 0))

    def judge(self, quantity: Quantity | None, *, powered: bool = True) -> Verdict:
        """The verdict on a quantity; without power, the bound or the trials it asks for it is inconclusive."""
        if not powered:
            return Verdict.INCONCLUSIVE
        bound = getattr(quantity, self.judged) if quantity else None
        if quantity is None or bound is None or (quantity.n is not None and quantity.n < self.least_n):
            return Verdict.INCONCLUSIVE
        held = {"<=": bound <= self.limit, ">=": bound >= self.limit, "==": bound == self.limit}[self.relation]
        as_controls = self.or_controls_upper is not None and bound <= self.or_controls_upper
        return Verdict.PASSED if held or as_controls else Verdict.FAILED

    @property
    def words(self) -> str:
        """The threshold as people read it."""
        bound = {"value": "", "low": "lower bound ", "high": "upper bound "}[self.judged]
        sign = {"<=": "at most", ">=": "at least", "==": "exactly"}[self.relation]
        trials = f", n at least {self.least_n}" if self.least_n else ""
        controls = f", or the controls' {self.or_controls_upper:.3g}" if self.or_controls_upper is not None else ""
        return f"{bound}{sign} {self.limit:g}{trials}{controls}"
