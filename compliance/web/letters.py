"""Letters of a case: what was sent and how, what came back, and each letter as it would go now, beside its template."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from compliance.accounts import services as accounts
from compliance.audit import services as audit
from compliance.evidence import facts, previews
from compliance.intake import deliveries, vault
from compliance.intake.ledgers import Delivery
from compliance.intake.models import ErasureRequest, Notice
from compliance.rules.errors import NotFoundHere, OubliError
from compliance.rules.terms import Channel, Letter, Role
from compliance.web import looks, own_words
from compliance.web.decide import VERBS
from compliance.web.staff import IDENTIFIER_ROLES, case_or_404, desk, member, staff


@dataclass(frozen=True)
class Line:
    """One letter as the page lists it."""

    notice: Notice
    channel: str
    badge: looks.Badge
    posted_at: datetime | None
    printable: bool
    printed: bool


def line(notice: Notice) -> Line:
    """A letter with how it travelled."""
    row = Delivery.objects.filter(notice=notice).first()
    badge = looks.Badge("waiting", "warn") if notice.error else looks.Badge("to be sent", "none")
    if notice.sent_at:
        badge = looks.Badge("sent", "good")
    if row and row.channel == Channel.PAPER:
        badge = looks.Badge("posted", "good") if row.posted_at else looks.Badge("to be posted", "warn")
    elif row and row.bounced_at:
        badge = looks.Badge(f"came back, {row.bounce}", "bad")
    return Line(
        notice=notice,
        channel=row.get_channel_display() if row else "E-mail",
        badge=badge,
        posted_at=row.posted_at if row else None,
        printable=notice.sent_at is not None and not (row and row.channel == Channel.PAPER),
        printed=bool(row and row.pdf),
    )


@staff
@require_safe
def show(request: HttpRequest, reference: str) -> HttpResponse:
    """Every letter of the case."""
    user = member(request)
    case = case_or_404(user, reference)
    context = {
        "here": "cases",
        "case": case,
        "badge": looks.state_badge(case),
        "writable": own_words.writable(case),
        "lines": [line(notice) for notice in case.notices.order_by("created_at", "id")],
        "officer": Role.OFFICER in accounts.roles(user, case.entity),
    }
    return desk(request, "officer/letters.html", context)


@staff
@require_safe
def one(request: HttpRequest, reference: str, number: int) -> HttpResponse:
    """One letter: as it was sent, or as it would go now; who reads it is written to the log."""
    user = member(request)
    case = case_or_404(user, reference, IDENTIFIER_ROLES)
    notice = case.notices.filter(pk=number).first()
    if notice is None:
        raise Http404
    with transaction.atomic():
        audit.record("letter.read", case=reference, entity=case.entity.slug, by=user.get_username())
    return _shown(request, case, notice)


def _shown(request: HttpRequest, case: ErasureRequest, notice: Notice) -> HttpResponse:
    context = {"here": "cases", "case": case, "notice": notice, "badge": looks.state_badge(case)}
    try:
        if notice.sent_at is None:
            context["preview"] = _preview(case, notice)
        else:
            context["kept"] = vault.decrypt(vault.case_key(case), bytes(notice.sealed or b""))
    except NotFoundHere:
        context["gone"] = True
    return desk(request, "officer/letter.html", context)


def _preview(case: ErasureRequest, notice: Notice) -> previews.Preview:
    here = vault.decrypt(vault.case_key(case), bytes(notice.sealed)) if notice.sealed else {}
    here = {name: "········" if name in ("code", "secret") else value for name, value in here.items()}
    parts = facts.letter_facts(case, Letter(notice.kind), links=own_words.LINKS, only_here=here)
    return previews.preview(Letter(notice.kind), notice.language, parts)


@staff
@require_POST
def preview(request: HttpRequest, reference: str, verb: str) -> HttpResponse:
    """The letter that a decision would send, before it is taken: the decision is tried and taken back."""
    user, known = member(request), VERBS.get(verb)
    case = case_or_404(user, reference)
    if known is None:
        raise Http404
    form = known.form(request.POST, case=case)
    if not form.is_valid():
        messages.error(request, "Fill in the decision first; the letter is made from it.")
        return redirect("web:assess", reference)
    context = {"here": "cases", "case": case, "badge": looks.state_badge(case), "trying": known.form.button}
    try:
        with transaction.atomic():
            newest = case.notices.order_by("-id").values_list("pk", flat=True).first() or 0
            known.act(case, user, form)
            case.refresh_from_db()
            owed = case.notices.filter(pk__gt=newest).order_by("id").last()
            context["preview"] = _preview(case, owed) if owed else None
            transaction.set_rollback(True)
    except OubliError as error:
        messages.error(request, str(error))
        return redirect("web:assess", reference)
    case.refresh_from_db()
    return desk(request, "officer/letter.html", context)


def _notice(case: ErasureRequest, number: int) -> Notice:
    found = case.notices.filter(pk=number).first()
    if found is None:
        raise Http404
    return found


@staff
@require_POST
def to_print(request: HttpRequest, reference: str, number: int) -> HttpResponse:
    """Have a letter printed for the post."""
    user = member(request)
    case = case_or_404(user, reference)
    try:
        deliveries.for_the_post(_notice(case, number), by=user)
    except OubliError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "It is printed now. Download it here in a moment.")
    return redirect("web:letters", reference)


@staff
@require_safe
def printed(request: HttpRequest, reference: str, number: int) -> HttpResponse:
    """The printed letter."""
    user = member(request)
    case = case_or_404(user, reference, IDENTIFIER_ROLES)
    row = Delivery.objects.filter(notice=_notice(case, number)).select_related("notice__request__entity").first()
    if row is None:
        raise Http404
    try:
        made = deliveries.opened_pdf(row)
    except OubliError as error:
        messages.error(request, str(error))
        return redirect("web:letters", reference)
    with transaction.atomic():
        audit.record("letter.read", case=reference, entity=case.entity.slug, by=user.get_username())
    name = f"{reference}-{row.notice.kind}.pdf"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store, private"}
    return HttpResponse(made, content_type="application/pdf", headers=headers)


@staff
@require_POST
def posted(request: HttpRequest, reference: str, number: int) -> HttpResponse:
    """Note that the printed letter was posted."""
    user = member(request)
    case = case_or_404(user, reference)
    row = Delivery.objects.filter(notice=_notice(case, number)).select_related("notice__request__entity").first()
    if row is None:
        raise Http404
    try:
        deliveries.posted(row, by=user)
    except OubliError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "Noted: posted today.")
    return redirect("web:letters", reference)
