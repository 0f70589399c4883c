"""What the person says from the status page: withdraw, add, prove an address, and challenge the answer."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from compliance.intake import additions, attachments, decisions
from compliance.intake.form import Upload
from compliance.intake.models import ErasureRequest
from compliance.rules.errors import OubliError
from compliance.web import forms, knocking, questions, speaking_forms
from compliance.web.status import context_of, opened
from compliance.web.subject import public


def _again(request: HttpRequest, case: ErasureRequest, **sent: Any) -> HttpResponse:
    """The page with the form that has errors."""
    return public(request, "subject/status.html", context_of(case, **sent), code=422)


@require_POST
def withdraw(request: HttpRequest) -> HttpResponse:
    """Take the request back."""
    case = opened(request)
    if case is None:
        return redirect("web:status")
    try:
        decisions.withdraw(case)
    except OubliError:
        messages.error(request, _("Your request can no longer be taken back: work on it has begun."))
    return redirect("web:status_case")


@require_POST
@knocking.at("status")
def challenge(request: HttpRequest) -> HttpResponse:
    """Say that something is still there, with what shows it: the case is looked at again and that is tried."""
    case = opened(request)
    if case is None:
        return redirect("web:status")
    form = speaking_forms.Challenge(request.POST, prefix="c")
    probe = form.clue() if form.is_valid() else None
    if probe is None:
        return _again(request, case, challenge=form)
    try:
        additions.challenge(case, words=form.cleaned_data["reason"], probe=probe)
    except OubliError:
        messages.error(request, _("This request is being worked on already."))
    else:
        messages.success(request, _("Thank you. We look again, try exactly what you gave us, and write to you."))
    return redirect("web:status_case")


@require_POST
@knocking.at("file")
def add(request: HttpRequest) -> HttpResponse:
    """Add words, what was seen, or a file."""
    case = opened(request)
    if case is None:
        return redirect("web:status")
    form = speaking_forms.Addition(request.POST, request.FILES, prefix="a")
    upload = _received(form) if form.is_valid() else None
    if form.errors:
        return _again(request, case, addition=form)
    try:
        additions.add(case, words=form.cleaned_data.get("words", ""), clue=form.clue(), upload=upload)
    except OubliError:
        messages.error(request, _("We cannot take more for this request."))
    else:
        messages.success(request, _("Thank you. We have added it to your request."))
    return redirect("web:status_case")


def _received(form: speaking_forms.Addition) -> Upload | None:
    file = form.cleaned_data.get("file")
    if not file:
        return None
    try:
        return attachments.receive(file.name, file.read())[1]
    except attachments.NotTaken as refused:
        form.add_error("file", questions.TROUBLE[refused.why])
        return None


def _place(request: HttpRequest) -> int:
    place = request.POST.get("place", "")
    return int(place) if place.isascii() and place.isdigit() and len(place) < 4 else -1


@require_POST
@knocking.at("code")
def send_code(request: HttpRequest) -> HttpResponse:
    """Send a code to another address of the request."""
    case = opened(request)
    if case is None:
        return redirect("web:status")
    try:
        additions.send_code(case, _place(request))
    except OubliError:
        messages.error(request, _("We cannot send a code for this now."))
    else:
        messages.success(request, _("A code is on its way to that address. Type it in below."))
    return redirect("web:status_case")


@require_POST
@knocking.at("code")
def prove(request: HttpRequest) -> HttpResponse:
    """Type in the code that went to another address of the request."""
    case = opened(request)
    if case is None:
        return redirect("web:status")
    form = forms.TypedCode(request.POST, prefix="p")
    place = _place(request)
    try:
        fits = form.is_valid() and additions.prove(case, place, form.cleaned_data["code"])
    except OubliError:
        fits = False
    if fits:
        messages.success(request, _("Thank you: this address is proven."))
        return redirect("web:status_case")
    if not form.errors:
        form.add_error("code", _("That code does not fit, or it has run out."))
    return _again(request, case, typed_code=form, typed_place=place)
