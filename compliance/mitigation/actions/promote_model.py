"""Put the new model in the place of the old one, by its digest: what was made is what serves."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from compliance.mitigation import weights
from compliance.mitigation.gate import require_useful
from compliance.mitigation.models import Leftover, Step
from compliance.mitigation.refitting import require_pass
from compliance.mitigation.tasks import Outcome, Task
from compliance.rules.errors import MissingPart, ProofFailed
from compliance.rules.terms import StepStatus
from compliance.rules.thresholds import BY_JOB


def carry_out(task: Task) -> Outcome:
    """Two renames with their intent written first; a second run finishes what a kill left in between.

    A model that lost other people's answers is refused before anything is exchanged.
    """
    made = _made(task)
    wanted = str((made.receipt or {})["weights"])
    place, new, old = Path(task.place.location), weights.fresh_folder(task), weights.superseded_folder(task)
    if new.is_dir():
        if weights.digest_of(task, new) != wanted:
            raise ProofFailed(
                f"{task.place.name}: the new model's digest is not the one that was made; it is not promoted.",
                next_action="Find out who changed the folder, remove it, and try the case again.",
            )
        if place.is_dir() and not old.exists():
            task.remember(digest=wanted, superseded=old.name, useful=_allowed(task, made, new))
            place.rename(old)
        new.rename(place)
        _sync(place.parent)
    serving = weights.digest_of(task, place)
    if serving != wanted:
        raise ProofFailed(f"{task.place.name}: what serves is not the model that was made.")
    goes_on = timezone.now().date() + timedelta(days=settings.OUBLI_UNDO_DAYS)
    digest_before = weights.digest_of(task, old)
    with task.progress.commit():
        Leftover.objects.update_or_create(
            step=task.step,
            path=str(old),
            defaults={"kind": "superseded", "digest": digest_before, "goes_on": goes_on},
        )
    receipt: dict[str, Any] = {
        "serving": serving,
        "superseded": digest_before,
        "superseded_folder": old.name,
        "level": "promoted",
    }
    receipt |= {"useful": task.step.intent.get("useful", {})}
    return Outcome({**receipt, "superseded_until": goes_on.isoformat()}, words="Promoted by digest")


def _allowed(task: Task, made: Step, new: Path) -> dict[str, Any]:
    """What lets the new model serve: the gate of its job, or other people's answers."""
    if task.artifact.connector in BY_JOB:
        return require_pass(task, made.receipt or {})
    return require_useful(task, new)


def _made(task: Task) -> Step:
    steps = task.step.plan.steps.filter(artifact=task.artifact, action__in=["replay_model", "unlearn_model"])
    made = steps.filter(status=StepStatus.DONE).first()
    waiting = steps.filter(status=StepStatus.WAITING).first()
    if made is None and waiting is not None and task.artifact.connector in BY_JOB:
        require_pass(task, waiting.receipt or {})
    if made is None:
        raise MissingPart(f"{task.place.name}: no new model has been made yet.")
    return made


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
