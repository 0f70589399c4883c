"""Swiss FADP: erasure without a fixed number of days; thirty are used."""

from __future__ import annotations

from datetime import date, timedelta

from compliance.rules.jurisdictions import Clock, Facts, Rule
from compliance.rules.terms import Exemption, Ground, Law

PAUSES, EXTENDS = False, False
LAW = Law.SWISS_FADP
AUTHORITY_REMEDY = "Report to the Federal Data Protection and Information Commissioner; civil action (Art. 32)."
DAYS = 30

ANSWER = Rule(
    "Erasure has no fixed number of days; thirty are used, as for access.",
    "Art. 32(2) FADP",
    "Federal Act on Data Protection of 25 September 2020, read in secondary sources",
    date(2023, 9, 1),
    reviewed=False,
    ours=True,
)
RULES = (ANSWER,)
GROUNDS = (Ground.NO_LONGER_NECESSARY, Ground.CONSENT_WITHDRAWN, Ground.OBJECTION, Ground.UNLAWFUL)
EXEMPTIONS = (Exemption.LEGAL_OBLIGATION, Exemption.LEGAL_CLAIMS)


def clock(facts: Facts) -> Clock:
    """Thirty days from receipt; nothing moves it, because nothing sets it."""
    limit = facts.received_on + timedelta(days=DAYS)
    return Clock(
        law=LAW,
        received_on=facts.received_on,
        nominal=limit,
        conservative=limit,
        promised=facts.calendar.on_or_before(limit),
        basis=ANSWER,
        notes=("The law sets no number of days: thirty are our own target.",),
        fixed=False,
    )
