"""CCPA/CPRA: confirm in ten business days, answer in 45 calendar days whatever verification takes."""

from __future__ import annotations

from datetime import date, timedelta

from compliance.rules.errors import InvalidInput
from compliance.rules.jurisdictions import Clock, Facts, Rule
from compliance.rules.terms import Exemption, Ground, Law

PAUSES, EXTENDS = False, True
LAW = Law.CCPA
AUTHORITY_REMEDY = "Complaint to the California Privacy Protection Agency or the Attorney General."
_REGULATION = "California Code of Regulations, title 11, § 7021"
_SINCE = date(2023, 3, 29)
ANSWER_DAYS, CONFIRM_DAYS, PULL_DAYS = 45, 10, 45

CONFIRM = Rule("Confirm receipt within ten business days.", "11 CCR 7021(a)", _REGULATION, _SINCE)
ANSWER = Rule(
    "Answer within 45 calendar days from receipt, whatever verification takes; the day of receipt is day one, and a "
    "weekend moves nothing.",
    "11 CCR 7021(b)",
    _REGULATION,
    _SINCE,
)
EXTENSION = Rule("45 days more, 90 in all, with notice and reasons.", "11 CCR 7021(b)", _REGULATION, _SINCE)
PASS_ON = Rule(
    "Service providers, contractors and third parties are told to delete.",
    "Civ. Code 1798.105(c)",
    "California Civil Code § 1798.105",
    date(2023, 1, 1),
)
DELETION_LIST = Rule(
    "Data brokers pull the deletion list at least every 45 days.",
    "Civ. Code 1798.99.86",
    "California Delete Act, read in secondary sources",
    date(2026, 8, 1),
    reviewed=False,
)
RULES = (CONFIRM, ANSWER, EXTENSION, PASS_ON, DELETION_LIST)
GROUNDS = (Ground.CCPA_REQUEST,)
EXEMPTIONS = (Exemption.CCPA_EXCEPTION,)


def clock(facts: Facts) -> Clock:
    """The 45th or 90th day, the day of receipt being the first."""
    limit = facts.received_on + timedelta(days=ANSWER_DAYS * (2 if facts.extended else 1) - 1)
    return Clock(
        law=LAW,
        received_on=facts.received_on,
        nominal=limit,
        conservative=limit,
        promised=max(facts.calendar.on_or_before(limit), facts.received_on),
        basis=EXTENSION if facts.extended else ANSWER,
        notes=("Verification stops no clock: the date did not move.",) if facts.pauses else (),
        confirm_by=facts.calendar.working_days_after(facts.received_on, CONFIRM_DAYS),
        extend_by=facts.received_on + timedelta(days=ANSWER_DAYS - 1),
    )


def next_list_pull(last: date) -> date:
    """The last day for the next pull of the deletion list; raises ``InvalidInput`` before the rule holds."""
    if last < DELETION_LIST.since:
        raise InvalidInput(
            f"Scheduling the deletion list: its rule holds from {DELETION_LIST.since.isoformat()}.",
            next_action="Pull it on that day for the first time.",
        )
    return last + timedelta(days=PULL_DAYS)
