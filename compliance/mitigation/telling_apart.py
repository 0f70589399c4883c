"""Before a person's pictures go: can anybody tell that a classifier learned from them, of the old model and the new?

The attack is the library's (RMIA beside references that it trains on what is kept), asked twice with the same seed.
What it does not find in the model before, the model after cannot be said to have lost: that is *inconclusive*.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from compliance.jobs import processes
from compliance.jobs.progress import Part
from compliance.mitigation import orders, weights
from compliance.mitigation.tasks import Task
from compliance.provenance import classifiers
from compliance.rules.terms import ArtifactKind
from compliance.rules.thresholds import CLASSIFIER, Threshold, thresholds

AUC, FOUND, LOST = "membership AUC", "found at 1 % false alarms", "accuracy lost"
CHANCE, ALARM = 0.5, 0.01


def judged(task: Task, new: Path, receipt: Mapping[str, Any]) -> dict[str, Any]:
    """The gate for rows, with reasons, and for an approximate route the attack's figures before and after.

    The job has no references to compare with: how rare the person's rows look to its loss says nothing of whether the
    model learned from them, so that here only what others lose by it is taken from its gate.
    """
    told = {"job_gate": receipt["gate"]}
    if lost := _too_much_lost(task, receipt["figures"]):
        return {**told, "gate": "fail", "reasons": [lost]}
    if receipt["exactness"] == "exact":
        lost = receipt["reasons"][:1] if "classes" in receipt["parameters"] else []  # whose last picture goes, go too
        return {**told, "gate": "pass", "reasons": ["Exact: the new model has not seen the rows.", *lost]}
    return {**told, **_attacked(task, new)}


def _attacked(task: Task, new: Path) -> dict[str, Any]:
    with weights.listed(orders.pictures_of(task)) as ids:
        before = _audit(task, Path(task.place.location), ids, 0.0)
        after = _audit(task, new, ids, 0.5)
    then, now = _figures(before), _figures(after)
    gate, reasons = str(after["gate"]), list(after["reasons"])
    if gate == "pass" and not fired(then):
        gate = "inconclusive"
        reasons = ["The attack did not tell the rows from others in the model before either: it has no power here."]
    return {"gate": gate, "reasons": reasons, "attacked": {"before": then, "after": now, "fired": fired(then)}}


def _too_much_lost(task: Task, figures: Sequence[Mapping[str, Any]]) -> str:
    """In words, when others lose more answers than the plan allows; empty when they do not."""
    fixed = task.step.plan.thresholds.get(task.artifact.slug, {}).get("accuracy_lost")
    limit = Threshold.from_json(fixed) if fixed else thresholds(ArtifactKind.MODEL, CLASSIFIER)["accuracy_lost"]
    lost = max((float(row["value"]) for row in figures if row["name"] == LOST), default=0.0)
    return (
        f"Accuracy on pictures held out fell by {lost:.1%}, more than {limit.limit:.1%}." if lost > limit.limit else ""
    )


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
