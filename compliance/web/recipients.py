"""The recipients of a case: who was told over which channel, and how far each is."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from compliance.accounts import services as accounts
from compliance.accounts.models import User
from compliance.intake import recipients as ledger
from compliance.intake.ledgers import Recipient
from compliance.intake.models import ErasureRequest
from compliance.rules.errors import OubliError
from compliance.rules.terms import Role, Told
from compliance.web import looks
from compliance.web.staff import case_or_404, desk, member, staff

TONES = {
    Told.TO_TELL: "warn",
    Told.REQUESTED: "busy",
    Told.ACKNOWLEDGED: "busy",
    Told.CONFIRMED: "proof",
    Told.VERIFIED: "good",
}
NEXT = {
    Told.TO_TELL: (Told.REQUESTED, "Told by hand"),
    Told.REQUESTED: (Told.ACKNOWLEDGED, "They acknowledged"),
    Told.ACKNOWLEDGED: (Told.CONFIRMED, "They confirmed"),
    Told.CONFIRMED: (Told.VERIFIED, "We verified"),
}


class Add(forms.Form):
    """One more recipient."""

    name = forms.CharField(
        label="Recipient",
        max_length=300,
        help_text="Name, with an e-mail address or a webhook's address if there is one.",
        error_messages={"required": "Name the recipient"},
    )
    artifact = forms.CharField(label="Artifact they were given", max_length=100, required=False)
    published = forms.BooleanField(label="The data was published: GDPR Art. 17(2)", required=False)


@staff
@require_safe
def show(request: HttpRequest, reference: str) -> HttpResponse:
    """The ledger."""
    return _render(request, case_or_404(member(request), reference), Add())


def _render(request: HttpRequest, case: ErasureRequest, form: Add, *, code: int = 200) -> HttpResponse:
    rows = [
        (row, looks.Badge(Told(row.state).label, TONES[Told(row.state)]), NEXT.get(Told(row.state)))
        for row in case.recipients.select_related("verified_by")
    ]
    officer = Role.OFFICER in accounts.roles(member(request), case.entity)
    for name in ("name", "artifact"):
        form.fields[name].widget.attrs["class"] = "form-control"
    form.use_required_attribute = False
    context = {"here": "cases", "case": case, "badge": looks.state_badge(case), "rows": rows}
    return desk(request, "officer/recipients.html", {**context, "form": form, "officer": officer}, code=code)


@staff
@require_POST
def add(request: HttpRequest, reference: str) -> HttpResponse:
    """Write one more recipient down; a channel of ours tells it."""
    user = member(request)
    case = case_or_404(user, reference)
    form = Add(request.POST)
    if not form.is_valid():
        return _render(request, case, form, code=422)
    try:
        accounts.require(user, case.entity, [Role.OFFICER])
        given = form.cleaned_data
        article = ledger.article_for(case, published=given["published"])
        ledger.note(case, name=given["name"], artifact=given["artifact"], article=article)
    except OubliError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "On the ledger.")
    return redirect("web:recipients", reference)


@staff
@require_POST
def advance(request: HttpRequest, reference: str, number: int) -> HttpResponse:
    """Move a recipient on, by an officer's word."""
    user = member(request)
    case = case_or_404(user, reference)
    row = Recipient.objects.select_related("request__entity").filter(request=case, pk=number).first()
    if row is None:
        raise Http404
    how = request.POST.get("how", "")[:300]
    try:
        accounts.require(user, case.entity, [Role.OFFICER])
        _advance(row, user, how)
    except OubliError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "Noted.")
    return redirect("web:recipients", reference)


def _advance(row: Recipient, user: User, how: str) -> None:
    step = NEXT.get(Told(row.state))
    if step is None:
        return
    if step[0] is Told.VERIFIED:
        ledger.verify(row, by=user, how=how)
    elif step[0] is Told.REQUESTED:
        ledger.by_hand(row, by=user, how=how or "By hand")
    else:
        ledger.advance(row, to=step[0], by=user.get_username(), how=how)
