"""Rebuild a model without the person, from its recorded run or by fitting it anew: the exact route."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compliance.jobs import processes
from compliance.mitigation import making, refitting, weights
from compliance.mitigation.tasks import Outcome, Task
from compliance.rules.thresholds import BY_JOB


def carry_out(task: Task) -> Outcome:
    """Replay the run's tail into a new folder; a killed replay goes on where it was, a finished one is kept."""
    if task.artifact.connector in BY_JOB:
        return refitting.carry_out(task)
    return making.make(task, _replay, words=lambda made: f"Replayed from step {made.get('first_step', 0)}")


def _replay(task: Task, old: Path, new: Path) -> dict[str, Any]:
    rows = weights.training_set(task.artifact)
    with weights.listed(weights.excluded_keys(task, rows)) as keys:
        arguments = ["replay", "--model", str(old), "--rows", str(weights.location_of(rows))]
        arguments += ["--exclude-keys", str(keys), "--out", str(new)]
        return _receipt(processes.run("unlearning", arguments, task.progress))


def _receipt(result: Mapping[str, Any]) -> dict[str, Any]:
    return making.kept(result) | {"level": "rebuilt"}
