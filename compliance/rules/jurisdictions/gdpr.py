"""GDPR: one month, three when extended, ended as Regulation 1182/71 ends periods."""

from __future__ import annotations

from datetime import date, timedelta

from compliance.rules.calendars import add_months
from compliance.rules.jurisdictions import Clock, Facts, Rule
from compliance.rules.terms import Exemption, Ground, Law

PAUSES, EXTENDS = True, True
LAW = Law.GDPR
AUTHORITY_REMEDY = "Complaint to a supervisory authority (Art. 77) and judicial remedy (Art. 79)."
_SINCE = date(2018, 5, 25)
_TEXT = "Regulation (EU) 2016/679"

ANSWER = Rule(
    "Answer within one month of receipt: the period ends with the same-numbered day of the next month, or that month's "
    "last day; a Saturday, Sunday or public holiday moves the end to the next working day.",
    "Art. 12(3); Reg. 1182/71 Art. 3",
    f"{_TEXT}; Regulation (EEC, Euratom) No 1182/71; EDPB Guidelines 01/2022",
    _SINCE,
)
EXTENSION = Rule(
    "Extension by two months, three in all counted from receipt; notice with reasons inside the first month.",
    "Art. 12(3)",
    _TEXT,
    _SINCE,
)
REFUSAL = Rule(
    "A refusal is sent without delay and at most one month from receipt; an extension does not carry over to it.",
    "Art. 12(4)",
    _TEXT,
    _SINCE,
)
IDENTITY = Rule(
    "While a reasonable doubt about identity is resolved the period is suspended, when it was raised promptly, once.",
    "Art. 12(6)",
    f"{_TEXT}; EDPB Guidelines 01/2022",
    _SINCE,
)
DUTIES = (
    Rule("Controllers to whom published data went are told of the request.", "Art. 17(2), rec. 66", _TEXT, _SINCE),
    Rule("Each recipient is told of the erasure, and the person on request who they are.", "Art. 19", _TEXT, _SINCE),
    Rule("A person who cannot be identified is told so, and what would help.", "Art. 11(2), 12(2)", _TEXT, _SINCE),
    Rule("Manifestly unfounded or excessive: the controller bears the proof.", "Art. 12(5)", _TEXT, _SINCE),
    Rule("The person may choose restriction instead of erasure.", "Art. 18", _TEXT, _SINCE),
    Rule("A processor forwards to the controller and acts on instruction.", "Art. 28(3)(e)", _TEXT, _SINCE),
)
RULES = (ANSWER, EXTENSION, REFUSAL, IDENTITY, *DUTIES)
GROUNDS = (
    Ground.NO_LONGER_NECESSARY,
    Ground.CONSENT_WITHDRAWN,
    Ground.OBJECTION,
    Ground.UNLAWFUL,
    Ground.LEGAL_DUTY,
    Ground.CHILD,
)
EXEMPTIONS = (
    Exemption.EXPRESSION,
    Exemption.LEGAL_OBLIGATION,
    Exemption.PUBLIC_HEALTH,
    Exemption.ARCHIVE_RESEARCH,
    Exemption.LEGAL_CLAIMS,
)


def clock(facts: Facts) -> Clock:
    """One month or three from receipt; the first identity pause moves the nominal and the promised date.

    The earlier reading does not move the end past a weekend or holiday.
    """
    months = 3 if facts.extended else 1
    pause = timedelta(days=facts.first_pause.days if facts.first_pause else 0)
    end = add_months(facts.received_on, months)
    month_one = facts.calendar.on_or_after(add_months(facts.received_on, 1) + pause)
    return Clock(
        law=LAW,
        received_on=facts.received_on,
        nominal=facts.calendar.on_or_after(end + pause),
        conservative=end,
        promised=facts.calendar.on_or_before(end + pause),
        basis=EXTENSION if facts.extended else ANSWER,
        notes=_notes(facts),
        extend_by=month_one,
        refuse_by=month_one,
    )


def _notes(facts: Facts) -> tuple[str, ...]:
    notes = [f"Working days of {facts.calendar.name}."]
    if facts.extended:
        notes.append("A refusal would still be due inside the first month (Art. 12(4)).")
    if facts.pauses:
        notes.append("Counted once, and only when identity was asked for promptly and with a reason (Art. 12(6)).")
    if facts.first_pause and facts.first_pause.answered_on is None:
        notes.append("Identity is still open: the dates stand as if nothing had been asked.")
    return tuple(notes)
