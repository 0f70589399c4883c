"""Rebuild a model without the person, from its recorded run or by fitting it anew: the exact route."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compliance.jobs import processes
from compliance.mitigation import refitting, weights
from compliance.mitigation.tasks import Outcome, Task
from compliance.rules.thresholds import BY_JOB


def carry_out(task: Task) -> Outcome:
    """Replay the run's tail into a new folder; a killed replay goes on where it was, a finished one is kept."""
    if task.artifact.connector in BY_JOB:
        return refitting.carry_out(task)
    old, new = Path(task.place.location), weights.fresh_folder(task)
    receipt = dict(task.step.intent.get("result", {}))
    if not (receipt and new.is_dir()):
        weights.clear_unclaimed(new)
        weights.need_space_for(old)
        receipt = _replay(task, old, new)
        task.remember(result=receipt)
    receipt["weights"] = weights.digest_of(task, new)
    receipt["folder"] = new.name
    return Outcome(receipt, words=f"Replayed from step {receipt.get('first_step', 0)}")


def _replay(task: Task, old: Path, new: Path) -> dict[str, Any]:
    rows = weights.training_set(task.artifact)
    with weights.listed(weights.excluded_keys(task, rows)) as keys:
        arguments = ["replay", "--model", str(old), "--rows", str(weights.location_of(rows))]
        arguments += ["--exclude-keys", str(keys), "--out", str(new)]
        return _receipt(processes.run("unlearning", arguments, task.progress))


def _receipt(result: Mapping[str, Any]) -> dict[str, Any]:
    detail = result.get("detail", {})
    kept = ("digest", "weights_digest", "digest_before", "steps", "seconds", "cpu_seconds", "exactness", "versions")
    return {**{name: result[name] for name in kept if name in result}, **detail, "level": "rebuilt"}
