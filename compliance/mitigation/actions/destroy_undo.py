"""On the day that the plan names: undo copies lose their key and their file, superseded models their folder."""

import shutil
from pathlib import Path

from django.utils import timezone

from compliance.mitigation.models import Leftover
from compliance.mitigation.tasks import Outcome, Task
from compliance.rules.terms import ArtifactKind


def carry_out(task: Task) -> Outcome:
    """Destroy every leftover of this artifact's steps; a path that is gone already counts as destroyed."""
    rows = Leftover.objects.filter(step__plan=task.step.plan, step__artifact=task.artifact, gone_at=None)
    count = 0
    for row in rows:
        path = Path(row.path)
        if path.is_dir():
            doomed = path.with_name(f"{path.name}.going")
            path.rename(doomed)
            path = doomed
        with task.progress.commit():
            row.wrapped_key, row.gone_at = None, timezone.now()
            row.save(update_fields=["wrapped_key", "gone_at"])
        _remove(path)
        count += 1
    for half in {Path(p).with_name(f"{Path(p).name}.going") for p in _all_paths(task)}:
        _remove(half)
    if ArtifactKind(task.artifact.kind) is ArtifactKind.CHECKPOINT and Path(task.place.location).exists():
        # A checkpoint is no copy of ours: who keeps it removes it and takes it off the register.
        return Outcome({"destroyed": count, "still_there": True}, words=_BY_HAND, done=False)
    return Outcome({"destroyed": count}, words=f"{count} copies destroyed")


_BY_HAND = "The checkpoint is still there: remove it, and take it out of systems.yaml"


def _all_paths(task: Task) -> list[str]:
    found = Leftover.objects.filter(step__plan=task.step.plan, step__artifact=task.artifact)
    return list(found.values_list("path", flat=True))


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
