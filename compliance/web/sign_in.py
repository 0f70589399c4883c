"""Sign-in for staff: Django's own, with axes counting failures per name and address."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import views
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from compliance.web.pages import page


@method_decorator(never_cache, name="dispatch")
class SignIn(views.LoginView):
    """Name and password; the same words whatever was wrong."""

    template_name = "officer/sign_in.html"
    redirect_authenticated_user = True

    def get_form_kwargs(self) -> dict[str, Any]:
        """The form without colons after its labels."""
        return {**super().get_form_kwargs(), "label_suffix": ""}


def locked(request: HttpRequest, response: HttpResponse | None = None, credentials: Any = None) -> HttpResponse:
    """What axes shows after too many failures (setting ``AXES_LOCKOUT_CALLABLE``)."""
    what = "There were too many failed attempts to sign in. Wait a quarter of an hour, then try again."
    return page(request, "error.html", {"code": 429, "title": "Sign-in is locked for now", "what": what}, code=429)
