"""Hide the person's chunks from every search at once; they are still stored until the rebuild."""

from pathlib import Path

from compliance.mitigation.tasks import Outcome, Task
from retrieval.erase import hide


def carry_out(task: Task) -> Outcome:
    """Hide own and shared chunks; takes effect in running processes too."""
    own, shared = task.records
    receipt = hide(Path(task.place.location), [int(record) for record in (*own, *shared)])
    return Outcome({"level": "hidden", "hidden": len(own) + len(shared), "seconds": round(receipt.seconds, 4)})
