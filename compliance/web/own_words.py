"""Words of an officer's own for a letter still to come: written, seen with their differences, saved, taken back."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from compliance.accounts import services as accounts
from compliance.accounts.models import User
from compliance.evidence import facts, previews
from compliance.intake import own_words
from compliance.intake.models import ErasureRequest
from compliance.rules import own_words as rules
from compliance.rules.errors import OubliError
from compliance.rules.terms import Letter, Role
from compliance.web import looks
from compliance.web.staff import IDENTIFIER_ROLES, case_or_404, desk, member, staff

LINKS = {"status": "https://…/status/", "confirm": "https://…/confirm/"}


class Words(forms.Form):
    """The words."""

    words = forms.CharField(
        label="Words of your own",
        max_length=rules.LONGEST,
        help_text="They stand before the farewell, beside what the law asks for. An empty line begins a new paragraph.",
        widget=forms.Textarea(attrs={"rows": 6, "class": "form-control"}),
        error_messages={
            "required": "Write the words",
            "max_length": "Write at most %(limit_value)d characters, you have %(show_value)d",
        },
    )


def writable(case: ErasureRequest) -> list[tuple[Letter, bool]]:
    """The letters that take words, and whether some are written."""
    written = set(case.own_words.values_list("kind", flat=True))
    return [(letter, str(letter) in written) for letter in rules.TAKEN_BY]


@staff
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, reference: str, kind: str) -> HttpResponse:
    """Write, preview, save or take back the words for the next letter of a kind."""
    user = member(request)
    case = case_or_404(user, reference, IDENTIFIER_ROLES)
    if kind not in list(rules.TAKEN_BY):
        raise Http404
    letter, verb = Letter(kind), request.POST.get("verb", "")
    try:
        accounts.require(user, case.entity, [Role.OFFICER])
        if request.method == "POST" and verb == "take_back":
            return _taken_back(request, case, letter, user)
        written = own_words.of(case, letter)
        return _answered(request, case, letter, user, written)
    except OubliError as error:
        messages.error(request, str(error))
        return redirect("web:letters", reference)


def _taken_back(request: HttpRequest, case: ErasureRequest, letter: Letter, user: User) -> HttpResponse:
    own_words.take_back(case, letter, by=user)
    messages.success(request, f"The letter “{letter.label}” has no words of your own now.")
    return redirect("web:letters", case.reference)


def _answered(
    request: HttpRequest, case: ErasureRequest, letter: Letter, user: User, written: list[str]
) -> HttpResponse:
    sent = request.method == "POST"
    form = Words(request.POST) if sent else Words(initial={"words": "\n\n".join(written)})
    form.label_suffix, form.use_required_attribute = "", False
    given = _checked(form, letter) if sent and form.is_valid() else written
    if sent and not form.errors and request.POST.get("verb") == "save":
        own_words.write(case, letter, text=form.cleaned_data["words"], by=user)
        messages.success(request, f"Your words go into the next letter “{letter.label}”.")
        return redirect("web:letters", case.reference)
    context: dict[str, Any] = {
        "here": "cases",
        "case": case,
        "badge": looks.state_badge(case),
        "letter": letter,
        "form": form,
        "written": written,
        "preview": None if form.errors else _preview(case, letter, given),
    }
    return desk(request, "officer/own_words.html", context, code=422 if form.errors else 200)


def _checked(form: Words, letter: Letter) -> list[str]:
    try:
        return rules.paragraphs(letter, form.cleaned_data["words"])
    except OubliError as error:
        form.add_error("words", str(error))
        return []


def _preview(case: ErasureRequest, letter: Letter, words: list[str]) -> previews.Preview:
    """The letter as it would go now; parts that its decision has yet to fill in are shown as missing."""
    said = facts.letter_facts(case, letter, links=LINKS, only_here={})
    return previews.preview(letter, facts.spoken(case), {**said, "own_words": words})
