"""Treat a model without a recorded run by an approximate method; what remains is measured, never called erased."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from compliance.jobs import processes
from compliance.mitigation import earlier, making, refitting, weights
from compliance.mitigation.tasks import Outcome, Task
from compliance.provenance import services as provenance
from compliance.provenance.models import Artifact
from compliance.provenance.places import connector_of, place_of
from compliance.rules.errors import MissingPart
from compliance.rules.thresholds import BY_JOB


def carry_out(task: Task) -> Outcome:
    """Unlearn the forget set into a new folder, with the rest of the training set as what must stay."""
    if task.artifact.connector in BY_JOB:
        return refitting.carry_out(task)
    return making.make(task, _unlearn, words=lambda _: "Unlearned approximately")


def _unlearn(task: Task, old: Path, new: Path) -> dict[str, Any]:
    """One file of rows for each case, and one for the people of earlier cases, who are forgotten again."""
    training = weights.training_set(task.artifact)
    method = str(task.step.planned["parameters"].get("method", "alternating_wga"))
    asked = [provenance.forget_set(case, training) for case in task.together]
    before = earlier.forgotten_before(task.request, task.artifact)
    before = earlier.still_kept([case for case in before if case not in task.together], task.artifact)
    mine = [row for rows in asked for row in rows]
    if not mine:
        raise MissingPart(
            f"{task.place.name}: none of the rows that it was trained on is known to be the person's.",
            next_action="Have the case traced again with the training set registered.",
        )
    again = earlier.again(before, training, beside=[*_staying(task, training), *mine]) if before else []
    with ExitStack() as files:
        forget = [str(files.enter_context(weights.rows_file(rows))) for rows in (*asked, again) if rows]
        retain = files.enter_context(_retained(task, training))
        arguments = ["unlearn", "--model", str(old), "--forget", *forget, "--out", str(new)]
        arguments += ["--retain", str(retain), "--method", method]
        result = processes.run("unlearning", arguments, task.progress)
    told: dict[str, Any] = {"method": method}
    if again:
        known = str(result["detail"].get("still_known_by_request", "")).split()
        told |= {"cases_forgotten_again": len(before), "rows_forgotten_again": len(again)}
        told |= {"rows_forgotten_again_still_known": int(known[-1])} if known else {}
    return {**making.kept(result), **told}


@contextmanager
def _retained(task: Task, training: Artifact) -> Iterator[Path]:
    """The training set as it lies there, the person's rows erased; in a shared run without those of its other cases,

    wherever their own steps stand.
    """
    if len(task.together) == 1:
        yield weights.location_of(training)
        return
    with weights.rows_file(_staying(task, training)) as path:
        yield path


def _staying(task: Task, training: Artifact) -> list[Mapping[str, str]]:
    gone = set(weights.excluded_keys(task, training))
    rows = connector_of(training).records(place_of(training), None)
    return [row.fields for row in rows if row.key not in gone]
