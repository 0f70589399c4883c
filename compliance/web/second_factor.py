"""Signing in with a second factor, and setting one up, renewing its recovery codes and turning it off.

Between password and code nobody is signed in: the session only remembers who may type a code, for ten minutes.
"""

from __future__ import annotations

import base64
import hmac
import time
from collections.abc import Callable
from typing import Any

from axes.handlers.proxy import AxesProxyHandler
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate, login, logout
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.signals import user_login_failed
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from compliance.accounts import second_factor, services
from compliance.accounts.models import User
from compliance.audit import services as audit
from compliance.rules.errors import OubliError, TooOften
from compliance.web.pages import locked, page
from compliance.web.staff import desk, member, staff

WAITING, PASSED, OFFERED = "second_factor_waits_for", "second_factor_passed", "second_factor_offered"
PATIENCE = 600  # seconds between password and code
_BACKEND = "django.contrib.auth.backends.ModelBackend"


class Guard:
    """Nobody works with a session that the second factor did not see.

    A session from before it was set up ends. Where every member of staff needs one, whoever has none sees only the
    page that sets it up; over the API such a session is nobody's.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Look at the session, then go on."""
        if settings.SESSION_COOKIE_NAME in request.COOKIES:
            answer = self._judged(request)
            if answer is not None:
                return answer
        return self.get_response(request)

    def _judged(self, request: HttpRequest) -> HttpResponse | None:
        user = request.user
        if not isinstance(user, User) or request.session.get(PASSED):
            return None
        if second_factor.held(user):
            logout(request)
            return None
        if second_factor.required() and request.path.startswith(("/api/", "/opendsr/", "/drp/")):
            request.user = AnonymousUser()
        elif second_factor.required() and request.path.startswith(("/officer/", "/auditor/", "/models/")):
            messages.info(request, "Before you go on, set up a second step for signing in.")
            return redirect("web:second_factor")
        return None


def wait_for_code(request: HttpRequest, user: User, *, then: str) -> HttpResponse:
    """The password was right: remember who may type a code, and ask for it."""
    request.session[WAITING] = {
        "user": user.pk,
        "until": time.time() + PATIENCE,
        "then": then,
        "password": user.get_session_auth_hash(),
    }
    return redirect("web:sign_in_code")


def _waiting(request: HttpRequest) -> tuple[User, str] | None:
    kept = request.session.get(WAITING) or {}
    user = User.objects.filter(pk=kept.get("user") or 0, is_active=True).first()
    if user is None or kept["until"] < time.time():
        return None
    same = hmac.compare_digest(kept["password"], user.get_session_auth_hash())
    return (user, kept["then"]) if same else None


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def code(request: HttpRequest) -> HttpResponse:
    """The second step of signing in."""
    waiting = _waiting(request)
    if waiting is None:
        request.session.pop(WAITING, None)
        return redirect("web:sign_in")
    user, then = waiting
    if request.method != "POST":
        return page(request, "officer/sign_in_code.html")
    credentials = {"username": user.get_username()}
    if not AxesProxyHandler.is_allowed(request, credentials):
        return locked(request)
    try:
        right = second_factor.accept(user, request.POST.get("code", "")[:40])
    except TooOften as error:
        return page(request, "officer/sign_in_code.html", {"wrong": str(error)}, code=429)
    if not right:
        user_login_failed.send(sender=__name__, credentials=credentials, request=request)
        wrong = "This code is not right, or was used before. Wait for the next one, or use a recovery code."
        return page(request, "officer/sign_in_code.html", {"wrong": wrong}, code=422)
    del request.session[WAITING]
    login(request, user, backend=_BACKEND)
    request.session[PASSED] = True
    return redirect(then)


@staff
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest) -> HttpResponse:
    """Set it up, or see what is there."""
    user = member(request)
    if second_factor.held(user):
        return _page(request)
    if request.method == "POST":
        return _activated(request, user)
    return _page(request)


def _activated(request: HttpRequest, user: User) -> HttpResponse:
    sealed = request.session.get(OFFERED, "")
    if not second_factor.usable(sealed):
        return _page(request, wrong="Let your app take the picture first, then type its code.", code=422)
    if authenticate(request, username=user.get_username(), password=request.POST.get("password", "")) != user:
        return _page(request, wrong="This is not your password.", code=422)
    try:
        with transaction.atomic():
            codes = second_factor.activate(user, sealed, "".join(request.POST.get("code", "").split()))
            _log("staff.second_factor_set", user)
    except OubliError as error:
        return _page(request, wrong=str(error), code=422)
    del request.session[OFFERED]
    request.session[PASSED] = True
    request.session.cycle_key()
    return _page(request, codes=codes)


@staff
@never_cache
@require_POST
def change(request: HttpRequest, verb: str) -> HttpResponse:
    """New recovery codes, or off; either needs a code."""
    user = member(request)
    if verb not in ("codes", "off"):
        raise Http404
    try:
        right = second_factor.accept(user, request.POST.get("code", "")[:40])
    except TooOften as error:
        return _page(request, wrong=str(error), code=429)
    if not right:
        return _page(request, wrong="This code is not right, or was used before. Wait for the next one.", code=422)
    if verb == "codes":
        return _page(request, codes=second_factor.renew(user))
    with transaction.atomic():
        second_factor.remove(user)
        _log("staff.second_factor_removed", user)
    messages.success(request, "The second step is off. From now on your password alone signs you in.")
    return redirect("web:second_factor")


def _page(request: HttpRequest, *, wrong: str = "", codes: list[str] | None = None, code: int = 200) -> HttpResponse:
    user = member(request)
    context: dict[str, Any] = {
        "wrong": wrong,
        "codes": codes,
        "since": second_factor.since(user),
        "left": second_factor.codes_left(user),
        "required": second_factor.required(),
    }
    if context["since"] is None:
        if not second_factor.usable(request.session.get(OFFERED, "")):
            request.session[OFFERED] = second_factor.sealed_secret()
        offer = second_factor.offer(user, request.session[OFFERED])
        drawn = base64.b64encode(offer.drawing.encode()).decode()
        context |= {"drawing": f"data:image/svg+xml;base64,{drawn}", "secret": _in_fours(offer.secret)}
    return desk(request, "officer/second_factor.html", context, code=code)


def _in_fours(secret: str) -> str:
    return " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))


def _log(kind: str, user: User) -> None:
    for entity in services.entities_of(user):
        audit.record(kind, case="", entity=entity.slug, by=user.get_username())
