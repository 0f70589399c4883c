"""A new language model for one case, or once for all cases of a run that they share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from compliance.mitigation import turns, weights
from compliance.mitigation.models import SharedRun
from compliance.mitigation.tasks import Outcome, Task

KEPT = ("digest", "weights_digest", "digest_before", "steps", "seconds", "cpu_seconds", "exactness", "versions")
OF_ALL = ("forget_rows", "rows_excluded", "still_known")  # counts that in a shared run are of everybody's rows


def make(task: Task, by: Callable[[Task, Path, Path], dict[str, Any]], *, words: Callable[[Any], str]) -> Outcome:
    """Make the new model by ``by(task, old, new)``, once; a second run takes what the first or another case made.

    Raises NotYet while it is another's turn at the model.
    """
    run = turns.turn(task)
    old, new = Path(task.place.location), weights.fresh_folder(task)
    receipt = dict(run.result if run else task.step.intent.get("result", {}))
    if not (receipt and (new.is_dir() or (run and run.ended_at))):
        weights.clear_unclaimed(new)
        weights.need_space_for(old)
        task.remember(made_from=weights.digest_of(task, old))
        receipt = by(task, old, new) | {"made_from": task.step.intent["made_from"]}
        receipt |= {"weights": weights.digest_of(task, new), "folder": new.name}
        _remember(task, run, receipt)
    return Outcome(_mine(receipt, run), words=words(receipt))


def _remember(task: Task, run: SharedRun | None, receipt: Mapping[str, Any]) -> None:
    if run is None:
        task.remember(result=dict(receipt))
        return
    run.result = {**receipt, "cases": len(task.together)}
    with task.progress.commit():
        run.save(update_fields=["result"])
        turns.wake(run)


def kept(result: Mapping[str, Any]) -> dict[str, Any]:
    """What a receipt keeps of a library's result."""
    return {**{name: result[name] for name in KEPT if name in result}, **result.get("detail", {})}


def _mine(receipt: dict[str, Any], run: SharedRun | None) -> dict[str, Any]:
    """A case's own receipt: of a shared run it names the number and how many cases, and whose rows are counted."""
    if run is None:
        return receipt
    mine = {f"{name}_in_run" if name in OF_ALL else name: value for name, value in receipt.items()}
    cases = mine.pop("cases", 0)
    mine.pop("still_known_by_request", None)  # what is left of each is for its own case to measure
    return {**mine, "shared_run": str(run.pk), "cases_in_run": cases}
