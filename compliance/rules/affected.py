"""What planning knows of an artifact (``Affected``), and what a line of its table looks like (``Row``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import IntEnum

from compliance.rules.terms import ArtifactKind, EntityRole, Exemption, Horizon

Fact = bool | int | float | str | None


@dataclass(frozen=True, slots=True)
class Affected:
    """An artifact in which the person was found: counts by what supports the match, and facts that decide the route.

    Counts are disjoint: a row counts once, under its strongest support. ``name_only_ticked`` are the rows that only a
    name supports and that the officer ticked, ``near_ticked`` those that nearly say what a text of the person says.
    ``backups_until`` is the day on which the last backup is gone.
    """

    artifact: str
    name: str
    kind: ArtifactKind
    role: EntityRole = EntityRole.CONTROLLER
    exemption: Exemption | None = None
    exact: int = 0
    normalised: int = 0
    content: int = 0
    lineage: int = 0
    name_only_ticked: int = 0
    near_ticked: int = 0
    rows_total: int | None = None
    facts: Mapping[str, Fact] = field(default_factory=dict)
    backups_until: date | None = None
    connector: str = ""

    @property
    def found(self) -> int:
        """Rows, vectors, answers or models in which the person was found."""
        ticked = self.name_only_ticked + self.near_ticked
        return self.exact + self.normalised + self.content + self.lineage + ticked

    def number(self, fact: str, default: int = 0) -> int:
        """A fact as a whole number."""
        value = self.facts.get(fact)
        return default if value is None else int(value)

    def holds(self, fact: str, default: bool = False) -> bool:
        """A fact as yes or no."""
        value = self.facts.get(fact)
        return default if value is None else bool(value)


class Phase(IntEnum):
    """What must be over before what begins."""

    SUPPRESS = 1
    EXCLUDE = 2
    DATA = 3
    COPIES = 4
    MODEL = 5
    PROMOTE = 6
    TELL = 7
    UNDO = 8


def _nothing(_: Affected) -> str:
    return ""


def _no_parameters(_: Affected) -> Mapping[str, Fact]:
    return {}


def always(_: Affected) -> bool:
    return True


def _found(item: Affected) -> int:
    return item.found


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; ``judged`` rows carry the thresholds of their kind."""

    action: str
    horizon: Horizon
    phase: Phase
    reason: Callable[[Affected], str]
    when: Callable[[Affected], bool] = always
    count: Callable[[Affected], int] = _found
    cost: Callable[[Affected], str] = _nothing
    also_touched: Callable[[Affected], str] = _nothing
    parameters: Callable[[Affected], Mapping[str, Fact]] = _no_parameters
    exact: bool | None = None
    reversible: bool = False
    judged: bool = False


def foreseen(item: Affected) -> str:
    """What the model answers today, where it was asked, and what that means for whoever approves; a sentence or none.

    Below half, the gate on others' answers has nothing to hold on to.
    """
    asked, answered = item.number("forecast_asked"), item.number("forecast_answered")
    if not asked:
        return ""
    knows = f" It answers {answered} of {asked} questions from its own training set today"
    if 2 * answered >= asked:
        return f"{knows}."
    return (
        f"{knows}: too few to tell whether a new model lost others' answers, so that its promotion may be refused. "
        "Have an engineer train it until it answers most of them, or retire it, before this is approved."
    )


def takes(item: Affected) -> str:
    """The predicted time of a run, coarse on purpose: the same plan on another day reads the same."""
    seconds = item.number("forecast_seconds")
    if not seconds:
        return ""
    hours = seconds >= 2 * 3600
    words = f"{round(seconds / 3600)} hours" if hours else f"{max(1, round(seconds / 60))} min"
    return f", about {words}; until then its answers leave the person's details out"


def training_on_touches(item: Affected) -> str:
    """Whom training a model on may touch beside the person: others' answers, and people whom it forgot before."""
    others = "answers about others may suffer; measured, and limited before promotion"
    before, again = item.number("forgotten_before"), item.number("forgotten_again")
    if not before:
        return others
    cases = f"{before} earlier {'case' if before == 1 else 'cases'} made it forget like this"
    if again < before:
        kept = f"{again} still kept are forgotten again; " if again else ""
        return f"{others}; {cases}, and training on can bring some of that back: {kept}a rebuild without all is safer"
    return (
        f"{others}; {cases}, and training on can bring some of that back: their rows, still kept, are forgotten again"
    )
