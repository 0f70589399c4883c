"""Proof by the company's own sign-in: the provider's word is used once, and nobody gets an account.

allauth runs the protocol (state, PKCE, the token's issuer and audience). This adapter takes over where it would look
for a user: it marks what the provider vouches for as proven, and ends the flow.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, NoReturn

import requests
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.providers.openid_connect import views
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from compliance.accounts import company_sign_in
from compliance.intake import identity, proofs, services, vault
from compliance.intake.form import contact_of
from compliance.intake.models import ErasureRequest
from compliance.intake.services import Receipt
from compliance.rules.asking import ProvenBy
from compliance.rules.errors import OubliError
from compliance.rules.terms import IdentifierKind, State
from compliance.web.status import intent, open_for, opened
from compliance.web.subject import public

ASKED = "sign_in_asked_by"
View = Callable[[HttpRequest, str], HttpResponse]


def _or_back(view: View) -> View:
    """A provider that is down, or says what is no answer, is no failure of ours: back to the status page."""

    @wraps(view)
    def wrapped(request: HttpRequest, provider_id: str) -> HttpResponse:
        try:
            return view(request, provider_id)
        except (requests.RequestException, ValueError, KeyError):
            messages.error(request, _("The sign-in did not work. You can try again, or go on without it."))
            return redirect("web:status_case")

    return wrapped


def _asked_for(view: View) -> View:
    """Only the button of the opened status page starts a sign-in.

    The browser's session at the provider often answers without a question. So a stranger's page that leads here would
    prove the visitor's identifiers in whatever case is open in this browser: the stranger's, perhaps.
    """

    @wraps(view)
    def wrapped(request: HttpRequest, provider_id: str) -> HttpResponse:
        word = intent(request)
        if not word or not hmac.compare_digest(word.encode(), request.GET.get("go", "").encode()):
            return redirect("web:status_case")
        request.session[ASKED] = word
        return view(request, provider_id)

    return wrapped


sign_in = _or_back(_asked_for(views.login))
come_back = _or_back(views.callback)


class Proving(DefaultSocialAccountAdapter):
    """Ends every sign-in with a proof instead of a session."""

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> NoReturn:
        """The provider answered: prove, forget, and go back to the status page."""
        raise ImmediateHttpResponse(_answered(request, sociallogin.account.extra_data))

    def on_authentication_error(self, request: HttpRequest, provider: Any, **about: Any) -> NoReturn:
        """Cancelled or failed: back to the status page, which works without it."""
        messages.error(request, _("The sign-in did not work. You can try again, or go on without it."))
        raise ImmediateHttpResponse(redirect("web:status_case"))

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        """Never: data subjects have no account."""
        return False


def _answered(request: HttpRequest, said: Mapping[str, Any]) -> HttpResponse:
    case, asked = opened(request), request.session.pop(ASKED, "")
    if case is None or asked != intent(request):
        return redirect("web:status")
    try:
        receipt, proven = prove(case, _claims(said))
    except OubliError:
        receipt, proven = None, 0
    if receipt is not None:
        open_for(request, receipt.request)
        return public(request, "subject/confirmed.html", {"receipt": receipt, "language_next": "/"})
    if proven:
        messages.success(request, _("Thank you: what your account confirms is proven."))
    else:
        messages.error(request, _("Your account confirms nothing that stands in this request."))
    return redirect("web:status_case")


def _claims(said: Mapping[str, Any]) -> dict[str, Any]:
    """ID token and user information together; only when both speak of one person (OpenID Connect Core 1.0, 5.3.2)."""
    token, info = dict(said.get("id_token") or {}), dict(said.get("userinfo") or {})
    if token and info and token.get("sub") != info.get("sub"):
        return {}
    return {**info, **token}


def prove(case: ErasureRequest, claims: Mapping[str, Any]) -> tuple[Receipt | None, int]:
    """Mark what the claims vouch for; a receipt with a new secret when that confirms the request itself."""
    vouched = company_sign_in.vouched(claims)
    keys = {identity.key_of(one.kind, one.value) for one in vouched}
    contact = identity.key_of(IdentifierKind.EMAIL, contact_of(vault.opened(case)))
    receipt = None
    if contact in keys and State(case.state) is State.RECEIVED:
        receipt = services.confirmed(case, proven_by=ProvenBy.SIGN_IN)
    elif State(case.state) is State.RECEIVED:
        return None, 0  # whoever filled in the form may be anybody: first the address that gets the letters
    return receipt, proofs.mark(case, keys, proven_by=ProvenBy.SIGN_IN) + (1 if receipt else 0)
