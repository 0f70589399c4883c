"""Plain words for the person who asked: where the case stands, what is next, what became of each place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.translation import gettext_lazy as _

from compliance.mitigation.models import Step
from compliance.rules.terms import Letter, State, StepStatus


@dataclass(frozen=True)
class Standing:
    """Where a case stands: a headline, what it means, and what comes next."""

    headline: Any
    means: Any
    then: Any


_AT_WORK = Standing(
    _("We are working on it"),
    _("We accepted your request. We now look for your data in all our systems, and make a plan to erase it."),
    _("A second person checks the plan before anything is erased. You need to do nothing."),
)
ENDED = frozenset((State.CLOSED, State.WITHDRAWN, State.LAPSED, State.ANSWERED, State.REFUSED, State.FORWARDED))
STANDINGS: dict[State, Standing] = {
    State.RECEIVED: Standing(
        _("Waiting for you"),
        _("We have your request. We sent a letter with a code to the e-mail address you gave."),
        _("Please confirm your address with the code. Without it we cannot start."),
    ),
    State.VERIFIED: Standing(
        _("We are reading your request"),
        _("You confirmed your address. A privacy officer now decides on your request."),
        _("We write to you when it is decided. You need to do nothing."),
    ),
    State.ACCEPTED: _AT_WORK,
    State.TRACED: _AT_WORK,
    State.PLANNED: _AT_WORK,
    State.APPROVED: Standing(
        _("We are erasing your data"),
        _("The plan is approved. Its steps are being carried out, one after the other."),
        _("When they are done we test whether your data can still be found. You need to do nothing."),
    ),
    State.MITIGATED: Standing(
        _("We are checking the result"),
        _("The steps are done. We now test whether your data can still be found."),
        _("An officer reads the tests, then we write to you. You need to do nothing."),
    ),
    State.VALIDATED: Standing(
        _("We are writing our answer"),
        _("The tests are done. A privacy officer reads them and signs our answer."),
        _("We write to you soon. You need to do nothing."),
    ),
    State.ANSWERED: Standing(
        _("We have answered"),
        _("Our letter says what we did, what remains and until when."),
        _("We look again after 7, 30 and 90 days. If you still see your data, tell us below."),
    ),
    State.REFUSED: Standing(
        _("We have refused your request"),
        _("Our letter gives the reasons and the article of the law."),
        _("The letter also says to whom you can complain."),
    ),
    State.FORWARDED: Standing(
        _("We pass your request on"),
        _("Another organisation decides about this data. Our letter says which one."),
        _("That organisation answers you. You need to do nothing."),
    ),
    State.CLOSED: Standing(
        _("Your request is closed"),
        _("Everything that was to be done for it has been done."),
        _("If you still see your data, tell us below and we look again."),
    ),
    State.WITHDRAWN: Standing(
        _("You took your request back"),
        _("Nothing more happens with this request."),
        _("You can send a new one at any time."),
    ),
    State.LAPSED: Standing(
        _("Your request has ended"),
        _("The e-mail address was not confirmed in time, so we could not start."),
        _("You can send a new one at any time."),
    ),
}
ASKED_WHO = Standing(
    _("Waiting for you"),
    _("We need to know that it is you before we can decide. Our letter says why, and what is enough."),
    _("Answer below, or answer our letter. What you send for this is destroyed when we have decided."),
)
LETTERS: dict[Letter, Any] = {
    Letter.ACKNOWLEDGED: _("We have your request"),
    Letter.CODE: _("A code for one of your addresses"),
    Letter.ACCEPTED: _("We accept your request"),
    Letter.EXTENDED: _("We need more time"),
    Letter.OUTCOME: _("Our answer"),
    Letter.REFUSED: _("We refuse your request"),
    Letter.IDENTITY: _("We need to know that it is you"),
    Letter.UNIDENTIFIED: _("We cannot tell which data is yours"),
    Letter.FORWARDED: _("We pass your request on"),
    Letter.HELD: _("We have to keep something for now"),
    Letter.RESUMED: _("We go on with your request"),
    Letter.RESTRICTED: _("We keep your data, and do not use it"),
    Letter.WITHDRAWN: _("You took your request back"),
    Letter.LAPSED: _("Your request has ended"),
}


def letter_name(letter: Letter) -> Any:
    """What a letter is called on the status page."""
    return LETTERS.get(letter, letter.label)


@dataclass(frozen=True)
class PlaceWords:
    """One place where data was found, and how far the work there is, without any promise about the result."""

    name: str
    words: Any
    done: int
    of: int
    due: date | None = None


def places(steps: Iterable[Step]) -> list[PlaceWords]:
    """The plan's steps by artifact, in the plan's order."""
    by_artifact: dict[str, list[Step]] = {}
    for step in steps:
        if step.artifact is not None:
            by_artifact.setdefault(step.artifact.name, []).append(step)
    return [_place(name, rows) for name, rows in by_artifact.items()]


def _place(name: str, rows: list[Step]) -> PlaceWords:
    done = [row for row in rows if row.status == StepStatus.DONE]
    later = [row.scheduled_for for row in rows if row.scheduled_for and row.status != StepStatus.DONE]
    active = [row for row in rows if not (row.scheduled_for and row.status != StepStatus.DONE)]
    if any(row.action == "keep" for row in rows):
        words: Any = _("Kept: the law lets or makes us keep this. Our letter says why.")
    elif any(row.action == "forward_to_controller" for row in rows):
        words = _("Passed on to the company that decides about this data")
    elif len(done) == len(rows):
        words = _("All steps done")
    elif len(done) == len(active):
        words = _("Main steps done; a safety copy goes on a fixed day")
    elif done:
        words = _("Work has started")
    else:
        words = _("Not started yet")
    return PlaceWords(name, words, len(done), len(rows), max(later, default=None))
