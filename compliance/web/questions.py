"""The questions about the request itself: who asks, what is wished, what was seen and where, why, and files."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from compliance.intake import form as intake
from compliance.rules.asking import Clue, Why, Wish
from compliance.rules.terms import Requester
from compliance.web.forms import Email, KindAndValue, Name, Other, Question

CLUE_KINDS = (
    (Clue.LINK, _("A link to a page, a picture or a chat")),
    (Clue.WORDS, _("Words that I saw in an answer")),
    (Clue.PROMPT, _("A question that makes my data appear")),
)
WISHES = (
    (Wish.ERASE, _("Erase my data")),
    (Wish.NO_TRAINING, _("Do not train on my data")),
    (Wish.NOT_SAID, _("Do not say this about me")),
)


class Who(Question):
    """Who fills in the form."""

    title = _("Who is asking?")
    requester = forms.ChoiceField(
        label=title,
        widget=forms.RadioSelect,
        choices=(
            (Requester.SELF, _("I ask for myself")),
            (Requester.PARENT, _("I ask for my child, or for somebody in my care")),
            (Requester.AGENT, _("I ask for somebody who gave me a mandate")),
            (Requester.AT_RISK, _("I ask for myself, and somebody must not notice")),
        ),
        error_messages={"required": _("Choose who is asking"), "invalid_choice": _("Choose who is asking")},
    )
    hints = {
        Requester.AGENT: _("You need the mandate as a file: a PDF or a picture."),
        Requester.AT_RISK: _(
            "Every page then has a link that leaves at once. The subject of our letters never says what they are "
            "about; the letters do. Use a mailbox that nobody else reads."
        ),
    }


class Wishes(Question):
    """What is asked for: three wishes, each explained."""

    title = _("What do you want us to do?")
    wishes = forms.MultipleChoiceField(
        label=title,
        help_text=_("These are three different things. Choose all that you want."),
        widget=forms.CheckboxSelectMultiple,
        choices=WISHES,
        error_messages={"required": _("Choose at least one"), "invalid_choice": _("Choose from the list")},
    )
    hints = {
        Wish.ERASE: _(
            "We delete what we hold about you: records, search indexes, stored answers, and what our "
            "artificial intelligence learned from them."
        ),
        Wish.NO_TRAINING: _(
            "What we hold is not used to teach artificial intelligence from now on. It is not deleted."
        ),
        Wish.NOT_SAID: _(
            "Our assistants no longer say it in answers. This is quick, but it does not delete anything by itself."
        ),
    }


class Clues(KindAndValue):
    """One thing that the person saw."""

    title = _("Did you see your data somewhere?")
    intro = _(
        "For example in an answer of a chat assistant. This helps us to look in the right place, and to test "
        "afterwards. You can leave this empty: we look everywhere in any case."
    )
    optional = True
    kind = forms.ChoiceField(label=_("What do you have?"), choices=[("", _("Choose one")), *CLUE_KINDS], required=False)
    value = forms.CharField(
        label=_("Copy it here"),
        required=False,
        max_length=intake.LONGEST_CLUE,
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"}),
        error_messages={"max_length": _("Write at most %(limit_value)d characters")},
    )

    def no_value(self, kind: str) -> Any:
        """What was seen has to be copied."""
        return _("Copy here what you saw")

    def check_value(self, kind: str, value: str) -> None:
        """A link is a web address."""
        if kind == Clue.LINK and not value.lower().startswith(("https://", "http://")):
            self.add_error("value", _("Enter the whole link, starting with https://"))


class Where(Question):
    """Which product or place; never a condition."""

    title = _("Where was that?")
    optional = True
    where = forms.CharField(
        label=title,
        required=False,
        max_length=300,
        help_text=_("The name of the product, app or website. You can leave this empty."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class Whys(Question):
    """Why, in plain words."""

    title = _("Why should it go?")
    optional = True
    whys = forms.MultipleChoiceField(
        label=title,
        required=False,
        help_text=_("You do not have to know the law: we find the article. Choose what fits, or nothing."),
        widget=forms.CheckboxSelectMultiple,
        choices=(
            (Why.NOT_NEEDED, _("You no longer need it")),
            (Why.CHANGED_MIND, _("I agreed once, and I take that back")),
            (Why.OBJECT, _("I do not want you to use it in this way")),
            (Why.NOT_ALLOWED, _("You were never allowed to have it")),
            (Why.MUST_GO, _("A law says that it must go")),
            (Why.WAS_CHILD, _("I was a child when it was collected")),
            (Why.UNSURE, _("I do not know")),
        ),
        error_messages={"invalid_choice": _("Choose from the list")},
    )


class Files(Question):
    """One file."""

    title = _("Do you want to add a file?")
    intro = _(
        "For example a picture of the answer that you saw. Do not send a passport or an identity card. PDF, PNG, JPEG "
        "or plain text, up to 5 MB each. We check each file and remove hidden details such as the place where a "
        "picture was taken."
    )
    optional = True
    file = forms.FileField(label=_("Choose a file"), required=False, max_length=200)


class Mandate(Files):
    """The file that shows that an agent may ask."""

    title = _("Your mandate")
    intro = _(
        "Add the paper that says you may ask for this person: a PDF or a picture, up to 5 MB. An officer reads it. We "
        "check each file and remove hidden details such as the place where a picture was taken."
    )
    optional = False


class OwnEmail(Email):
    """The mailbox of somebody who asks for another person: it gets the letters, and is not looked for."""

    title = _("What is your own e-mail address?")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = self.title
        self.fields["email"].help_text = _(
            "We send our letters and a code to it. On a later page you say whose data it is."
        )


class TheirName(Name):
    """The name of the person whose data it is."""

    title = _("What is the name of the person whose data it is?")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].label = self.title


class Theirs(Other):
    """What the other person's data is stored under: at least one."""

    title = _("What could this person's data be stored under?")
    intro = _("For example their e-mail address, phone number or customer number. Add at least one.")
    optional = False


AT_LEAST_ONE = _("Add at least one, so that we can look for this person")
NO_FILE = _("Add the file with your mandate")
TROUBLE = {
    "type": _("Choose a PDF, a PNG or JPEG picture, or a plain text"),
    "damaged": _("We cannot read this file. Open it, save it again, and choose the new one"),
    "locked": _("This file has a password. Save it without one, then choose it again"),
    "large": _("This file is too large. Choose one of up to 5 MB"),
    "virus": _("A scanner found something in this file. Choose another one"),
}
