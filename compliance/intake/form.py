"""What the form holds when it is sent, and how it lies in the case: the mailbox apart from who is looked for."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from compliance.accounts.models import LegalEntity
from compliance.intake import addresses
from compliance.rules import asking, identifiers
from compliance.rules.errors import InvalidInput
from compliance.rules.terms import IdentifierKind, Requester

FOR_ANOTHER = (Requester.PARENT, Requester.AGENT, Requester.CONTROLLER)
LONGEST_CLUE, MOST_CLUES = 2000, 10


@dataclass(frozen=True)
class Identifier:
    """What finds a person, as typed; ``proven`` when control of it was shown."""

    kind: IdentifierKind
    value: str
    proven: bool = False


@dataclass(frozen=True)
class Clue:
    """What the person saw: a link, words, or the question that makes it appear."""

    kind: asking.Clue
    value: str = field(repr=False)


@dataclass(frozen=True)
class Upload:
    """An attachment that was examined and sealed before the form was sent, with the key that opens it."""

    pk: uuid.UUID
    key: bytes = field(repr=False)


@dataclass(frozen=True)
class Submission:
    """What the form holds; ``email`` gets the code and the letters, and is looked for unless somebody else is."""

    entity: LegalEntity
    email: str
    name: str = ""
    language: str = "en"
    requester: Requester = Requester.SELF
    others: Sequence[Identifier] = field(default_factory=tuple)
    details: str = ""
    wishes: Sequence[asking.Wish] = (asking.Wish.ERASE,)
    clues: Sequence[Clue] = field(default_factory=tuple)
    where: str = ""
    whys: Sequence[asking.Why] = field(default_factory=tuple)
    uploads: Sequence[Upload] = field(default_factory=tuple)


def content_of(form: Submission) -> dict[str, Any]:
    """What is sealed with the case.

    An agent's or a parent's mailbox gets the letters and is never looked for: proving it proves nobody else's data.
    """
    others = [{"kind": str(i.kind), "value": i.value, "proven": False} for i in form.others]
    email = {"kind": str(IdentifierKind.EMAIL), "value": form.email.strip(), "proven": False}
    own = [] if form.requester in FOR_ANOTHER else [email]
    return {
        "contact": {"value": form.email.strip(), "proven": False},
        "name": form.name.strip(),
        "identifiers": [*own, *others],
        "details": form.details,
        "wishes": [str(wish) for wish in form.wishes],
        "clues": [{"kind": str(clue.kind), "value": clue.value} for clue in form.clues],
        "where": form.where,
        "whys": [str(why) for why in form.whys],
    }


def check(form: Submission) -> None:
    """InvalidInput for what cannot be looked for, or is more than a form takes; never repeats a value."""
    for other in form.others:
        check_one(other, region=form.entity.phone_region)
    if not form.wishes:
        raise InvalidInput("Receiving a request: it wishes for nothing.", next_action="Choose at least one wish.")
    if len(form.clues) > MOST_CLUES or any(len(clue.value) > LONGEST_CLUE for clue in form.clues):
        raise InvalidInput(
            f"Receiving a request: more than {MOST_CLUES} clues, or one of more than {LONGEST_CLUE} characters.",
            next_action="Send fewer or shorter ones; more can be added on the status page.",
        )


def check_one(given: Identifier, *, region: str | None) -> None:
    """InvalidInput for what cannot be looked for, and for an address with two readings: a code may go there."""
    value = addresses.mailbox(given.value) if given.kind == IdentifierKind.EMAIL else given.value
    identifiers.parse(f"{given.kind}:{value}", region=region)


def contact_of(content: Mapping[str, Any]) -> str:
    """The mailbox that gets the letters."""
    contact = content.get("contact") or content["identifiers"][0]
    return str(contact["value"])
