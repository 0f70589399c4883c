"""Affected artifact -> ordered steps on three horizons: a table of kind × facts, read by one function.

Facts that the table reads (all optional): ``shared_rows`` (rows of other people that quote the person), ``ledger`` (the
training run is recorded), ``checkpoint`` (one from before the first exposure exists), ``first_exposure_stage`` and
``stages`` (from 1), ``weights`` (false: a model that only somebody else can change), ``recipients`` (how many were
given the data).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from compliance.rules import routes
from compliance.rules.affected import Affected, Fact, Row
from compliance.rules.lineage import layers
from compliance.rules.terms import EntityRole, Exemption, Horizon
from compliance.rules.thresholds import Threshold, thresholds

__all__ = ["UNDO_DAYS", "Affected", "PlannedStep", "digest", "plan", "thresholds"]

UNDO_DAYS = 30


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step: which action on which artifact, when, why, at what cost, and how it will be judged.

    ``order`` counts from 1 over the whole plan. ``exact`` is ``None`` where the word has no meaning (all but models).
    ``reversible`` steps of the immediate horizon may run before approval. ``parameters`` go to the action as they are.
    """

    artifact: str
    action: str
    horizon: Horizon
    order: int
    reason: str
    count: int
    cost: str
    also_touched: str
    scheduled_for: date | None = None
    thresholds: Mapping[str, Threshold] = field(default_factory=dict)
    parameters: Mapping[str, Fact] = field(default_factory=dict)
    exact: bool | None = None
    reversible: bool = False

    def as_json(self) -> dict[str, object]:
        """Plain values, for storing and for the digest."""
        return {
            "artifact": self.artifact,
            "action": self.action,
            "horizon": str(self.horizon),
            "order": self.order,
            "reason": self.reason,
            "count": self.count,
            "cost": self.cost,
            "also_touched": self.also_touched,
            "scheduled_for": self.scheduled_for.isoformat() if self.scheduled_for else None,
            "thresholds": {name: row.as_json() for name, row in sorted(self.thresholds.items())},
            "parameters": dict(self.parameters),
            "exact": self.exact,
            "reversible": self.reversible,
        }


def plan(
    affected: Iterable[Affected],
    *,
    today: date,
    derivations: Iterable[tuple[str, str]] = (),
    undo_days: int = UNDO_DAYS,
) -> tuple[PlannedStep, ...]:
    """The steps for everything that was found, in the order in which they must run.

    Suppression first, then exclusion from training, sources before what was made from them, data before indices and
    models, the new model's promotion, and last the undo copies on ``today`` + ``undo_days``. Artifacts in which nothing
    was found get no step; an exemption gives one ``keep`` step, a processor's artifact one ``forward_to_controller``.
    """
    found = [item for item in affected if item.found]
    depth = _depths(found, derivations)
    rows = [(row, item) for item in found for row in _rows_for(item)]
    rows.sort(key=lambda pair: (pair[0].phase, depth[pair[1].artifact], pair[1].name, pair[1].artifact))
    undo_on = today + timedelta(days=undo_days)
    return tuple(_step(row, item, order, undo_on) for order, (row, item) in enumerate(rows, start=1))


def digest(steps: Iterable[PlannedStep | Mapping[str, object]]) -> str:
    """SHA-256 (hex) over the canonical JSON of the steps, thresholds included: what the second person approves.

    Takes steps or their ``as_json()``, in any order of keys.
    """
    rows = [step.as_json() if isinstance(step, PlannedStep) else dict(step) for step in steps]
    text = json.dumps(rows, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _depths(found: list[Affected], derivations: Iterable[tuple[str, str]]) -> dict[str, int]:
    ordered = layers([item.artifact for item in found], derivations)
    return {artifact: depth for depth, layer in enumerate(ordered) for artifact in layer}


def _rows_for(item: Affected) -> tuple[Row, ...]:
    if item.role is EntityRole.PROCESSOR:
        return (routes.FORWARD,)
    if item.exemption is Exemption.RESTRICTION:
        return (*(row for row in routes.TABLE[item.kind] if row.reversible and row.when(item)), routes.RESTRICT)
    if item.exemption is not None:
        return (routes.KEEP,)
    return tuple(row for row in routes.TABLE[item.kind] if row.when(item))


def _step(row: Row, item: Affected, order: int, undo_on: date) -> PlannedStep:
    step = PlannedStep(
        artifact=item.artifact,
        action=row.action,
        horizon=row.horizon,
        order=order,
        reason=row.reason(item),
        count=row.count(item),
        cost=row.cost(item),
        also_touched=row.also_touched(item),
        scheduled_for=undo_on if row.horizon is Horizon.LONG_TERM else None,
        # What was found is part of what is approved: another record under the same count is another plan.
        parameters={**row.parameters(item), **{k: v for k, v in item.facts.items() if k == "records"}},
        exact=row.exact,
        reversible=row.reversible,
    )
    return replace(step, thresholds=thresholds(item.kind, item.connector)) if row.judged else step
