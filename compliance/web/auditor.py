"""The auditor's pages: what was issued, the log's head, and the proof that an event stands in it."""

from __future__ import annotations

import base64
import json
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase
from django.http.response import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from compliance.audit import checkpoint
from compliance.audit import services as audit
from compliance.audit.errors import NotLogged
from compliance.audit.models import Event, Head
from compliance.evidence import services as evidence
from compliance.evidence.models import Report
from compliance.rules.errors import OubliError
from compliance.web.happened import event_row
from compliance.web.staff import AUDIT_ROLES, CASE_ROLES, case_or_404, desk, entities, member, staff

PAGE = 50


@staff
@require_safe
def reports(request: HttpRequest) -> HttpResponse:
    """Every pack issued for the auditor's legal entities, newest first."""
    mine = entities(member(request), AUDIT_ROLES)
    issued = Report.objects.filter(request__entity__in=mine).select_related("request__entity", "signed_off_by")
    listed = Paginator(issued.order_by("-issued_at"), PAGE).get_page(request.GET.get("page"))
    context = {"here": "reports", "listed": listed, "entities": mine, "fingerprint": evidence.fingerprint()}
    return desk(request, "auditor/reports.html", context)


@staff
@require_safe
def pack(request: HttpRequest, reference: str, number: int) -> HttpResponseBase:
    """Download a pack; who did is logged before the first byte leaves."""
    user = member(request)
    case = case_or_404(user, reference, {*CASE_ROLES, *AUDIT_ROLES})
    report = case.reports.filter(number=number).first()
    if report is None:
        raise Http404
    try:
        path = evidence.pack_path(report)
    except OubliError as error:
        messages.error(request, str(error))
        return redirect("web:queue")
    with transaction.atomic():
        detail = {"report": number, "sha256": report.sha256}
        by, entity = user.get_username(), case.entity.slug
        audit.record("pack.downloaded", case=reference, entity=entity, by=by, detail=detail)
    response = FileResponse(path.open("rb"), as_attachment=True, filename=f"{reference}-{number}.zip")
    response["Cache-Control"] = "no-store, private"
    return response


@staff
@require_safe
def log(request: HttpRequest) -> HttpResponse:
    """The newest signed head, the key that verifies it, and the events of the auditor's legal entities."""
    mine = [entity.slug for entity in entities(member(request), AUDIT_ROLES)]
    events = Event.objects.filter(entity__in=mine).select_related("leaf", "opening").order_by("-at", "-pk")
    if wanted := request.GET.get("q", "").strip().upper().replace("\x00", "")[:40]:
        events = events.filter(case__icontains=wanted)
    listed = Paginator(events, PAGE).get_page(request.GET.get("page"))
    head = Head.objects.order_by("-size").first()
    context = {
        "here": "log",
        "head": head,
        "note": audit.under_present_key(head.note) if head else "",
        "keys": [base64.b64encode(checkpoint.raw_public(key)).decode() for key in audit.public_keys()],
        "origin": audit.origin(),
        "waiting": Event.objects.unlogged().count(),
        "listed": listed,
        "rows": [event_row(event) for event in listed],
        "wanted": wanted,
    }
    return desk(request, "auditor/log.html", context)


@staff
@require_safe
def proof(request: HttpRequest, event: UUID) -> HttpResponse:
    """The inclusion proof of one event under the newest head, as an outsider would check it."""
    mine = [entity.slug for entity in entities(member(request), AUDIT_ROLES)]
    found = Event.objects.filter(uid=event, entity__in=mine).select_related("leaf", "opening").first()
    if found is None:
        raise Http404
    try:
        inclusion = audit.inclusion(found)
    except NotLogged:
        messages.info(request, "This event waits for its place in the log. Look again in a minute.")
        return redirect("web:log")
    fields = json.dumps(dict(inclusion.event), indent=2, sort_keys=True)
    return desk(
        request, "auditor/proof.html", {"here": "log", "row": event_row(found), "proof": inclusion, "fields": fields}
    )
