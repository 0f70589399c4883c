"""Tell recipients or the controller; told is not confirmed, so the step waits for their answer."""

from django.conf import settings
from django.core.mail import send_mail

from compliance.mitigation.tasks import Outcome, Task


def carry_out(task: Task) -> Outcome:
    """Write to every recipient that has an address, once; the step is done when nobody is left to be told by hand."""
    told = set(task.step.intent.get("told", []))
    named = [str(recipient) for recipient in task.artifact.recipients]
    for recipient in named:
        address = next((word.strip("<>(),;") for word in recipient.split() if "@" in word), "")
        if address and recipient not in told:
            _write_to(task, address)
            told.add(recipient)
            task.remember(told=sorted(told))
    by_hand = [recipient for recipient in named if recipient not in told]
    receipt = {"recipients": len(named), "requested": len(told), "by_hand": len(by_hand), "state": "requested"}
    return Outcome(
        receipt, words=f"{len(told)} told, {len(by_hand)} to be told by hand", done=bool(named) and not by_hand
    )


def _write_to(task: Task, address: str) -> None:
    """The message names the case and the artifact, never the person: details follow over the agreed channel."""
    send_mail(
        f"Case {task.request.reference}: action needed",
        f"{task.request.entity.name} has to erase a person's data ({task.step.reason})\n"
        f"You received data from {task.artifact.name}. Please erase it too and confirm to "
        f"{task.request.entity.contact}, naming the case {task.request.reference}; the identifiers follow over the "
        "agreed channel.\n",
        settings.DEFAULT_FROM_EMAIL,
        [address],
    )
