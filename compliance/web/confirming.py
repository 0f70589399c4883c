"""The code from a letter: it proves the mailbox, and whoever has it gets the secret of the status page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from compliance.intake import services
from compliance.rules.errors import OubliError
from compliance.web import forms, knocking
from compliance.web.status import open_for
from compliance.web.subject import form_page, public


@form_page
@knocking.at("code")
def confirm(request: HttpRequest) -> HttpResponse:
    """Opening the link only shows a button, pressing it consumes the code and shows the secret once."""
    if request.method != "POST":
        given = {name: request.GET.get(name, "")[:40] for name in ("reference", "code")}
        form = forms.ConfirmCode(initial=given)
        return public(request, "subject/confirm.html", {"form": form, "from_link": all(given.values())})
    form = forms.ConfirmCode(request.POST)
    form.use_required_attribute = False
    if form.is_valid():
        try:
            receipt = services.prove(form.cleaned_data["reference"], form.cleaned_data["code"])
        except OubliError:
            form.add_error("code", _("That reference and code do not fit together, or the code has run out."))
        else:
            open_for(request, receipt.request)
            return public(request, "subject/confirmed.html", {"receipt": receipt, "language_next": "/"})
    return public(request, "subject/confirm.html", {"form": form, "from_link": False}, code=422)


@form_page
@knocking.at("code")
def again(request: HttpRequest) -> HttpResponse:
    """A new code for the address of a request; the answer is the same whether there is such a request or not."""
    form = forms.Again(request.POST or None)
    form.use_required_attribute = False
    if request.method == "POST" and form.is_valid():
        services.send_code(form.cleaned_data["reference"])
        return public(request, "subject/again_sent.html", {"language_next": "/"})
    return public(request, "subject/again.html", {"form": form}, code=422 if form.errors else 200)
