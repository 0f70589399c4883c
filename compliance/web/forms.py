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


class KindAndValue(Question):
    """A page with two fields, ``kind`` and ``value``: both are given, or neither."""

    no_kind: Any = _("Choose what it is")

    def clean(self) -> dict[str, Any]:
        """Both parts or none."""
        data = super().clean() or {}
        kind, value = str(data.get("kind", "")), str(data.get("value", "")).strip()
        if value and not kind:
            self.add_error("kind", self.no_kind)
        elif kind and not value and "value" not in self.errors:
            self.add_error("value", self.no_value(kind))
        elif kind and value:
            self.check_value(kind, value)
        return {**data, "value": value}

    def no_value(self, kind: str) -> Any:
        """What to write for this kind, when nothing was."""
        raise NotImplementedError

    def check_value(self, kind: str, value: str) -> None:
        """Add an error when the value is none of its kind."""
        raise NotImplementedError


class Other(KindAndValue):
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

    def no_value(self, kind: str) -> Any:
        """How an identifier of this kind is written."""
        return HOW_TO_WRITE[IdentifierKind(kind)]

    def check_value(self, kind: str, value: str) -> None:
        """An identifier that can find a single person."""
        try:
            check_identifier(IdentifierKind(kind), value)
        except forms.ValidationError as error:
            self.add_error("value", error)


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


_TYPED = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "characters"}


def _typed(label: Any, *, hint: Any, missing: Any, longest: int = 40, complete: str = "off") -> forms.CharField:
    """Something that is copied from a letter or a page, letter by letter."""
    return forms.CharField(
        label=label,
        max_length=longest,
        help_text=hint,
        widget=forms.TextInput(attrs={**_TYPED, "autocomplete": complete}),
        error_messages={"required": missing},
    )


class TypedCode(forms.Form):
    """A code that went to one of the request's addresses."""

    code = _typed(
        _("Code"),
        hint=_("Eight letters and digits. It works for 15 minutes, and once."),
        missing=_("Enter the code from our letter"),
        complete="one-time-code",
    )


class ConfirmCode(TypedCode):
    """Reference and code, from the link or typed."""

    reference = _typed(
        _("Reference"),
        hint=_("It starts with OUB and stands in our letter."),
        missing=_("Enter the reference from our letter"),
    )
    field_order = ("reference", "code")


class Again(forms.Form):
    """The reference of a request whose code has run out, or whose secret word is lost."""

    reference = _typed(_("Reference"), hint=_("It starts with OUB."), missing=_("Enter the reference of your request"))


class Resume(forms.Form):
    """The code that opens a saved form."""

    draft = _typed(
        _("Your code to come back"),
        hint=_("Twenty letters and digits that we showed you when you saved the form."),
        missing=_("Enter the code that we showed you"),
        longest=60,
    )


class OpenStatus(forms.Form):
    """Reference and secret open the status page."""

    reference = _typed(
        _("Reference"),
        hint=_("It starts with OUB and stands in our letter."),
        missing=_("Enter the reference of your request"),
    )
    secret = _typed(
        _("Secret word"),
        hint=_("Sixteen letters and digits that we showed you when you confirmed your address."),
        missing=_("Enter the secret word of your request"),
        longest=60,
    )
