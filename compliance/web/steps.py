"""The public form's pages in order: one thing each, and how the answer reads when it is checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from compliance.accounts.models import LegalEntity
from compliance.web import forms

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Step:
    """One page: its address, its form, and the answer in words for check-your-answers."""

    slug: str
    form: type[forms.Question]
    in_words: Callable[[Values], str]
    needed: bool = True

    def answered(self, values: Values) -> bool:
        """Whether the page has been sent; an optional page counts when it was sent empty."""
        return self.slug in values.get("seen", [])


def company_in_words(values: Values) -> str:
    """The chosen company's name."""
    entity = entity_of(values)
    return entity.name if entity else ""


def identifiers_in_words(values: Values) -> str:
    """One line per further identifier."""
    kinds = dict(forms.OTHER_KINDS)
    return "\n".join(f"{kinds[item['kind']]}: {item['value']}" for item in values.get("others", []))


COMPANY = Step("company", forms.Company, company_in_words)
OTHERS = Step("identifiers", forms.Other, identifiers_in_words, needed=False)
QUESTIONS = (
    Step("email", forms.Email, lambda values: str(values.get("email", ""))),
    Step("name", forms.Name, lambda values: str(values.get("name", "")), needed=False),
    OTHERS,
    Step("details", forms.Details, lambda values: str(values.get("details", "")), needed=False),
)


def entity_of(values: Values) -> LegalEntity | None:
    """The legal entity that is asked: the chosen one, or the only one there is."""
    entities = list(LegalEntity.objects.order_by("name"))
    if len(entities) == 1:
        return entities[0]
    return next((entity for entity in entities if entity.slug == values.get("company")), None)


def steps() -> tuple[Step, ...]:
    """The pages that this installation asks: the company only when there are several."""
    return (COMPANY, *QUESTIONS) if LegalEntity.objects.count() > 1 else QUESTIONS


def find(slug: str) -> Step | None:
    """The page at this address."""
    return next((step for step in steps() if step.slug == slug), None)


def first_open(values: Values) -> Step | None:
    """The first page that has not been sent yet."""
    return next((step for step in steps() if not step.answered(values)), None)


def after(step: Step) -> Step | None:
    """The page that follows."""
    order = steps()
    place = order.index(step) + 1
    return order[place] if place < len(order) else None


@dataclass(frozen=True)
class Line:
    """One line of check-your-answers."""

    slug: str
    question: str
    answer: str


def lines(values: Values) -> list[Line]:
    """Everything that was answered, as it will be sent."""
    nothing = _("Nothing given")
    return [Line(step.slug, str(step.form.title), step.in_words(values) or nothing) for step in steps()]
