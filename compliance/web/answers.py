"""What a data subject has typed so far: kept encrypted in the session, under a key that only their browser holds.

So an abandoned form leaves nothing readable in the database, and no page needs an identifier in its address.
"""

from __future__ import annotations

from typing import Any

from cryptography.fernet import Fernet
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from compliance.intake import vault
from compliance.rules.errors import NotFoundHere

COOKIE, SLOT = "oubli_form", "form"


def load(request: HttpRequest) -> dict[str, Any]:
    """The answers so far; empty when there are none, or when the browser has lost its key."""
    sealed, key = request.session.get(SLOT), request.COOKIES.get(COOKIE)
    if not sealed or not key:
        return {}
    try:
        return vault.decrypt(key.encode(), sealed.encode())
    except (NotFoundHere, ValueError):
        return {}


def save(request: HttpRequest, response: HttpResponse, answers: dict[str, Any]) -> HttpResponse:
    """Seal the answers under a fresh key, give the key to the browser, and return the response."""
    key = Fernet.generate_key()
    request.session[SLOT] = vault.encrypt(key, answers).decode()
    response.set_cookie(
        COOKIE, key.decode(), httponly=True, secure=settings.SESSION_COOKIE_SECURE, samesite="Lax", path="/request/"
    )
    return response


def forget(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Drop the answers and their key."""
    request.session.pop(SLOT, None)
    response.delete_cookie(COOKIE, path="/request/", samesite="Lax")
    return response
