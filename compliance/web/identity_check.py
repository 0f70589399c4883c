"""The officer's check by hand: which identifiers are the person's, and how that was made sure; nothing is kept."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from compliance.accounts import services as accounts
from compliance.intake import proofs
from compliance.rules.asking import Checked
from compliance.rules.errors import NotFoundHere, OubliError
from compliance.rules.terms import Role, State
from compliance.web import looks
from compliance.web.staff import IDENTIFIER_ROLES, case_or_404, desk, member, staff


class Check(forms.Form):
    """Which identifier, and how."""

    place = forms.IntegerField(min_value=0, max_value=200, widget=forms.HiddenInput)
    checked = forms.ChoiceField(choices=[("", "Choose how"), *Checked.choices()])


@staff
@require_safe
def show(request: HttpRequest, reference: str) -> HttpResponse:
    """The identifiers, redacted, with how each was proven."""
    user = member(request)
    case = case_or_404(user, reference, IDENTIFIER_ROLES)
    try:
        rows = proofs.listed(case)
    except NotFoundHere:
        rows = []
    officer = Role.OFFICER in accounts.roles(user, case.entity) and State(case.state) in proofs.OPEN
    context = {
        "here": "cases",
        "case": case,
        "badge": looks.state_badge(case),
        "rows": rows,
        "ways": Checked.choices(),
        "officer": officer,
    }
    return desk(request, "officer/identity.html", context)


@staff
@require_POST
def check(request: HttpRequest, reference: str) -> HttpResponse:
    """Note a check."""
    user = member(request)
    case = case_or_404(user, reference, IDENTIFIER_ROLES)
    form = Check(request.POST)
    if not form.is_valid():
        messages.error(request, "Choose how you made sure.")
        return redirect("web:identity", reference)
    try:
        place, how = form.cleaned_data["place"], Checked(form.cleaned_data["checked"])
        proofs.check(case, place, by=user, checked=how)
    except OubliError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "Noted who checked, when and how. Nothing that was shown is kept.")
    return redirect("web:identity", reference)
