"""Who may see what: staff see the cases of their legal entities; what belongs to another is not here (404)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast
from urllib.parse import urlencode, urlsplit

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import override

from compliance.accounts import services as accounts
from compliance.accounts.models import LegalEntity, User
from compliance.intake.models import ErasureRequest
from compliance.rules.terms import Role
from compliance.web.pages import page

CASE_ROLES = (Role.OFFICER, Role.APPROVER, Role.ENGINEER, Role.ADMINISTRATOR)
IDENTIFIER_ROLES = (Role.OFFICER, Role.APPROVER)
AUDIT_ROLES = (Role.AUDITOR, Role.OFFICER, Role.ADMINISTRATOR)

# Fields that no hand typed, and those that no page may show.
_NOT_TYPED = re.compile(r"csrf|password|code|digest|^(trace-|rest-|shown$|next$)")

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def staff(view: View[P]) -> View[P]:
    """Signed-in staff only; staff pages are in English, and say so, whatever the browser prefers."""

    @wraps(view)
    def wrapped(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        with override("en"):
            return view(request, *args, **kwargs)

    signed_in = cast("View[P]", login_required(wrapped))

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if request.method == "POST" and not request.user.is_authenticated:
            with override("en"):
                return _signed_out(request)
        return signed_in(request, *args, **kwargs)

    return guarded


def _signed_out(request: HttpRequest) -> HttpResponse:
    """The session ended while a form was open: its words are given back, since no browser keeps them on these pages.

    Back from signing in one stands on the page that had the form: the address of a decision takes no visit.
    """
    sent = [
        (name, value) for name in request.POST if not _NOT_TYPED.search(name) for value in request.POST.getlist(name)
    ]
    typed = [(name.replace("_", " ").capitalize(), value) for name, value in sent if value.strip()]
    came_from = urlsplit(request.headers.get("Referer", ""))
    inside = came_from.netloc == request.get_host() and came_from.path.startswith("/")
    back = came_from.path if inside else reverse("web:queue")
    again = f"{reverse('web:sign_in')}?{urlencode({'next': back})}"
    if not typed:
        return redirect(again)
    return page(request, "officer/signed_out.html", {"typed": typed, "again": again}, code=403)


def member(request: HttpRequest) -> User:
    """The member of staff who is signed in."""
    if not isinstance(request.user, User):
        raise Http404
    return request.user


def desk(request: HttpRequest, template: str, context: dict[str, Any], *, code: int = 200) -> HttpResponse:
    """Render a staff page: its navigation shows only the doors that are open to this person."""
    user = member(request)
    doors = {
        "sees_cases": bool(accounts.entities_of(user, CASE_ROLES)),
        "sees_models": bool(accounts.entities_of(user, (Role.ENGINEER,))),
        "sees_staff": bool(accounts.entities_of(user, (Role.ADMINISTRATOR,))),
        "sees_audit": bool(accounts.entities_of(user, AUDIT_ROLES)),
    }
    return page(request, template, {**doors, **context}, code=code)


def entities(user: User, allowed: Iterable[Role]) -> list[LegalEntity]:
    """The legal entities for which the user holds one of the roles; 404 when there are none."""
    found = accounts.entities_of(user, allowed)
    if not found:
        raise Http404
    return found


def case_or_404(user: User, reference: str, allowed: Iterable[Role] = CASE_ROLES) -> ErasureRequest:
    """A case of one of the user's legal entities."""
    mine = ErasureRequest.objects.of(accounts.entities_of(user, allowed)).select_related("entity")
    case = mine.filter(reference=reference).first()
    if case is None:
        raise Http404
    return case
