"""The data subject's status page: opened by reference and secret, kept open in the session for half an hour."""

from __future__ import annotations

import secrets
import time
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from compliance.accounts import company_sign_in
from compliance.intake import additions, clocks, proofs, vault, verification
from compliance.intake.models import ErasureRequest
from compliance.rules import lifecycle
from compliance.rules.errors import NotFoundHere
from compliance.rules.terms import Letter, State
from compliance.validation import claiming
from compliance.web import forms, knocking, speaking_forms, words
from compliance.web.subject import form_page, public

SLOT, OPEN_SECONDS = "status", 1800


@form_page
@knocking.at("status")
def sign_in(request: HttpRequest) -> HttpResponse:
    """Ask for reference and secret; a wrong pair gets the same words whatever was wrong."""
    form = forms.OpenStatus(request.POST or None)
    form.use_required_attribute = False
    if request.method == "POST" and form.is_valid():
        case = verification.status(form.cleaned_data["reference"], form.cleaned_data["secret"])
        if case is not None:
            open_for(request, case)
            return redirect("web:status_case")
        form.add_error("secret", _("That reference and secret word do not fit together. Check both."))
    return public(request, "subject/status_open.html", {"form": form}, code=422 if form.errors else 200)


def open_for(request: HttpRequest, case: ErasureRequest) -> None:
    """Open the status page in this browser, for as long as the present secret holds."""
    request.session.cycle_key()
    request.session[SLOT] = {
        "case": str(case.pk),
        "until": time.time() + OPEN_SECONDS,
        "secret": _mark(case),
        "go": secrets.token_urlsafe(16),
    }


def intent(request: HttpRequest) -> str:
    """A word that only the opened status page knows: a link of ours that carries it was pressed there."""
    return str((request.session.get(SLOT) or {}).get("go", ""))


def _mark(case: ErasureRequest) -> str:
    """Tells one secret of a case from the next, and nothing else."""
    return verification.digest("opened", case.secret_hash)[:16]


def opened(request: HttpRequest) -> ErasureRequest | None:
    """The case that this browser has opened; None when the time is over, or the secret is no longer the one."""
    held = request.session.get(SLOT) or {}
    if held.get("until", 0) < time.time():
        return None
    case = ErasureRequest.objects.select_related("entity").filter(pk=held["case"]).first()
    return case if case is not None and held.get("secret") == _mark(case) else None


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """Where the case stands, what is next and by when; no identifier is on it but in redacted form."""
    case = opened(request)
    return public(request, "subject/status.html", context_of(case)) if case else redirect("web:status")


def context_of(case: ErasureRequest, **more: Any) -> dict[str, Any]:
    """What the page shows; ``more`` replaces forms that were sent with errors."""
    state = State(case.state)
    return {
        "language_next": "/status/case/",
        "case": case,
        "standing": words.ASKED_WHO if _asked_who(case) else words.STANDINGS[state],
        "may_withdraw": lifecycle.may(state, State.WITHDRAWN),
        "may_challenge": state in (State.ANSWERED, State.CLOSED) and lifecycle.may(state, State.ACCEPTED),
        "waits_for_code": state is State.RECEIVED,
        "open": state not in (State.CLOSED, State.WITHDRAWN, State.LAPSED, State.ANSWERED, State.REFUSED),
        "may_add": state not in additions.ENDED and _readable(case),
        "places": _places(case),
        "claims": _claims(case),
        "letters": _letters(case),
        "identifiers": _identifiers(case),
        "may_prove": case.verified_at is not None and state in proofs.OPEN,
        "company_account": company_sign_in.name() if state in proofs.OPEN else "",
        "challenge": speaking_forms.Challenge(prefix="c"),
        "addition": speaking_forms.Addition(prefix="a"),
        "typed_code": forms.TypedCode(prefix="p"),
        **more,
    }


def _asked_who(case: ErasureRequest) -> bool:
    """Whether it is the person's turn: we asked who they are, and have no answer yet."""
    asked = clocks.pauses_of(case) if State(case.state) is State.VERIFIED else ()
    return bool(asked) and asked[-1].answered_on is None


def _readable(case: ErasureRequest) -> bool:
    return case.key.wrapped is not None


def _identifiers(case: ErasureRequest) -> list[tuple[Any, proofs.Shown]]:
    """For whoever proved the address only: to the filer of an unconfirmed form there is nothing to tell."""
    shown = proofs.listed(case) if case.verified_at is not None and _readable(case) else []
    return [(forms.KIND_NAMES[one.kind], one) for one in shown]


def _letters(case: ErasureRequest) -> list[tuple[int, Any, Any]]:
    """Number, name and day of each letter; the number only where it can be read here."""
    reads = case.verified_at is not None and _readable(case)
    rows = case.notices.order_by("created_at", "id")
    return [(n.pk if reads and n.sent_at else 0, words.letter_name(Letter(n.kind)), n.sent_at) for n in rows]


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


@require_safe
def letter(request: HttpRequest, number: int) -> HttpResponse:
    """One letter as it was sent, for whoever proved the address."""
    case = opened(request)
    if case is None:
        return redirect("web:status")
    row = case.notices.filter(pk=number, sent_at__isnull=False).first() if case.verified_at else None
    if row is None or row.sealed is None:
        raise Http404
    try:
        kept = vault.decrypt(vault.case_key(case), bytes(row.sealed))
    except NotFoundHere as gone:
        raise Http404 from gone
    context = {"name": words.letter_name(Letter(row.kind)), "letter": kept, "language_of": row.language}
    return public(request, "subject/letter.html", {**context, "language_next": "/status/case/"})


@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    """Close the status page on this device."""
    request.session.pop(SLOT, None)
    return redirect("web:start")
