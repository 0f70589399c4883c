"""UK GDPR: one month that starts when identity information has arrived (Data (Use and Access) Act 2025)."""

from __future__ import annotations

from datetime import date

from compliance.rules.calendars import add_months
from compliance.rules.jurisdictions import Clock, Facts, Rule, gdpr
from compliance.rules.terms import Law

PAUSES, EXTENDS = True, True
LAW = Law.UK_GDPR
AUTHORITY_REMEDY = "Complaint to the Information Commissioner (Art. 77) and judicial remedy (Art. 79)."
_TEXT = "Data (Use and Access) Act 2025, read in secondary sources; day of commencement to be confirmed"
_SINCE = date(2025, 6, 19)

ANSWER = Rule(
    "Answer within one month of the later of receipt and of the identity information asked for; two months more when "
    "extended. Asking what exactly is meant does not pause an erasure.",
    "Art. 12A",
    _TEXT,
    _SINCE,
    reviewed=False,
)
RULES = (ANSWER,)
GROUNDS = gdpr.GROUNDS
EXEMPTIONS = gdpr.EXEMPTIONS


def clock(facts: Facts) -> Clock:
    """One month or three from identity; the earlier reading counts from receipt, without moving past a holiday."""
    months = 3 if facts.extended else 1
    pause = facts.first_pause
    start = max(facts.received_on, pause.answered_on) if pause and pause.answered_on else facts.received_on
    end = add_months(start, months)
    month_one = facts.calendar.on_or_after(add_months(start, 1))
    return Clock(
        law=LAW,
        received_on=facts.received_on,
        nominal=facts.calendar.on_or_after(end),
        conservative=add_months(facts.received_on, months),
        promised=facts.calendar.on_or_before(end),
        basis=ANSWER,
        notes=(f"Working days of {facts.calendar.name}.",),
        extend_by=month_one,
        refuse_by=month_one,
    )
