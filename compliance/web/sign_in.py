"""Sign-in for staff: Django's own, with axes counting failures per name and address, then the second factor."""

from __future__ import annotations

import ipaddress
from typing import Any

from django.contrib import messages
from django.contrib.auth import views
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest, HttpResponse
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import override
from django.views import View
from django.views.decorators.cache import never_cache

from compliance.accounts import second_factor as factor
from compliance.intake import limits
from compliance.web.second_factor import wait_for_code


def whence(request: HttpRequest) -> str | None:
    """Where failed attempts are counted (setting ``AXES_CLIENT_IP_CALLABLE``): the visitor's network, not our proxy's.

    By the proxy's address, ten wrong passwords from anywhere would shut an account for everybody.
    """
    try:
        return str(ipaddress.ip_interface(limits.network(request.META)).network.network_address)
    except ValueError:
        return None  # a socket in a folder has no address


class InEnglish(View):
    """Staff pages are in English, the labels of Django's forms too, whatever the browser prefers."""

    def dispatch(self, *args: Any, **kwargs: Any) -> Any:
        """Rendered before the language is given back."""
        with override("en"):
            answer = super().dispatch(*args, **kwargs)
            return answer.render() if hasattr(answer, "render") else answer


@method_decorator(never_cache, name="dispatch")
class SignIn(InEnglish, views.LoginView):
    """Name and password; the same words whatever was wrong. Who has a second factor is asked for it next."""

    template_name = "officer/sign_in.html"
    redirect_authenticated_user = True

    def get_form_kwargs(self) -> dict[str, Any]:
        """The form without colons after its labels."""
        return {**super().get_form_kwargs(), "label_suffix": ""}

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Signed in, or one step further."""
        user = form.get_user()
        if factor.held(user):
            return wait_for_code(self.request, user, then=self.get_success_url())
        return super().form_valid(form)


@method_decorator(never_cache, name="dispatch")
class Welcome(InEnglish, views.PasswordResetConfirmView):
    """The link of an invitation: its reader chooses a password, once."""

    template_name = "officer/choose_password.html"
    success_url = reverse_lazy("web:sign_in")

    def form_valid(self, form: Any) -> HttpResponse:
        """The password is kept; signing in comes next, with everything that belongs to it."""
        answer = super().form_valid(form)
        messages.success(self.request, "Your password is kept. Sign in with it.")
        return answer


@method_decorator(never_cache, name="dispatch")
class NewPassword(InEnglish, views.PasswordChangeView):
    """Somebody's own password; every other session of theirs ends."""

    template_name = "officer/new_password.html"
    success_url = reverse_lazy("web:second_factor")

    def form_valid(self, form: Any) -> HttpResponse:
        """Kept."""
        answer = super().form_valid(form)
        messages.success(self.request, "Your new password is kept. You were signed out everywhere else.")
        return answer
