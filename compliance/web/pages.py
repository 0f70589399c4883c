"""What every page shares: one way to render, the error pages, health and robots."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from compliance.accounts.models import LegalEntity


def page(
    request: HttpRequest, template: str, context: Mapping[str, Any] | None = None, *, code: int = 200
) -> HttpResponse:
    """Render a page that no cache may keep and no search engine may list."""
    response = render(request, template, dict(context or {}), status=code)
    response["Cache-Control"] = "no-store, private"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response


def service_name() -> str:
    """What the public pages are called: the company's name while there is only one."""
    names = list(LegalEntity.objects.order_by("name").values_list("name", flat=True)[:2])
    return names[0] if len(names) == 1 else _("Privacy requests")


def _error(request: HttpRequest, code: int, title: str, what: str) -> HttpResponse:
    return page(request, "error.html", {"code": code, "title": title, "what": what}, code=code)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400 in the house's look; 413 for what is more than a form may send, which sending it again does not help."""
    if isinstance(exception, RequestDataTooBig | TooManyFieldsSent | TooManyFilesSent):
        return _error(request, 413, _("That was too much at once"), _("Go back, shorten what you wrote, and send it."))
    return _error(request, 400, _("This request could not be read"), _("Go back and send the form again."))


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403 in the house's look."""
    what = _("Your account may not do this. Ask somebody who has the role for this company.")
    return _error(request, 403, _("You may not do this"), what)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404 in the house's look; the same words for what is not there and for what is somebody else's."""
    what = _("If you typed the address, check that it is correct. If you followed a link, the page may have moved.")
    return _error(request, 404, _("Page not found"), what)


class NotThisWay:
    """405 in the house's look, where a view's decorator answers with nothing but a status.

    Other doors (``/api/`` and those of partners' protocols) say it in shapes of their own.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer as the view does; where that is bare, with a page."""
        answer = self.get_response(request)
        if not isinstance(answer, HttpResponseNotAllowed) or answer.content:
            return answer
        what = _("This address takes something that is sent from a page. Start from that page instead.")
        said = _error(request, 405, _("This page cannot be opened like this"), what)
        said["Allow"] = answer["Allow"]
        return said


def locked(request: HttpRequest, response: HttpResponse | None = None, credentials: Any = None) -> HttpResponse:
    """What axes shows after too many failures (setting ``AXES_LOCKOUT_CALLABLE``)."""
    what = "There were too many failed attempts to sign in. Wait a quarter of an hour, then try again."
    return page(request, "error.html", {"code": 429, "title": "Sign-in is locked for now", "what": what}, code=429)


def broken(request: HttpRequest) -> HttpResponse:
    """500 without session and database, which may be what is broken."""
    what = _("Something went wrong on our side. Nothing you sent before is lost. Try again in a few minutes.")
    content = render_to_string("error.html", {"code": 500, "title": _("Sorry, there is a problem"), "what": what})
    return HttpResponse(content, status=500, headers={"Cache-Control": "no-store, private"})


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Whether the process answers and its database does."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"status": "ok"})


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """Nothing here is for search engines."""
    return HttpResponse("User-agent: *\nDisallow: /\n", content_type="text/plain; charset=utf-8")
