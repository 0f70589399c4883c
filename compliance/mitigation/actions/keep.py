"""Keep an artifact under an exemption: nothing is done, and that is said."""

from compliance.intake.standing import standing
from compliance.mitigation.tasks import Outcome, Task


def carry_out(task: Task) -> Outcome:
    """Record that the artifact is kept, and by which decision."""
    exemption = standing(task.request).exemption_of(task.artifact.slug)
    return Outcome({"kept": True, "exemption": str(exemption or "")}, words="Kept")
