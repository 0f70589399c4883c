"""Rebuild a model without the person, from its recorded run or by fitting it anew: the exact route."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compliance.jobs import processes
from compliance.mitigation import weights
from compliance.mitigation.refitting import passed, refit
from compliance.mitigation.tasks import Outcome, Task
from compliance.rules.thresholds import TABLE_MODEL


def carry_out(task: Task) -> Outcome:
    """Replay the run's tail into a new folder; a killed replay goes on where it was, a finished one is kept."""
    old, new = Path(task.place.location), weights.fresh_folder(task)
    receipt = dict(task.step.intent.get("result", {}))
    if not (receipt and passed(receipt) and new.is_dir()):
        weights.clear_unclaimed(new)
        weights.need_space_for(old)
        receipt = refit(task, new) if task.artifact.connector == TABLE_MODEL else _replay(task, old, new)
        task.remember(result=receipt)
    receipt["weights"] = weights.digest_of(task, new)
    receipt["folder"] = new.name
    # What the gate did not pass waits for a person: other steps go on, the promotion says why it does not.
    return Outcome(receipt, words=_words(receipt), done=passed(receipt))


def _words(receipt: Mapping[str, Any]) -> str:
    if "gate" in receipt:
        return f"Fitted anew by an unlearning job; gate: {receipt['gate']}"
    return f"Replayed from step {receipt.get('first_step', 0)}"


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
