"""Forms of the assessment page: one decision each."""

from __future__ import annotations

from typing import Any

from django import forms

from compliance.intake.models import ErasureRequest
from compliance.rules.terms import EntityRole, Law
from compliance.web.decision_forms import DecisionForm, artifact_field, exemption_field, reason_field, review_field

_IN_LETTER = "It stands in the letter. Plain words; no identifiers."


class SetRole(DecisionForm):
    """What the entity is for an artifact."""

    button = "Set the role"
    artifact = artifact_field()
    role = forms.ChoiceField(label="Role", choices=[("", "Choose the role"), *EntityRole.choices()])
    reason = reason_field("Reasons", hint="For example: the contract under which the data is held.")


class SetLaws(DecisionForm):
    """Which laws run on the case."""

    button = "Set the laws"
    laws = forms.MultipleChoiceField(
        label="Laws that apply",
        widget=forms.CheckboxSelectMultiple,
        help_text="The first of them leads. The earliest promised date of all leads the queue.",
        error_messages={"required": "Choose at least one law"},
    )
    reason = reason_field("Reasons", hint="For example: where the person lives.")

    def __init__(self, *args: Any, case: ErasureRequest, **kwargs: Any) -> None:
        super().__init__(*args, case=case, **kwargs)
        field = self.fields["laws"]
        if isinstance(field, forms.MultipleChoiceField):
            field.choices = [(law, Law(law).label) for law in case.entity.laws]

    def chosen(self) -> list[Law]:
        """The laws, in the order in which the entity is registered with them."""
        return [Law(law) for law in self.cleaned_data["laws"]]


class Hold(DecisionForm):
    """A legal hold."""

    button = "Put on hold"
    artifact = artifact_field(needed=False)
    exemption = exemption_field()
    reason = reason_field("Reasons", hint=f"For example: the proceeding and its court. {_IN_LETTER}")
    review_on = review_field(label="Hold until")


class Release(DecisionForm):
    """End a hold before its day."""

    button = "End the hold"
    artifact = forms.CharField(widget=forms.HiddenInput, required=False, max_length=100)
    reason = reason_field("Why", needed=False)


class Restrict(DecisionForm):
    """Restrict instead of erasing."""

    button = "Restrict"
    artifact = artifact_field(needed=False)
    reason = reason_field("What the person chose, and when", hint=_IN_LETTER)


class AskIdentity(DecisionForm):
    """Ask who somebody is."""

    button = "Ask, and stop the clock where the law allows it"
    reason = reason_field("Why there is doubt", hint=_IN_LETTER)
    detail = reason_field("The least that would help", hint="Never a copy of a passport by default.")


class IdentityShown(DecisionForm):
    """The doubt is resolved."""

    button = "The doubt is resolved"
    reason = reason_field("What resolved it", hint="Never an image or a number of a document.")


class Excessive(DecisionForm):
    """Manifestly unfounded or excessive."""

    button = "Refuse as excessive"
    reason = reason_field("Reasons", hint=_IN_LETTER)
    detail = reason_field("What shows it", hint="The burden is ours: how many requests, when, what they had in common.")
    review_on = review_field()


class CannotIdentify(DecisionForm):
    """Nobody can be identified."""

    button = "Answer that we cannot identify"
    reason = reason_field("Reasons", hint=_IN_LETTER)
    detail = reason_field("What would help", hint=_IN_LETTER)


class Forward(DecisionForm):
    """A processor's case."""

    button = "Forward to the controller"
    detail = forms.CharField(
        label="Controller",
        max_length=300,
        help_text="Name, as the letter says it; with an e-mail address, the message goes there.",
        error_messages={"required": "Name who decides about the data"},
    )
    reason = reason_field("Note", needed=False, hint="Optional. Do not write identifiers here.")


class Instruct(DecisionForm):
    """The controller told its processor to erase."""

    button = "Erase on the controller's instruction"
    reason = reason_field("Instruction", hint="Who instructed, when, and under which reference.")


class BackToPlan(DecisionForm):
    """Back from stopped work."""

    button = "Back to the plan"
    reason = reason_field("Why", hint="For example: the new model may not be promoted. The plan is then drafted anew.")
