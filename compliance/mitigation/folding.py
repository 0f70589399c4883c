"""Out-of-fold models for a model that forgot: those of before knew the person; the next request needs new ones."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from compliance.jobs import processes
from compliance.mitigation import orders, weights
from compliance.mitigation.tasks import Task
from compliance.provenance import classifiers


def renewed(task: Task, new: Path) -> dict[str, Any]:
    """Train them without the person's rows and put them into the new model's folder, when the plan says so.

    They belong to the model's folder and its digest, so that they are there before it serves. Costs as many trainings
    as there are folds: the plan says how long.
    """
    planned = task.step.planned["parameters"]
    if not planned.get("renew_folds"):
        return {}
    pictures, partial = classifiers.trained_on(task.artifact), beside(new)
    arguments = ["classifier", "folds", "--data", pictures.location, "--model", str(new), "--out", str(partial)]
    arguments += ["--folds", str(planned["folds"])]
    if people := classifiers.people_file(pictures):
        arguments += ["--people", str(people)]
    with weights.listed(orders.pictures_of(task)) as gone:
        processes.run("unlearning", [*arguments, "--forget-ids", str(gone)], task.progress)
    weights.clear_unclaimed(new)
    take(partial, new)
    return {"folds": planned["folds"]}


def beside(new: Path) -> Path:
    """An empty place beside the new model's, for what is not whole yet."""
    partial = new.with_name(f"{new.name}.partial")
    weights.clear_unclaimed(partial)
    return partial


def take(partial: Path, new: Path) -> None:
    """Give a whole folder its name once its files are on the disk."""
    for path in partial.rglob("*"):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    partial.rename(new)
