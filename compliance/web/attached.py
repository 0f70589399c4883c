"""What came with a request, for its officer: wishes, clues, additions, and files; who opens a file is logged first."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from compliance.accounts import services as accounts
from compliance.audit import services as audit
from compliance.intake import attachments, proofs
from compliance.intake.models import ErasureRequest
from compliance.intake.papers import Attachment
from compliance.rules.asking import POINTS_TO, Clue, Why, Wish
from compliance.rules.errors import NotFoundHere, OubliError
from compliance.rules.terms import Role, State
from compliance.web import looks
from compliance.web.staff import IDENTIFIER_ROLES, case_or_404, desk, member, staff

_TYPES = {"pdf": "application/pdf", "png": "image/png", "jpeg": "image/jpeg", "text": "text/plain; charset=utf-8"}


def wishes_of(content: dict[str, Any]) -> list[str]:
    """What is wished and why, in words that say nothing about the person."""
    wished = [Wish(wish).label for wish in content.get("wishes", [])]
    whys = [f"{Why(why).label}{_article(Why(why))}" for why in content.get("whys", [])]
    return [*wished, *whys]


def _article(why: Why) -> str:
    return f" (points to {POINTS_TO[why].label})" if why in POINTS_TO else ""


def told_of(content: dict[str, Any]) -> list[tuple[str, str]]:
    """Everything that the person wrote besides name and identifiers, as (what it is, words)."""
    rows = [("Where it was seen", content["where"])] if content.get("where") else []
    rows += [(Clue(row["kind"]).label, row["value"]) for row in content.get("clues", [])]
    rows += [(f"Challenged with: {Clue(row['kind']).label}", row["value"]) for row in content.get("probes", [])]
    rows += [(f"Added on {row['at'][:10]}", row["words"]) for row in content.get("additions", [])]
    return rows + [(f"Challenged on {row['at'][:10]}", row["words"]) for row in content.get("challenges", [])]


@staff
@require_safe
def show(request: HttpRequest, reference: str) -> HttpResponse:
    """The files of a case, and which identifiers a mandate may prove."""
    user = member(request)
    case = case_or_404(user, reference, IDENTIFIER_ROLES)
    try:
        rows = proofs.listed(case)
    except NotFoundHere:
        rows = []
    context = {
        "here": "cases",
        "case": case,
        "badge": looks.state_badge(case),
        "files": list(case.attachments.all()),
        "rows": rows,
        "officer": Role.OFFICER in accounts.roles(user, case.entity) and State(case.state) in proofs.OPEN,
        "destroys": Role.OFFICER in accounts.roles(user, case.entity),
    }
    return desk(request, "officer/attached.html", context)


def _file(case: ErasureRequest, number: UUID) -> Attachment:
    row = case.attachments.filter(pk=number, destroyed_at=None).first()
    if row is None:
        raise Http404
    return row


@staff
@require_POST
def download(request: HttpRequest, reference: str, number: UUID) -> HttpResponse:
    """One file, as a download that no browser runs; that somebody opened it goes into the log first."""
    user = member(request)
    case = case_or_404(user, reference, IDENTIFIER_ROLES)
    row = _file(case, number)
    with transaction.atomic():
        who = user.get_username()
        detail = {"kind": row.kind, "mandate": row.mandate}
        audit.record("attachment.opened", case=reference, entity=case.entity.slug, by=who, detail=detail)
    try:
        content = attachments.opened(row).content
    except NotFoundHere as gone:
        raise Http404 from gone
    suffix = "txt" if row.kind == "text" else row.kind
    headers = {
        "Content-Disposition": f'attachment; filename="{reference}-{str(row.pk)[:8]}.{suffix}"',
        "Cache-Control": "no-store, private",
        "X-Content-Type-Options": "nosniff",
    }
    return HttpResponse(content, content_type=_TYPES.get(row.kind, "application/octet-stream"), headers=headers)


@staff
@require_POST
def destroy(request: HttpRequest, reference: str, number: UUID) -> HttpResponse:
    """An officer destroys a file that is not needed (any more): an identity card that nobody asked for, say."""
    user = member(request)
    case = case_or_404(user, reference, IDENTIFIER_ROLES)
    row = _file(case, number)
    accounts.require(user, case.entity, [Role.OFFICER])
    try:
        attachments.destroy(row, by=user.get_username())
    except NotFoundHere as gone:  # by a colleague, a moment ago
        raise Http404 from gone
    messages.success(request, "The file is destroyed. That there was one stays in the log.")
    return redirect("web:attached", reference)


@staff
@require_POST
def mandate(request: HttpRequest, reference: str, number: UUID) -> HttpResponse:
    """The officer read the mandate: the ticked identifiers are those of the person who signed it."""
    user = member(request)
    case = case_or_404(user, reference, IDENTIFIER_ROLES)
    places = [int(place) for place in request.POST.getlist("place") if place.isascii() and place.isdigit()]
    try:
        count = proofs.accept_mandate(case, places, attachment=_file(case, number), by=user)
    except OubliError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{count} identifiers are proven by the mandate.")
    return redirect("web:attached", reference)
