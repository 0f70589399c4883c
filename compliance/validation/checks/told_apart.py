"""A classifier that was made anew: trained once more on the data as they are now, or as the attacks left it.

An exact route is proven by training again, by the command that the company trains with, on the pictures without the
person's, and comparing every file of weights. What an approximate route left was measured while the person's pictures
were still there; here it is held against the plan's limits, and what serves against the model that was measured.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from compliance.jobs import processes, scratch
from compliance.mitigation.models import Step
from compliance.mitigation.telling_apart import AUC, CHANCE, FOUND, LOST
from compliance.provenance import classifiers
from compliance.provenance.connectors import Description
from compliance.provenance.places import connector_of, place_of
from compliance.rules.terms import StepStatus
from compliance.validation.readings import Reading, Subject, judged

NAME = "told_apart"
_MADE = ("replay_model", "unlearn_model")


def measure(subject: Subject) -> Iterator[Reading]:
    """Equal to a retraining for an exact route, the attacks for another; then what it costs everybody else."""
    made = subject.plan.steps.filter(artifact=subject.artifact, action__in=_MADE, status=StepStatus.DONE).first()
    if made is None:
        return
    receipt = made.receipt or {}
    serves = str(receipt.get("weights", "")) == _described(subject).digest
    if made.exact or receipt.get("exactness") == "exact":  # also when nothing was left to forget: it was trained anew
        yield _equal(subject, serves=serves)
        rows = {row["name"]: row for row in receipt.get("figures", ()) if row.get("note") != "before"}
    else:
        rows = dict(receipt.get("attacked", {}).get("after", {}))
        yield from _attacked(subject, made, serves=serves)
    if lost := rows.get(LOST):
        yield judged(subject, Reading(NAME, "accuracy_lost", float(lost["value"]), group="others", n=int(lost["n"])))


def _equal(subject: Subject, *, serves: bool) -> Reading:
    """Train again and compare; without power when the recipe is not one that the command line trains."""
    mine = _described(subject)
    with tempfile.TemporaryDirectory(dir=scratch.begin()) as folder:
        other = _trained(subject, mine, Path(folder) / "model")
    same = serves and mine.detail["weights"] == other.detail["weights"]
    known = mine.detail["recipe"] == other.detail["recipe"]
    detail = {
        "how": "trained again on the data as they are now, by the command line; every file of weights compared",
        "files": len(mine.detail["weights"]),
        "serves_what_was_made": serves,
        "same_recipe": known,
    }
    reading = Reading(NAME, "equals_a_retraining", float(same), group="person", detail=detail)
    return judged(subject, reading, powered=known or not serves)


def _trained(subject: Subject, mine: Description, out: Path) -> Description:
    data, how = classifiers.trained_on(subject.artifact).location, mine.detail
    arguments = ["classifier", "train", "--data", data, "--out", str(out), "--seed", str(how["seed"])]
    arguments += ["--epochs", str(how["recipe"]["epochs"])]
    arguments += ["--shards", str(how["shards"]), "--slices", str(how["slices"])] if how["shards"] else []
    processes.run("unlearning", arguments, subject.progress)
    place = replace(place_of(subject.artifact), location=str(out))
    return connector_of(subject.artifact).describe(place)


def _attacked(subject: Subject, made: Step, *, serves: bool) -> Iterator[Reading]:
    """What the attacks found, before and after, against the limits that were approved."""
    told = (made.receipt or {}).get("attacked", {})
    before, after, fired = told.get("before", {}), told.get("after", {}), bool(told.get("fired")) and serves
    if row := after.get(AUC):
        detail = {"auc": row["value"], "low": row["low"], "high": row["high"], **_how(fired)}
        reading = Reading(NAME, "membership_auc_distance", _distance(row), _distance(before.get(AUC)), n=int(row["n"]))
        yield judged(subject, replace(reading, group="person", detail=detail), powered=fired)
    if row := after.get(FOUND):
        was = before.get(FOUND)
        reading = Reading(
            NAME, "found_at_one_percent", float(row["value"]), float(was["value"]) if was else None, group="person",
            low=row["low"], high=row["high"], n=int(row["n"]), detail=_how(fired),
        )  # fmt: skip
        yield judged(subject, reading, powered=fired)


def _how(fired: bool) -> dict[str, Any]:
    return {"how": "RMIA beside references that never saw the rows, before the pictures were erased", "fired": fired}


def _distance(row: Mapping[str, Any] | None) -> float:
    return abs(float(row["value"]) - CHANCE) if row else 0.0


def _described(subject: Subject) -> Description:
    return connector_of(subject.artifact).describe(place_of(subject.artifact))
