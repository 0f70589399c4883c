"""Forms of the officer's decisions; grounds and exemptions are those of the case's own law."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms

from compliance.intake import clocks
from compliance.intake.decisions import Reasons
from compliance.intake.models import ErasureRequest
from compliance.rules import jurisdictions
from compliance.rules.terms import EntityRole, Exemption, Ground, Term


class DecisionForm(forms.Form):
    """A decision on one case; ``reasons`` is what the services take."""

    button = "Save"

    def __init__(self, *args: Any, case: ErasureRequest, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", "auto_id": f"{type(self).__name__.lower()}_%s", **kwargs})
        self.use_required_attribute = False
        self.case = case
        laws = [jurisdictions.load(law) for law in clocks.laws_of(case)]
        self._choose("ground", [term for law in laws for term in law.GROUNDS])
        self._choose("exemption", [term for law in laws for term in law.EXEMPTIONS])
        self._name_artifacts()
        for field in self.fields.values():
            if not isinstance(field, forms.MultipleChoiceField):
                field.widget.attrs["class"] = "form-select" if isinstance(field, forms.ChoiceField) else "form-control"

    def _choose(self, name: str, terms: Iterable[Term]) -> None:
        field = self.fields.get(name)
        if isinstance(field, forms.ChoiceField):
            unique = dict.fromkeys(terms)
            field.choices = [("", "Choose the article"), *((str(term), term.label) for term in unique)]

    def _name_artifacts(self) -> None:
        field = self.fields.get("artifact")
        if isinstance(field, forms.ChoiceField):
            mine = self.case.entity.artifacts.filter(retired_at=None).order_by("name").values_list("slug", "name")
            first = "Choose the artifact" if field.required else "All of them"
            field.choices = [("", first), *mine]

    def reasons(self) -> Reasons:
        """The decision's law and words."""
        data = self.cleaned_data
        return Reasons(
            ground=Ground(data["ground"]) if data.get("ground") else None,
            exemption=Exemption(data["exemption"]) if data.get("exemption") else None,
            reason=data.get("reason", ""),
            artifact=data.get("artifact", ""),
            review_on=data.get("review_on"),
            role=EntityRole(data["role"]) if data.get("role") else None,
            detail=data.get("detail", ""),
        )


def artifact_field(*, needed: bool = True) -> forms.ChoiceField:
    """Which artifact; all of them where none needs to be named."""
    return forms.ChoiceField(label="Artifact", required=needed, error_messages={"required": "Choose the artifact"})


def ground_field() -> forms.ChoiceField:
    """The ground on which the person may ask."""
    return forms.ChoiceField(label="Ground", error_messages={"required": "Choose the article it rests on"})


def exemption_field() -> forms.ChoiceField:
    """The exemption under which something is kept."""
    return forms.ChoiceField(label="Exemption", error_messages={"required": "Choose the article of the exemption"})


def reason_field(label: str, *, needed: bool = True, hint: str = "") -> forms.CharField:
    """Words of the officer."""
    return forms.CharField(
        label=label,
        required=needed,
        max_length=2000,
        help_text=hint,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Write the reasons"},
    )


def review_field(*, needed: bool = True, label: str = "Review on") -> forms.DateField:
    """The day on which a decision is looked at again."""
    return forms.DateField(
        label=label,
        required=needed,
        help_text="When to look at this again. It stands in the letter.",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"required": "Choose the day", "invalid": "Choose a day like 2026-12-31"},
    )


class Accept(DecisionForm):
    """Accept on a ground."""

    button = "Accept and start the search"
    ground = ground_field()
    reason = reason_field("Note", needed=False, hint="Optional. Do not write identifiers here.")


class Refuse(DecisionForm):
    """Refuse under an exemption, with reasons."""

    button = "Refuse the request"
    exemption = exemption_field()
    reason = reason_field("Reasons", hint="They stand in the letter. Plain words; no identifiers.")
    review_on = review_field()


class Keep(DecisionForm):
    """Keep one artifact under an exemption."""

    button = "Keep this artifact"
    artifact = artifact_field()
    exemption = exemption_field()
    reason = reason_field("Reasons", hint="They stand in the letter.")
    review_on = review_field(needed=False)


class Extend(DecisionForm):
    """Extend the deadline once."""

    button = "Extend the deadline"
    reason = reason_field("Reasons", hint="They stand in the letter, which must go out inside the first period.")


class Approve(DecisionForm):
    """Endorse or approve the plan that was read: bound to its digest."""

    button = "Approve this plan"
    plan_digest = forms.CharField(widget=forms.HiddenInput, max_length=64)


class LookAgain(DecisionForm):
    """Send the case back to the search."""

    button = "Search again"
    reason = reason_field("Why", hint="For example: an artifact was registered late.")


class SignOff(DecisionForm):
    """Sign the evidence off."""

    button = "Sign off and send the answer"
    reason = reason_field("Note", needed=False, hint="Optional. Do not write identifiers here.")


class LiftExclusions(DecisionForm):
    """Let the person's identifiers be used again: they are a customer once more."""

    button = "Let the identifiers be used again"
    reason = reason_field("Why", hint="For example: a new contract. Ten characters at least; do not name the person.")
