"""Save and come back with a code, and leave at once."""

from __future__ import annotations

from datetime import date

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from compliance.intake import drafts
from compliance.web import answers, forms, knocking, steps
from compliance.web.subject import form_page, public


@require_safe
def saved(request: HttpRequest) -> HttpResponse:
    """The code that opens the form again, shown once."""
    held = answers.load(request)
    until = date.fromisoformat(held["until"]) if "until" in held else None
    context = {"code_to_come_back": held.get("saved"), "until": until, "language_next": "/"}
    response = public(request, "subject/saved.html", context)
    return answers.forget(request, response) if request.method == "GET" else response


@form_page
@knocking.at("draft")
def resume(request: HttpRequest) -> HttpResponse:
    """The code brings the form back, at the first page that is still open."""
    form = forms.Resume(request.POST or None)
    form.use_required_attribute = False
    if request.method == "POST" and form.is_valid():
        values = drafts.resume(form.cleaned_data["draft"])
        if values is not None:
            open_step = steps.first_open(values)
            target = redirect("web:step", open_step.slug) if open_step else redirect("web:check")
            return answers.save(request, target, values)
        form.add_error("draft", _("This code opens nothing. It may have been used, or its time is over."))
    return public(request, "subject/resume.html", {"form": form}, code=422 if form.errors else 200)


@require_safe
def leave_at_once(request: HttpRequest) -> HttpResponse:
    """Forget what this browser holds of us, and show a page that says nothing about its reader."""
    request.session.flush()
    response = redirect(settings.OUBLI_EXIT)
    response.delete_cookie(answers.COOKIE, path="/request/", samesite="Lax")
    response["Clear-Site-Data"] = '"cache", "cookies", "storage"'
    response["Cache-Control"] = "no-store, private"
    return response
