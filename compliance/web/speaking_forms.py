"""Forms of the status page: what the person adds, and what still shows their data."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from compliance.intake.form import LONGEST_CLUE
from compliance.intake.form import Clue as Given
from compliance.rules.asking import Clue
from compliance.web.questions import CLUE_KINDS


class Spoken(forms.Form):
    """A form without colons after its labels, and without the browser's own bubbles."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})
        self.use_required_attribute = False

    def clue(self) -> Given | None:
        """The clue that was given."""
        kind, value = self.cleaned_data.get("kind"), str(self.cleaned_data.get("value", "")).strip()
        return Given(Clue(kind), value) if kind and value else None

    def _check_clue(self, data: dict[str, Any], *, needed: bool) -> None:
        kind, value = str(data.get("kind", "")), str(data.get("value", "")).strip()
        if not kind and (value or needed) and "kind" not in self.errors:
            self.add_error("kind", _("Choose what it is"))
        if not value and (kind or needed) and "value" not in self.errors:
            self.add_error("value", _("Copy here what you saw"))
        if kind == Clue.LINK and value and not value.lower().startswith(("https://", "http://")):
            self.add_error("value", _("Enter the whole link, starting with https://"))


def _kind(label: Any) -> forms.ChoiceField:
    return forms.ChoiceField(label=label, choices=[("", _("Choose one")), *CLUE_KINDS], required=False)


def _value(label: Any) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=False,
        max_length=LONGEST_CLUE,
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"}),
        error_messages={"max_length": _("Write at most %(limit_value)d characters")},
    )


class Challenge(Spoken):
    """What still shows the data: a question, a link or words; it becomes part of the tests."""

    kind = _kind(_("What shows your data?"))
    value = _value(_("Copy the question, the link or the words here"))
    reason = forms.CharField(
        label=_("What did you see, and where?"),
        max_length=2000,
        help_text=_("For example: the chat assistant still told me my address on 3 May."),
        widget=forms.Textarea(attrs={"rows": 4}),
        error_messages={"required": _("Write what you saw, so that we know where to look")},
    )

    def clean(self) -> dict[str, Any]:
        """What shows it is needed: we try exactly that."""
        data = super().clean() or {}
        self._check_clue(data, needed=True)
        return data


class Addition(Spoken):
    """Words, a clue, a file: at least one of them."""

    words = forms.CharField(
        label=_("What do you want to tell us?"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    kind = _kind(_("Did you see your data somewhere? What do you have?"))
    value = _value(_("Copy it here"))
    file = forms.FileField(
        label=_("Choose a file"),
        required=False,
        max_length=200,
        help_text=_("PDF, PNG, JPEG or plain text, up to 5 MB. Do not send a passport or an identity card."),
    )

    def clean(self) -> dict[str, Any]:
        """Something has to be there."""
        data = super().clean() or {}
        self._check_clue(data, needed=False)
        if not self.errors and not (str(data.get("words", "")).strip() or data.get("kind") or data.get("file")):
            self.add_error("words", _("Write something, or choose a file"))
        return data
