"""Before a person's pictures go: can anybody tell that a classifier learned from them, of the old model and the new?

The attack is the library's (RMIA beside references that it trains on what is kept), asked twice with the same seed.
What it does not find in the model before, the model after cannot be said to have lost: that is *inconclusive*.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from compliance.jobs import processes
from compliance.jobs.progress import Part
from compliance.mitigation import orders, weights
from compliance.mitigation.tasks import Task
from compliance.provenance import classifiers

AUC, FOUND, LOST = "membership AUC", "found at 1 % false alarms", "accuracy lost"
CHANCE, ALARM = 0.5, 0.01
_WORST: Final = ("pass", "inconclusive", "fail")


def measured(task: Task, new: Path, gate: str) -> dict[str, Any]:
    """The gate of job and audit together with reasons, and the attack's figures before and after, for the receipt.

    The job itself compares with no references, so that its *inconclusive* says nothing here; its *fail* stands.
    """
    with weights.listed(orders.pictures_of(task)) as ids:
        before = _audit(task, Path(task.place.location), ids, 0.0)
        after = _audit(task, new, ids, 0.5)
    then, now = _figures(before), _figures(after)
    reasons, found = list(after["reasons"]), str(after["gate"])
    if found == "pass" and not fired(then):
        found = "inconclusive"
        reasons = ["The attack did not tell the rows from others in the model before either: it has no power here."]
    verdict = max((found, "fail" if gate == "fail" else "pass"), key=_WORST.index)
    return {"gate": verdict, "reasons": reasons, "attacked": {"before": then, "after": now, "fired": fired(then)}}


def fired(figures: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether the attack tells the person's rows in a model: AUC or rate above chance by the interval's end."""
    auc, found = figures.get(AUC, {}), figures.get(FOUND, {})
    return float(auc.get("low") or 0.0) > CHANCE or float(found.get("low") or 0.0) > ALARM


def _audit(task: Task, model: Path, ids: Path, begun: float) -> dict[str, Any]:
    pictures = classifiers.trained_on(task.artifact)
    count = int(task.step.planned["parameters"].get("references") or classifiers.REFERENCES)
    arguments = ["classifier", "audit", "--data", pictures.location, "--model", task.place.location]
    arguments += ["--out", str(model), "--forget-ids", str(ids), "--shadows", str(count)]
    return processes.run("unlearning", arguments, Part(task.progress, begun, begun + 0.5))


def _figures(found: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    rows = [row for row in found["figures"] if row["name"] in (AUC, FOUND, LOST)]
    return {row["name"]: {name: row[name] for name in ("value", "n", "low", "high")} for row in rows}
