"""Put the new model in the place of the old one, by its digest: what was made is what serves."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from compliance.mitigation import turns, weights
from compliance.mitigation.gate import require_useful, require_useful_to_all
from compliance.mitigation.models import Leftover, SharedRun, Step
from compliance.mitigation.refitting import require_pass
from compliance.mitigation.tasks import NotYet, Outcome, Task
from compliance.rules.errors import MissingPart, ProofFailed
from compliance.rules.terms import StepStatus
from compliance.rules.thresholds import BY_JOB


def carry_out(task: Task) -> Outcome:
    """Two renames with their intent written first; a second run finishes what a kill left in between.

    A model that lost other people's answers is refused before anything is exchanged, and one that was made from a model
    which serves no more is made again. In a run that several cases share, one of them does this for all.
    """
    run, made = task.shared, _made(task)
    if run and not run.ended_at:
        turns.hold(run, task)
    receipt = (
        _exchanged(task, made) if not (run and run.ended_at) else {"serving": str((made.receipt or {})["weights"])}
    )
    old = weights.superseded_folder(task)
    goes_on = timezone.now().date() + timedelta(days=settings.OUBLI_UNDO_DAYS)
    digest_before = weights.digest_of(task, old) if old.is_dir() else str((made.receipt or {}).get("made_from", ""))
    with task.progress.commit():
        Leftover.objects.update_or_create(
            step=task.step,
            path=str(old),
            defaults={"kind": "superseded", "digest": digest_before, "goes_on": goes_on},
        )
        if run and not run.ended_at:
            SharedRun.objects.filter(pk=run.pk).update(ended_at=timezone.now())
            turns.wake(run)
    receipt |= {"superseded": digest_before, "superseded_folder": old.name, "level": "promoted"}
    receipt |= {"useful": task.step.intent.get("useful", {}) if run is None else _found_for(task)}
    receipt |= {"shared_run": str(run.pk)} if run else {}
    return Outcome({**receipt, "superseded_until": goes_on.isoformat()}, words="Promoted by digest")


def _exchanged(task: Task, made: Step) -> dict[str, Any]:
    """Let the new model serve; its digest."""
    wanted = str((made.receipt or {})["weights"])
    place, new, old = Path(task.place.location), weights.fresh_folder(task), weights.superseded_folder(task)
    if new.is_dir():
        if weights.digest_of(task, new) != wanted:
            raise ProofFailed(
                f"{task.place.name}: the new model's digest is not the one that was made; it is not promoted.",
                next_action="Find out who changed the folder, remove it, and try the case again.",
            )
        if place.is_dir() and not old.exists():
            _made_from_what_serves(task, made, new)
            task.remember(digest=wanted, superseded=old.name, useful=_allowed(task, made, new))
            place.rename(old)
        new.rename(place)
        _sync(place.parent)
    serving = weights.digest_of(task, place)
    if serving != wanted:
        raise ProofFailed(f"{task.place.name}: what serves is not the model that was made.")
    return {"serving": serving}


def _made_from_what_serves(task: Task, made: Step, new: Path) -> None:
    """Have the new model made again where another came to serve meanwhile: it would bring back whom that one forgot."""
    start = (made.receipt or {}).get("made_from")
    if start is None or start == weights.digest_of(task, Path(task.place.location)):
        return
    if task.artifact.connector in BY_JOB:
        raise ProofFailed(
            f"{task.place.name}: another model came to serve since the new one was made; it is not promoted.",
            next_action="Send the case back to its plan and have it approved again: the model is then made again.",
        )
    cases = [case.pk for case in task.together]
    steps = Step.objects.filter(plan__request__in=cases, artifact=task.artifact, action__in=turns.MAKING)
    with task.progress.commit():
        steps.filter(status=StepStatus.DONE, receipt__made_from=start).update(
            status=StepStatus.PENDING, receipt=None, finished_at=None, intent={}
        )
        if task.shared:
            SharedRun.objects.filter(pk=task.shared.pk).update(result={})
            task.shared.members.update(allowed=None)
    weights.clear_unclaimed(new)
    raise NotYet(timezone.now(), "Another model came to serve meanwhile: the new one is made again from that")


def _allowed(task: Task, made: Step, new: Path) -> dict[str, Any]:
    """What lets the new model serve: the gate of its job, or other people's answers."""
    if task.artifact.connector in BY_JOB:
        return require_pass(task, made.receipt or {})
    if task.shared:
        return require_useful_to_all(task.shared, task, new)
    return require_useful(task, new)


def _found_for(task: Task) -> dict[str, Any]:
    return dict((task.membership.allowed if task.membership else None) or {})


def _made(task: Task) -> Step:
    steps = task.step.plan.steps.filter(artifact=task.artifact, action__in=turns.MAKING)
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
