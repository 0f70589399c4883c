"""Forms of the public pages: one question each, errors that say how to mend them."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from compliance.accounts.models import LegalEntity
from compliance.intake import addresses
from compliance.rules import identifiers
from compliance.rules.errors import InvalidInput
from compliance.rules.terms import IdentifierKind

OTHER_KINDS = (
    (IdentifierKind.EMAIL, _("Another e-mail address")),
    (IdentifierKind.PHONE, _("Phone number")),
    (IdentifierKind.CUSTOMER_ID, _("Customer number")),
    (IdentifierKind.USERNAME, _("User name")),
    (IdentifierKind.TAX_ID, _("Tax number (for example CPF)")),
)
KIND_NAMES = {**dict(OTHER_KINDS), IdentifierKind.EMAIL: _("E-mail address"), IdentifierKind.NAME: _("Name")}
HOW_TO_WRITE = {
    IdentifierKind.EMAIL: _("Enter an e-mail address in full, like name@example.org"),
    IdentifierKind.PHONE: _("Enter a phone number in full, with its country code, like +55 11 91234 5678"),
    IdentifierKind.CUSTOMER_ID: _("Enter the customer number as it stands on your bill or in your account"),
    IdentifierKind.USERNAME: _("Enter the user name as you use it to sign in"),
    IdentifierKind.TAX_ID: _("Enter the tax number with all its digits"),
    IdentifierKind.NAME: _("Enter your name"),
}


def check_identifier(kind: IdentifierKind, value: str) -> None:
    """Raise a form error, in words that tell how to write it, when the value cannot find a single person."""
    try:
        identifiers.parse(f"{kind}:{addresses.mailbox(value) if kind == IdentifierKind.EMAIL else value}")
    except InvalidInput as error:
        raise forms.ValidationError(HOW_TO_WRITE[kind]) from error


class Question(forms.Form):
    """A page with one question; ``title`` is its heading, and the label of its only field."""

    title: Any = ""
    intro: Any = ""
    optional = False
    hints: Any = MappingProxyType({})

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})
        self.use_required_attribute = False  # our own error summary says more than the browser's bubble

    def choices(self) -> list[tuple[Any, Any]]:
        """The options of a page that is a choice, each with its explanation."""
        field = next(iter(self))
        if field.widget_type not in ("radioselect", "checkboxselectmultiple"):
            return []
        return [(option, self.hints.get(str(option.data["value"]), "")) for option in field]


class Company(Question):
    """Which legal entity is asked."""

    title = _("Which company is your request for?")
    company = forms.ChoiceField(
        label=title,
        help_text=_("Choose the company that you have dealt with."),
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose a company"), "invalid_choice": _("Choose a company from the list")},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["company"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - declared five lines above; tells the type checker
        field.choices = [(entity.slug, entity.name) for entity in LegalEntity.objects.order_by("name")]


class Email(Question):
    """The address that gets the code, and that finds the person."""

    title = _("What is your e-mail address?")
    email = forms.CharField(
        label=title,
        max_length=254,
        help_text=_("Use the address that the company knows. We send a code to it, to be sure that it is yours."),
        widget=forms.TextInput(
            attrs={"type": "email", "autocomplete": "email", "spellcheck": "false", "inputmode": "email"}
        ),
        error_messages={"required": HOW_TO_WRITE[IdentifierKind.EMAIL]},
    )

    def clean_email(self) -> str:
        """An address that can find one person."""
        value = str(self.cleaned_data["email"]).strip()
        check_identifier(IdentifierKind.EMAIL, value)
        try:
            return addresses.mailbox(value)
        except InvalidInput as error:
            raise forms.ValidationError(HOW_TO_WRITE[IdentifierKind.EMAIL]) from error


class Name(Question):
    """The name, which alone never finds anybody."""

    title = _("What is your name?")
    optional = True
    name = forms.CharField(
        label=title,
        required=False,
        max_length=200,
        help_text=_("As the company knows it. You can leave this empty. A name alone never decides what is erased."),
        widget=forms.TextInput(attrs={"autocomplete": "name", "spellcheck": "false"}),
    )


class Other(Question):
    """One more identifier: what it is, and how it reads."""

    title = _("What else could your data be stored under?")
    intro = _(
        "For example a phone number, an old e-mail address or a customer number. The more we know, the more we find. "
        "You can leave this empty."
    )
    optional = True
    kind = forms.ChoiceField(label=_("What is it?"), choices=[("", _("Choose one")), *OTHER_KINDS], required=False)
    value = forms.CharField(
        label=_("How does it read?"),
        required=False,
        max_length=254,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def clean(self) -> dict[str, Any]:
        """Both parts or none."""
        data = super().clean() or {}
        kind, value = data.get("kind", ""), str(data.get("value", "")).strip()
        if bool(kind) != bool(value):
            missing = "value" if kind else "kind"
            self.add_error(missing, HOW_TO_WRITE[IdentifierKind(kind)] if kind else _("Choose what it is"))
        elif kind:
            try:
                check_identifier(IdentifierKind(kind), value)
            except forms.ValidationError as error:
                self.add_error("value", error)
        return {**data, "value": value}


class Details(Question):
    """Free words."""

    title = _("Is there anything else we should know?")
    optional = True
    details = forms.CharField(
        label=title,
        required=False,
        max_length=2000,
        help_text=_(
            "For example where you met our service. Do not send copies of documents. You can leave this empty."
        ),
        widget=forms.Textarea(attrs={"rows": 6}),
    )


class ConfirmCode(forms.Form):
    """Reference and code, from the link or typed."""

    reference = forms.CharField(
        label=_("Reference"),
        max_length=40,
        help_text=_("It starts with OUB and stands in our letter."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "characters"}),
        error_messages={"required": _("Enter the reference from our letter")},
    )
    code = forms.CharField(
        label=_("Code"),
        max_length=40,
        help_text=_("Eight letters and digits. It works for 15 minutes, and once."),
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "spellcheck": "false", "autocapitalize": "characters"}
        ),
        error_messages={"required": _("Enter the code from our letter")},
    )


_TYPED = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "characters"}


class Again(forms.Form):
    """The reference of a request whose code has run out, or whose secret word is lost."""

    reference = forms.CharField(
        label=_("Reference"),
        max_length=40,
        help_text=_("It starts with OUB."),
        widget=forms.TextInput(attrs=_TYPED),
        error_messages={"required": _("Enter the reference of your request")},
    )


class TypedCode(forms.Form):
    """A code that went to one of the request's addresses."""

    code = forms.CharField(
        label=_("Code"),
        max_length=40,
        help_text=_("Eight letters and digits. It works for 15 minutes, and once."),
        widget=forms.TextInput(attrs={**_TYPED, "autocomplete": "one-time-code"}),
        error_messages={"required": _("Enter the code from our letter")},
    )


class Resume(forms.Form):
    """The code that opens a saved form."""

    draft = forms.CharField(
        label=_("Your code to come back"),
        max_length=60,
        help_text=_("Twenty letters and digits that we showed you when you saved the form."),
        widget=forms.TextInput(attrs=_TYPED),
        error_messages={"required": _("Enter the code that we showed you")},
    )


class OpenStatus(forms.Form):
    """Reference and secret open the status page."""

    reference = forms.CharField(
        label=_("Reference"),
        max_length=40,
        help_text=_("It starts with OUB and stands in our letter."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "characters"}),
        error_messages={"required": _("Enter the reference of your request")},
    )
    secret = forms.CharField(
        label=_("Secret word"),
        max_length=60,
        help_text=_("Sixteen letters and digits that we showed you when you confirmed your address."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "characters"}),
        error_messages={"required": _("Enter the secret word of your request")},
    )
