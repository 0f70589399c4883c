"""Rebuild an index, purge a cache or a log: the person's entries go, a mention in somebody else's is blanked."""

from compliance.mitigation.rewriting import treat
from compliance.mitigation.tasks import Outcome, Task


def carry_out(task: Task) -> Outcome:
    """Rewrite the artifact: own records out, shared ones blanked, in one pass."""
    own, shared = task.records
    return treat(task, own=own, shared=shared)
