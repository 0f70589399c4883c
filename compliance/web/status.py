"""The data subject's status page: opened by reference and secret, kept open in the session for half an hour."""

from __future__ import annotations

import time
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from compliance.intake import decisions, verification
from compliance.intake.models import ErasureRequest
from compliance.rules import lifecycle
from compliance.rules.errors import OubliError
from compliance.rules.terms import Letter, State
from compliance.validation import claiming
from compliance.web import forms, words
from compliance.web.subject import form_page, public

SLOT, OPEN_SECONDS = "status", 1800


@form_page
def sign_in(request: HttpRequest) -> HttpResponse:
    """Ask for reference and secret; a wrong pair gets the same words whatever was wrong."""
    form = forms.OpenStatus(request.POST or None)
    form.use_required_attribute = False
    if request.method == "POST" and form.is_valid():
        case = verification.status(form.cleaned_data["reference"], form.cleaned_data["secret"])
        if case is not None:
            request.session.cycle_key()
            request.session[SLOT] = {"case": str(case.pk), "until": time.time() + OPEN_SECONDS}
            return redirect("web:status_case")
        form.add_error("secret", _("That reference and secret word do not fit together. Check both."))
    return public(request, "subject/status_open.html", {"form": form}, code=422 if form.errors else 200)


def _opened(request: HttpRequest) -> ErasureRequest | None:
    held = request.session.get(SLOT) or {}
    if held.get("until", 0) < time.time():
        return None
    return ErasureRequest.objects.select_related("entity").filter(pk=held["case"]).first()


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """Where the case stands, what is next and by when; nothing personal is on it."""
    case = _opened(request)
    return public(request, "subject/status.html", _context(case)) if case else redirect("web:status")


def _context(case: ErasureRequest, **more: Any) -> dict[str, Any]:
    state = State(case.state)
    return {
        "language_next": "/status/case/",
        "case": case,
        "standing": words.STANDINGS[state],
        "may_withdraw": lifecycle.may(state, State.WITHDRAWN),
        "may_challenge": state in (State.ANSWERED, State.CLOSED) and lifecycle.may(state, State.ACCEPTED),
        "waits_for_code": state is State.RECEIVED,
        "open": state not in words.ENDED,
        "places": _places(case),
        "claims": _claims(case),
        "letters": [(words.LETTERS[Letter(n.kind)], n.sent_at) for n in case.notices.order_by("created_at", "id")],
        "challenge": forms.Challenge(),
        **more,
    }


def _places(case: ErasureRequest) -> list[words.PlaceWords]:
    """What is being done where, once the plan is approved; before that it is not ours to promise."""
    plan = case.plans.order_by("-number").first()
    started = (State.APPROVED, State.MITIGATED, State.VALIDATED, State.ANSWERED, State.CLOSED)
    if plan is None or State(case.state) not in started:
        return []
    return words.places(plan.steps.select_related("artifact").order_by("order", "id"))


def _claims(case: ErasureRequest) -> list[str]:
    """The sentences of the answer, as the letter has them."""
    if State(case.state) not in (State.ANSWERED, State.CLOSED):
        return []
    plan = case.plans.filter(round=case.round).order_by("-number").first()
    return claiming.texts(claiming.claims_of(case, plan), get_language() or "en") if plan else []


@require_POST
def withdraw(request: HttpRequest) -> HttpResponse:
    """Take the request back."""
    case = _opened(request)
    if case is None:
        return redirect("web:status")
    try:
        decisions.withdraw(case)
    except OubliError:
        messages.error(request, _("Your request can no longer be taken back: work on it has begun."))
    return redirect("web:status_case")


@require_POST
def challenge(request: HttpRequest) -> HttpResponse:
    """Say that something is still there: the case is looked at again."""
    case = _opened(request)
    if case is None:
        return redirect("web:status")
    form = forms.Challenge(request.POST)
    form.use_required_attribute = False
    if not form.is_valid():
        return public(request, "subject/status.html", _context(case, challenge=form), code=422)
    try:
        decisions.challenge(case, reason=form.cleaned_data["reason"])
    except OubliError:
        messages.error(request, _("This request is being worked on already."))
    else:
        messages.success(request, _("Thank you. We look again, and write to you."))
    return redirect("web:status_case")


@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    """Close the status page on this device."""
    request.session.pop(SLOT, None)
    return redirect("web:start")
