"""Keep an artifact under an exemption: nothing is done, and that is said."""

from compliance.mitigation.tasks import Outcome, Task


def carry_out(task: Task) -> Outcome:
    """Record that the artifact is kept, and by which decision."""
    decision = task.request.decisions.filter(kind="keep", artifact=task.artifact.slug).order_by("-id").first()
    return Outcome({"kept": True, "exemption": decision.exemption if decision else ""}, words="Kept")
