"""Rebuild a model without the person from its recorded run: the exact route."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compliance.jobs import processes
from compliance.mitigation import weights
from compliance.mitigation.tasks import Outcome, Task


def carry_out(task: Task) -> Outcome:
    """Replay the run's tail into a new folder; a killed replay goes on where it was, a finished one is kept."""
    old, new = Path(task.place.location), weights.fresh_folder(task)
    receipt = dict(task.step.intent.get("result", {}))
    if not (receipt and new.is_dir()):
        weights.clear_unclaimed(new)
        weights.need_space_for(old)
        rows = weights.training_set(task.artifact)
        with weights.listed(weights.excluded_keys(task, rows)) as keys:
            arguments = ["replay", "--model", str(old), "--rows", str(weights.location_of(rows))]
            arguments += ["--exclude-keys", str(keys), "--out", str(new)]
            receipt = _receipt(processes.run("unlearning", arguments, task.progress))
        task.remember(result=receipt)
    receipt["weights"] = weights.digest_of(task, new)
    receipt["folder"] = new.name
    return Outcome(receipt, words=f"Replayed from step {receipt.get('first_step', 0)}")


def _receipt(result: Mapping[str, Any]) -> dict[str, Any]:
    detail = result.get("detail", {})
    kept = ("digest", "weights_digest", "digest_before", "steps", "seconds", "cpu_seconds", "exactness", "versions")
    return {**{name: result[name] for name in kept if name in result}, **detail, "level": "rebuilt"}
