"""Candidates that only a name supports: the officer says which are the person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from compliance.audit import services as audit
from compliance.intake.models import ErasureRequest
from compliance.mitigation import services as mitigation
from compliance.provenance import services as provenance
from compliance.provenance.models import Trace
from compliance.rules.errors import OubliError
from compliance.rules.terms import Support
from compliance.web.staff import IDENTIFIER_ROLES, case_or_404, desk, member, staff


@dataclass(frozen=True)
class Candidate:
    """One record in which only a name was found."""

    row: Trace
    record: str
    fields: str
    support: str
    excerpt: str


@staff
@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest, reference: str) -> HttpResponse:
    """List the candidates (that somebody looked is logged), or take the officer's ticks."""
    user = member(request)
    case = case_or_404(user, reference, IDENTIFIER_ROLES)
    if request.method == "POST":
        return _tick(request, case)
    try:
        opened = provenance.opened_traces(case)
    except OubliError as error:
        messages.error(request, str(error))
        return redirect("web:case", reference)
    with transaction.atomic():
        audit.record("traces.shown", case=reference, entity=case.entity.slug, by=user.get_username())
    candidates = [_candidate(row, content) for row, content in opened if row.candidate]
    return desk(request, "officer/traces.html", {"here": "cases", "case": case, "candidates": candidates})


def _candidate(row: Trace, content: dict[str, Any]) -> Candidate:
    fields = sorted({str(span.get("field", "")) for span in content.get("spans", [])} - {""})
    return Candidate(
        row,
        str(content.get("record", "")),
        ", ".join(fields),
        Support(row.support).label,
        str(content.get("excerpt", "")),
    )


def _tick(request: HttpRequest, case: ErasureRequest) -> HttpResponse:
    """Each candidate with an answer: the person, or somebody else; without one it goes on waiting."""
    answers = {}
    for pk, ticked in Trace.objects.current(case).filter(candidate=True).values_list("pk", "ticked"):
        answer = request.POST.get(f"trace-{pk}")
        if answer in ("yes", "no") and ticked is not (answer == "yes"):
            answers[pk] = answer == "yes"
    try:
        decided = mitigation.answer_candidates(case, answers, by=member(request))
    except OubliError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{decided} candidate{'s' if decided != 1 else ''} decided.")
    return redirect("web:case", case.reference)
