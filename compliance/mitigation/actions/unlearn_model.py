"""Treat a model without a recorded run by an approximate method; what remains is measured, never called erased."""

from pathlib import Path
from typing import Any

from compliance.jobs import processes
from compliance.mitigation import refitting, weights
from compliance.mitigation.tasks import Outcome, Task
from compliance.provenance import services as provenance
from compliance.rules.thresholds import BY_JOB


def carry_out(task: Task) -> Outcome:
    """Unlearn the forget set into a new folder, with the rest of the training set as what must stay."""
    if task.artifact.connector in BY_JOB:
        return refitting.carry_out(task)
    old, new = Path(task.place.location), weights.fresh_folder(task)
    receipt: dict[str, Any] = dict(task.step.intent.get("result", {}))
    if not (receipt and new.is_dir()):
        weights.clear_unclaimed(new)
        weights.need_space_for(old)
        rows = weights.training_set(task.artifact)
        method = str(task.step.planned["parameters"].get("method", "alternating_wga"))
        with weights.rows_file(provenance.forget_set(task.request, rows)) as forget:
            arguments = ["unlearn", "--model", str(old), "--forget", str(forget), "--out", str(new)]
            arguments += ["--retain", str(weights.location_of(rows)), "--method", method]
            result = processes.run("unlearning", arguments, task.progress)
        kept = ("digest", "weights_digest", "digest_before", "steps", "seconds", "cpu_seconds", "exactness", "versions")
        receipt = {**{k: result[k] for k in kept if k in result}, **result.get("detail", {}), "method": method}
        task.remember(result=receipt)
    receipt["weights"] = weights.digest_of(task, new)
    receipt["folder"] = new.name
    return Outcome(receipt, words="Unlearned approximately")
