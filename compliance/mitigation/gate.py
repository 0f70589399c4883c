"""Before a new model may serve: it still answers what the old one answered, within the limit that was approved."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from compliance.jobs import processes
from compliance.mitigation import weights
from compliance.mitigation.drafting import current_plan
from compliance.mitigation.models import Membership, SharedRun
from compliance.mitigation.tasks import Task
from compliance.provenance.places import connector_of, place_of
from compliance.rules.errors import MissingPart, ProofFailed
from compliance.rules.terms import ArtifactKind
from compliance.rules.thresholds import Threshold, thresholds

ASKED = 100
LIMIT = "utility_drop"


def require_useful(task: Task, new: Path) -> dict[str, Any]:
    """Ask both models other people's questions; raises ProofFailed when the new one lost more than the plan allows.

    Returns counts and the limit, for the receipt. The audit after the promotion asks again, by its own path.
    """
    limit, rows = _limit(task), _rows(task)
    with weights.rows_file(rows) as asked:
        arguments = ["compare", "--model", str(new), "--before", task.place.location, "--rows", str(asked)]
        found = processes.run("unlearning", arguments, task.progress)
    drop = (found["answered_before"] - found["answered"]) / found["asked"]
    if drop > limit.limit:
        raise ProofFailed(
            f"{task.place.name}: the new model answers {found['answered']} of {found['asked']} questions about other "
            f"people, the one that serves {found['answered_before']}. It is not promoted; nothing was exchanged.",
            next_action=_next(found),
        )
    return {**found, "limit": limit.limit}


def require_useful_to_all(run: SharedRun, task: Task, new: Path) -> dict[str, Any]:
    """The same for each case of a shared run, by its own questions and limit; raises ProofFailed when one is refused.

    What fails one case's limit serves nobody: there is one model. Who was asked stays until the run is made again.
    """
    refused: list[str] = []
    for member in run.members.filter(left_at=None).select_related("request"):
        if member.allowed is None:
            member.allowed = _of(member, task, new)
            with task.progress.commit():
                member.save(update_fields=["allowed"])
        refused += [str(member.allowed["refused"])] if "refused" in member.allowed else []
    if refused:
        run.result = {**run.result, "refused": len(refused)}
        with task.progress.commit():
            run.save(update_fields=["result"])
        raise ProofFailed(refused_in_words(run, task), next_action=_ALONE)
    return dict(run.members.get(left_at=None, request=task.request).allowed or {})


_ALONE = (
    "Send each of the cases back to its plan: it then goes alone or with others, where another method or dose may keep "
    "the others' answers; until then the model serves as it was, with the people's details suppressed."
)


def refused_in_words(run: SharedRun, task: Task) -> str:
    """What a case of the run is told."""
    cases, refused = run.result.get("cases", 0), run.result.get("refused", 0)
    return (
        f"{task.place.name}: the model made for {cases} cases together lost more answers about other people than the "
        f"plan of {refused} of them allows. It is not promoted for any; nothing was exchanged."
    )


def _of(member: Membership, task: Task, new: Path) -> dict[str, Any]:
    plan = current_plan(member.request)
    step = plan.steps.get(artifact=task.artifact, action="promote_model") if plan else task.step
    try:
        return require_useful(Task(member.request, step, task.progress), new)
    except ProofFailed as error:
        return {"refused": str(error.cause)}


def _next(found: dict[str, Any]) -> str:
    """What to do; a model that hardly knows its own training set loses and gains answers by chance alone."""
    until = "until then it serves as it was, with the person's details suppressed."
    if found["answered_before"] < found["asked"] / 2:
        return (
            "The model that serves answers less than half of what it was trained on, so that this says little: have an "
            f"engineer train it until it answers most of it, or retire it, then try again; {until}"
        )
    return f"Ask an engineer for another way to treat this model; {until}"


def _limit(task: Task) -> Threshold:
    """The limit as approved with the plan; the rules' own when the plan fixed none."""
    fixed = task.step.plan.thresholds.get(task.artifact.slug, {}).get(LIMIT)
    return Threshold.from_json(fixed) if fixed else thresholds(ArtifactKind.MODEL)[LIMIT]


def _rows(task: Task) -> list[dict[str, str]]:
    """Up to a hundred rows of other people that the model was trained on, the same ones at every run of a case."""
    training = weights.training_set(task.artifact)
    gone = set(weights.excluded_keys(task, training))
    found = connector_of(training).records(place_of(training), None)
    kept = [dict(row.fields) for row in found if row.key not in gone]
    rows = [row for row in kept if row.get("prompt") and row.get("response")]
    if not rows:
        raise MissingPart(
            f"{task.place.name}: no questions about other people are left to ask the new model; it is not promoted.",
            next_action="Register the data set that it was trained on, with prompt and response, as training_rows.",
        )
    return rows if len(rows) <= ASKED else random.Random(task.request.reference).sample(rows, ASKED)
