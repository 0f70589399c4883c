"""The laws: their contract, the table of their names, and how one is loaded.

To add a law: a file here that offers what ``Jurisdiction`` asks for, a member of ``terms.Law``, a line in ``TABLE``.
Nothing here is legal advice; rules that are not ``reviewed`` come from secondary sources: have counsel confirm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pkgutil import resolve_name
from typing import Protocol, cast

from compliance.rules.calendars import WorkCalendar
from compliance.rules.terms import Exemption, Ground, Law


class Wish(StrEnum):
    """What is asked for; the clocks differ."""

    ERASURE = "erasure"
    ACCESS = "access"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule in words, with its article, its source, and the day from which it holds.

    ``reviewed`` is false for rules taken from secondary sources. ``ours`` marks a target that no law sets.
    """

    text: str
    article: str
    source: str
    since: date
    reviewed: bool = True
    ours: bool = False


@dataclass(frozen=True, slots=True)
class Pause:
    """Identity was asked for on ``asked_on`` and shown on ``answered_on`` (``None``: still open), local days."""

    asked_on: date
    answered_on: date | None = None

    @property
    def days(self) -> int:
        """How long it lasted; an open pause has moved nothing yet."""
        return max((self.answered_on - self.asked_on).days, 0) if self.answered_on else 0


@dataclass(frozen=True, slots=True)
class Facts:
    """What a clock depends on: all days are the controller's local days."""

    received_on: date
    calendar: WorkCalendar
    pauses: tuple[Pause, ...] = ()
    extended: bool = False
    small_agent: bool = False
    wish: Wish = Wish.ERASURE

    @property
    def first_pause(self) -> Pause | None:
        """The pause that may count: the earliest asked; a second question stops no clock."""
        return min(self.pauses, key=lambda pause: pause.asked_on, default=None)


@dataclass(frozen=True, slots=True)
class Clock:
    """The dates of a case under one law (each the last day, to its end, in the controller's zone).

    ``nominal`` is the text of the law; ``conservative`` the earlier reading where readings differ, with no pause
    counted; ``promised`` what a letter says: a working day not after the earlier reading. ``fixed`` is false where the
    law sets no number of days. Last days also to acknowledge (``confirm_by``), to announce an extension
    (``extend_by``) and to refuse (``refuse_by``), where the law has them.
    """

    law: Law
    received_on: date
    nominal: date
    conservative: date
    promised: date
    basis: Rule
    notes: tuple[str, ...] = ()
    fixed: bool = True
    confirm_by: date | None = None
    extend_by: date | None = None
    refuse_by: date | None = None

    @property
    def article(self) -> str:
        """The article that the clock rests on."""
        return self.basis.article

    @property
    def source(self) -> str:
        """Where the rule was read."""
        return self.basis.source

    @property
    def reviewed(self) -> bool:
        """Whether the rule was read in its primary source; if not, pages say "have counsel confirm"."""
        return self.basis.reviewed


class Jurisdiction(Protocol):
    """What a law's file offers: module-level names.

    ``PAUSES``: a question about identity stops its clock. ``EXTENDS``: it knows an extension.
    """

    LAW: Law
    AUTHORITY_REMEDY: str
    RULES: tuple[Rule, ...]
    GROUNDS: tuple[Ground, ...]
    EXEMPTIONS: tuple[Exemption, ...]
    PAUSES: bool
    EXTENDS: bool

    def clock(self, facts: Facts) -> Clock:
        """The dates of a case."""
        ...


TABLE: Mapping[Law, str] = {
    Law.GDPR: "compliance.rules.jurisdictions.gdpr",
    Law.UK_GDPR: "compliance.rules.jurisdictions.uk_gdpr",
    Law.LGPD: "compliance.rules.jurisdictions.lgpd",
    Law.CCPA: "compliance.rules.jurisdictions.ccpa",
    Law.SWISS_FADP: "compliance.rules.jurisdictions.swiss_fadp",
}


def load(law: Law | str) -> Jurisdiction:
    """The file of a law, imported on first use."""
    return cast(Jurisdiction, resolve_name(TABLE[Law(law)]))
