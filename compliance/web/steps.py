"""The public form's pages in order: one thing each, and how the answer reads when it is checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.forms.widgets import ChoiceWidget
from django.utils.translation import gettext as _

from compliance.accounts.models import LegalEntity
from compliance.intake.attachments import MOST_FILES
from compliance.intake.form import FOR_ANOTHER, MOST_CLUES
from compliance.rules.terms import Requester
from compliance.web import forms, questions

Values = Mapping[str, Any]
MOST_IDENTIFIERS = 10


@dataclass(frozen=True)
class Step:
    """One page: its address, its form, and the answer in words for check-your-answers.

    ``gathers`` names the list that the page adds to, one item at a time, up to ``most``; ``at_least`` is what it needs.
    """

    slug: str
    form: type[forms.Question]
    in_words: Callable[[Values], str]
    gathers: str = ""
    most: int = 0
    at_least: Any = ""

    def answered(self, values: Values) -> bool:
        """Whether the page has been sent; an optional page counts when it was sent empty."""
        return self.slug in values.get("seen", []) and not self.lacks(values)

    def lacks(self, values: Values) -> bool:
        """Whether the page needs an item and has none."""
        return bool(self.at_least and not values.get(self.gathers))

    def items(self, values: Values) -> list[tuple[str, str]]:
        """What was gathered, as (what it is, how it reads)."""
        if self.gathers == "files":
            return [(_("File"), item["name"]) for item in values.get("files", [])]
        kinds = dict(forms.OTHER_KINDS if self.gathers == "others" else questions.CLUE_KINDS)
        return [(str(kinds[item["kind"]]), item["value"]) for item in values.get(self.gathers, [])]


def company_in_words(values: Values) -> str:
    """The chosen company's name."""
    entity = entity_of(values)
    return entity.name if entity else ""


def _text(name: str) -> Callable[[Values], str]:
    return lambda values: str(values.get(name, ""))


def _chosen(form: type[forms.Question], name: str) -> Callable[[Values], str]:
    def words(values: Values) -> str:
        picked = values.get(name, [])
        field = form.base_fields[name]
        labels = dict(field.widget.choices) if isinstance(field.widget, ChoiceWidget) else {}
        return "\n".join(str(labels[one]) for one in ([picked] if isinstance(picked, str) else picked) if one in labels)

    return words


def _gathered(name: str) -> Callable[[Values], str]:
    def words(values: Values) -> str:
        step = next(step for step in steps(values) if step.gathers == name)
        return "\n".join(f"{kind}: {value}" for kind, value in step.items(values))

    return words


COMPANY = Step("company", forms.Company, company_in_words)
OTHERS = Step("identifiers", forms.Other, _gathered("others"), "others", MOST_IDENTIFIERS)
FILES = Step("files", questions.Files, _gathered("files"), "files", MOST_FILES)
QUESTIONS: tuple[Step, ...] = (
    Step("who", questions.Who, _chosen(questions.Who, "requester")),
    Step("wish", questions.Wishes, _chosen(questions.Wishes, "wishes")),
    Step("email", forms.Email, _text("email")),
    Step("name", forms.Name, _text("name")),
    OTHERS,
    Step("clues", questions.Clues, _gathered("clues"), "clues", MOST_CLUES),
    Step("where", questions.Where, _text("where")),
    Step("why", questions.Whys, _chosen(questions.Whys, "whys")),
    Step("details", forms.Details, _text("details")),
    FILES,
)
# The pages that ask differently when somebody asks for another person.
_FOR_ANOTHER = {
    "email": Step("email", questions.OwnEmail, _text("email")),
    "name": Step("name", questions.TheirName, _text("name")),
    "identifiers": Step(
        "identifiers", questions.Theirs, _gathered("others"), "others", MOST_IDENTIFIERS, questions.AT_LEAST_ONE
    ),
}
_MANDATE = Step("files", questions.Mandate, _gathered("files"), "files", MOST_FILES, questions.NO_FILE)


def entity_of(values: Values) -> LegalEntity | None:
    """The legal entity that is asked: the chosen one, or the only one there is."""
    entities = list(LegalEntity.objects.order_by("name"))
    if len(entities) == 1:
        return entities[0]
    return next((entity for entity in entities if entity.slug == values.get("company")), None)


def steps(values: Values) -> tuple[Step, ...]:
    """The pages that are asked: the company only when there are several, and about whom only when it is another."""
    asked = QUESTIONS
    if values.get("requester") in FOR_ANOTHER:
        agent = {"files": _MANDATE} if values["requester"] == Requester.AGENT else {}
        asked = tuple({**_FOR_ANOTHER, **agent}.get(step.slug, step) for step in QUESTIONS)
    return (COMPANY, *asked) if LegalEntity.objects.count() > 1 else asked


def find(slug: str, values: Values) -> Step | None:
    """The page at this address."""
    return next((step for step in steps(values) if step.slug == slug), None)


def first_open(values: Values) -> Step | None:
    """The first page that has not been sent yet, or lacks what it needs."""
    return next((step for step in steps(values) if not step.answered(values)), None)


def after(step: Step, values: Values) -> Step | None:
    """The page that follows."""
    order = [one.slug for one in steps(values)]
    place = order.index(step.slug) + 1
    return steps(values)[place] if place < len(order) else None


@dataclass(frozen=True)
class Line:
    """One line of check-your-answers."""

    slug: str
    question: str
    answer: str


def lines(values: Values) -> list[Line]:
    """Everything that was answered, as it will be sent."""
    nothing = _("Nothing given")
    return [Line(step.slug, str(step.form.title), step.in_words(values) or nothing) for step in steps(values)]
