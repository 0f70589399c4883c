"""Forms of the officer's decisions; grounds and exemptions are those of the case's own law."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms

from compliance.intake.decisions import Reasons
from compliance.intake.models import ErasureRequest
from compliance.rules import jurisdictions
from compliance.rules.terms import Exemption, Ground, Term


class DecisionForm(forms.Form):
    """A decision on one case; ``reasons`` is what the services take."""

    button = "Save"

    def __init__(self, *args: Any, case: ErasureRequest, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", "auto_id": f"{type(self).__name__.lower()}_%s", **kwargs})
        self.use_required_attribute = False
        self.case = case
        law = jurisdictions.load(case.law)
        self._choose("ground", law.GROUNDS)
        self._choose("exemption", law.EXEMPTIONS)
        for field in self.fields.values():
            field.widget.attrs["class"] = "form-select" if isinstance(field, forms.ChoiceField) else "form-control"

    def _choose(self, name: str, terms: Iterable[Term]) -> None:
        field = self.fields.get(name)
        if isinstance(field, forms.ChoiceField):
            field.choices = [("", "Choose the article"), *((str(term), term.label) for term in terms)]

    def reasons(self) -> Reasons:
        """The decision's law and words."""
        data = self.cleaned_data
        return Reasons(
            ground=Ground(data["ground"]) if data.get("ground") else None,
            exemption=Exemption(data["exemption"]) if data.get("exemption") else None,
            reason=data.get("reason", ""),
            artifact=data.get("artifact", ""),
            review_on=data.get("review_on"),
        )


def _ground() -> forms.ChoiceField:
    return forms.ChoiceField(label="Ground", error_messages={"required": "Choose the article it rests on"})


def _exemption() -> forms.ChoiceField:
    return forms.ChoiceField(label="Exemption", error_messages={"required": "Choose the article of the exemption"})


def _reason(label: str, *, needed: bool = True, hint: str = "") -> forms.CharField:
    return forms.CharField(
        label=label,
        required=needed,
        max_length=2000,
        help_text=hint,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Write the reasons"},
    )


def _review() -> forms.DateField:
    return forms.DateField(
        label="Review on",
        required=False,
        help_text="When to look at this again.",
        widget=forms.DateInput(attrs={"type": "date"}),
    )


class Accept(DecisionForm):
    """Accept on a ground."""

    button = "Accept and start the search"
    ground = _ground()
    reason = _reason("Note", needed=False, hint="Optional. Do not write identifiers here.")


class Refuse(DecisionForm):
    """Refuse under an exemption, with reasons."""

    button = "Refuse the request"
    exemption = _exemption()
    reason = _reason("Reasons", hint="They stand in the letter. Plain words; no identifiers.")
    review_on = _review()


class Keep(DecisionForm):
    """Keep one artifact under an exemption."""

    button = "Keep this artifact"
    artifact = forms.ChoiceField(label="Artifact", error_messages={"required": "Choose the artifact"})
    exemption = _exemption()
    reason = _reason("Reasons", hint="They stand in the letter.")
    review_on = _review()

    def __init__(self, *args: Any, case: ErasureRequest, **kwargs: Any) -> None:
        super().__init__(*args, case=case, **kwargs)
        field = self.fields["artifact"]
        if isinstance(field, forms.ChoiceField):
            mine = case.entity.artifacts.filter(retired_at=None).order_by("name").values_list("slug", "name")
            field.choices = [("", "Choose the artifact"), *mine]


class Extend(DecisionForm):
    """Extend the deadline once."""

    button = "Extend the deadline"
    reason = _reason("Reasons", hint="They stand in the letter, which must go out inside the first period.")


class Approve(DecisionForm):
    """Endorse or approve the plan that was read: bound to its digest."""

    button = "Approve this plan"
    plan_digest = forms.CharField(widget=forms.HiddenInput, max_length=64)


class LookAgain(DecisionForm):
    """Send the case back to the search."""

    button = "Search again"
    reason = _reason("Why", hint="For example: an artifact was registered late.")


class SignOff(DecisionForm):
    """Sign the evidence off."""

    button = "Sign off and send the answer"
    reason = _reason("Note", needed=False, hint="Optional. Do not write identifiers here.")
