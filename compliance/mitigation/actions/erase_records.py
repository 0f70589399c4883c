"""Take the person's own records out of a source or derived set."""

from compliance.mitigation.rewriting import treat
from compliance.mitigation.tasks import Outcome, Task


def carry_out(task: Task) -> Outcome:
    """Rewrite the artifact without the person's records."""
    own, _ = task.records
    return treat(task, own=own, shared=())
