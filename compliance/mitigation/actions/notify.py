"""Tell recipients or the controller; told is not confirmed, so the step waits for their answer."""

from django.conf import settings
from django.core.mail import send_mail

from compliance.intake import recipients
from compliance.intake.ledgers import Recipient
from compliance.mitigation.tasks import Outcome, Task
from compliance.rules.terms import Channel, Told


def carry_out(task: Task) -> Outcome:
    """Write to every recipient that has an address, once; the step is done when nobody is left to be told.

    Each stands in the case's ledger, where their answers come in.
    """
    told = set(task.step.intent.get("told", []))
    named = [str(recipient) for recipient in task.artifact.recipients]
    for recipient in named:
        channel, address = recipients.address_of(recipient)
        if channel is Channel.EMAIL and recipient not in told:
            _write_to(task, address)
            told.add(recipient)
            task.remember(told=sorted(told))
    rows = [_on_the_ledger(task, recipient, told=recipient in told) for recipient in named]
    by_hand = [row.name for row in rows if Told(row.state) is Told.TO_TELL]
    asked = len(named) - len(by_hand)
    receipt = {"recipients": len(named), "requested": asked, "by_hand": len(by_hand), "state": "requested"}
    return Outcome(receipt, words=f"{asked} told, {len(by_hand)} to be told by hand", done=bool(named) and not by_hand)


def _on_the_ledger(task: Task, name: str, *, told: bool) -> Recipient:
    """The recipient's row; a webhook of theirs is called by whoever sends what is owed."""
    forward = task.step.action == "forward_to_controller"
    article = recipients.FORWARDED if forward else recipients.article_for(task.request)
    return recipients.note(task.request, name=name, artifact=task.artifact.slug, article=article, told=told)


def _write_to(task: Task, address: str) -> None:
    """The message names the case and the artifact, never the person: details follow over the agreed channel."""
    text = _FORWARD if task.step.action == "forward_to_controller" else _TELL
    request = task.request
    words = {"entity": request.entity.name, "contact": request.entity.contact, "case": request.reference}
    body = text.format(reason=task.step.reason, artifact=task.artifact.name, **words)
    send_mail(f"Case {request.reference}: action needed", body, settings.DEFAULT_FROM_EMAIL, [address])


_CHANNEL = "{contact}, naming the case {case}; the identifiers follow over the agreed channel.\n"
_TELL = (
    "{entity} has to erase a person's data ({reason})\n"
    "You received data from {artifact}. Please erase it too and confirm to " + _CHANNEL
)
_FORWARD = (
    "A person has asked {entity} to erase their data ({reason})\n"
    "We hold {artifact} for you, and you decide about it: nothing in it was changed. Please tell us what to do: "
    + _CHANNEL
)
