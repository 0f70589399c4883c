"""How often a public page may be used from one network: counted by the intake floor, said here in plain words."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from compliance.intake import limits
from compliance.rules.errors import TooOften
from compliance.web.pages import page

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def at(what: str, *, when: Callable[[HttpRequest], bool] = lambda request: True) -> Callable[[View[P]], View[P]]:
    """Count each POST (for which ``when`` holds) as a knock at ``what``; too many get a page that says so."""

    def counted(view: View[P]) -> View[P]:
        @wraps(view)
        def wrapped(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            if request.method == "POST" and when(request):
                try:
                    limits.knock(what, by=limits.network(request.META))
                except TooOften:
                    return _later(request)
            return view(request, *args, **kwargs)

        return wrapped

    return counted


def _later(request: HttpRequest) -> HttpResponse:
    words = _("There were too many tries from your network. Nothing is lost: wait an hour, then try again.")
    context = {"code": 429, "title": _("Please try again later"), "what": words}
    response = page(request, "error.html", context, code=429)
    response["Retry-After"] = "3600"
    return response
