"""The log's events of a case, in words."""

from __future__ import annotations

from dataclasses import dataclass

from compliance.audit.models import Event
from compliance.intake.models import ErasureRequest
from compliance.rules.terms import State

_EVENT_WORDS = {
    "trace.written": "Search finished",
    "trace.ticked": "Candidate decided",
    "job.retried": "Work tried again",
    "run.joined": "Bound into one run with other cases",
    "run.left": "Taken out of the shared run",
    "run.called": "Shared run told to begin",
    "run.begun": "Shared run begun",
    "identifiers.shown": "Identifiers looked at",
    "search.widened": "Search widened by a confirmed record",
    "search.narrowed": "Search no longer widened by a record",
    "traces.shown": "Candidates looked at",
    "pack.downloaded": "Evidence downloaded",
}


def event_words(kind: str) -> str:
    """What an event is called on pages."""
    family, _, name = kind.partition(".")
    if family == "case" and name in set(State):
        return State(name).label
    if family == "decision":
        return f"Decision: {name.replace('_', ' ')}"
    return _EVENT_WORDS.get(kind) or kind.replace(".", ": ").replace("_", " ").capitalize()


@dataclass(frozen=True)
class EventRow:
    """One line of the log, as people read it."""

    event: Event
    words: str
    detail: tuple[tuple[str, str], ...]
    logged: bool


def events(case: ErasureRequest) -> list[EventRow]:
    """What happened to the case, newest first."""
    rows = Event.objects.of_case(case.reference).select_related("opening", "leaf")
    return [event_row(event) for event in reversed(list(rows))]


def event_row(event: Event) -> EventRow:
    """One event with the words that its opening still holds."""
    detail = tuple((name.replace("_", " "), str(value)[:120]) for name, value in event.words().items() if value != "")
    return EventRow(event, event_words(event.kind), detail, hasattr(event, "leaf"))
