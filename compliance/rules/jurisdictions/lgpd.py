"""LGPD: erasure at once or a reasoned reply, with no number of days; access in fifteen."""

from __future__ import annotations

from datetime import date, timedelta

from compliance.rules.jurisdictions import Clock, Facts, Rule, Wish
from compliance.rules.terms import Exemption, Ground, Law

PAUSES, EXTENDS = False, False
LAW = Law.LGPD
AUTHORITY_REMEDY = "Petition to the ANPD (Art. 18 §1) and consumer protection bodies (Art. 18 §8)."
_TEXT = "Lei nº 13.709/2018"
_SINCE = date(2020, 9, 18)
TARGET_DAYS = 15

ERASURE = Rule(
    "Erasure is done at once, or a reply says why not, in fact or in law, and who the agent is if it is somebody else; "
    "the law sets no number of days. Fifteen days are our own target.",
    "Art. 18 §3, §4",
    _TEXT,
    _SINCE,
    ours=True,
)
ACCESS = Rule("Simplified at once; the full declaration within 15 days.", "Art. 19", _TEXT, _SINCE)
SMALL_AGENT = Rule(
    "Small agents have twice the time.",
    "Art. 14, Resolução CD/ANPD nº 2/2022",
    "Resolução CD/ANPD nº 2, 27 January 2022",
    date(2022, 1, 28),
)
DUTIES = (
    Rule("Other agents with whom the data was shared are told at once.", "Art. 18 §6", _TEXT, _SINCE),
    Rule("Who is not the agent says so, and names the agent where possible.", "Art. 18 §4 I", _TEXT, _SINCE),
)
RULES = (ERASURE, ACCESS, SMALL_AGENT, *DUTIES)
GROUNDS = (Ground.LGPD_EXCESS, Ground.LGPD_CONSENT)
EXEMPTIONS = (
    Exemption.LGPD_LEGAL_DUTY,
    Exemption.LGPD_RESEARCH,
    Exemption.LGPD_TRANSFER,
    Exemption.LGPD_OWN_USE,
)


def clock(facts: Facts) -> Clock:
    """Fifteen plain days, thirty for a small agent; neither extension nor pause is known to the law.

    The promise stays at fifteen days for a small agent too: doubling is a leave, not a duty.
    """
    days = TARGET_DAYS * (2 if facts.small_agent else 1)
    access = facts.wish is Wish.ACCESS
    nominal = facts.received_on + timedelta(days=days)
    target = facts.received_on + timedelta(days=TARGET_DAYS)
    return Clock(
        law=LAW,
        received_on=facts.received_on,
        nominal=nominal,
        conservative=target,
        promised=facts.calendar.on_or_before(target),
        basis=(SMALL_AGENT if facts.small_agent else ACCESS) if access else ERASURE,
        notes=_notes(facts, access=access),
        fixed=access,
    )


def _notes(facts: Facts, *, access: bool) -> tuple[str, ...]:
    notes = [] if access else ["The law says at once; the date is our own target, not a leave to wait."]
    notes += ["The law knows no extension: the date did not move."] if facts.extended else []
    notes += ["The law knows no pause: the date did not move."] if facts.pauses else []
    return tuple(notes)
