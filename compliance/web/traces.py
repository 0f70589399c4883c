"""Candidates that only a name or a near copy supports: the officer says which are the person."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from compliance.audit import services as audit
from compliance.intake.models import ErasureRequest
from compliance.mitigation import services as mitigation
from compliance.provenance import services as provenance
from compliance.provenance import teaching
from compliance.provenance.classifiers import IMAGES
from compliance.provenance.models import Trace
from compliance.rules.errors import OubliError
from compliance.rules.terms import IdentifierKind, Support
from compliance.web.staff import IDENTIFIER_ROLES, case_or_404, desk, member, staff

PAGE = 50  # each record sends a field, and a form of more than DATA_UPLOAD_MAX_NUMBER_FIELDS is not read at all


@dataclass(frozen=True)
class Candidate:
    """One record that is not proven to be the person's."""

    row: Trace
    record: str
    fields: str
    support: str
    excerpt: str
    holds: tuple[tuple[str, str], ...]  # further identifiers, by their kind: looked for only where the officer says so
    taught: bool


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
    candidates = [(row, content) for row, content in opened if row.candidate]
    listed = Paginator(candidates, PAGE).get_page(request.GET.get("page"))
    newest = max((row.pk for row, _content in candidates), default=0)  # one answer for all is for what was there
    pictures = any(row.artifact.connector == IMAGES for row, _content in candidates)
    said = {(row["artifact"], row["record"]) for row in teaching.consented(case)}
    shown = {"candidates": [_candidate(*one, said) for one in listed], "listed": listed, "rest": _rest(case)}
    further = {"here": "cases", "case": case, "newest": newest, "pictures": pictures}
    return desk(request, "officer/traces.html", {**shown, **further})


def _rest(case: ErasureRequest) -> list[tuple[str, str, int]]:
    """What still waits, by support: its name, in words, and how many; one answer may be given for all of them."""
    waiting = Counter(Trace.objects.current(case).waiting().values_list("support", flat=True))
    return [(support.value, support.label, waiting[support]) for support in Support if waiting[support]]


def _candidate(row: Trace, content: dict[str, Any], said: set[tuple[str, str]]) -> Candidate:
    fields = sorted({str(span.get("field", "")) for span in content.get("spans", [])} - {""})
    return Candidate(
        row,
        str(content.get("record", "")),
        ", ".join(fields),
        Support(row.support).label,
        str(content.get("excerpt", "")),
        tuple((IdentifierKind(held["kind"]).label, str(held["value"])) for held in content.get("holds", [])),
        (row.artifact.slug, content.get("record")) in said,
    )


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _tick(request: HttpRequest, case: ErasureRequest) -> HttpResponse:
    """Each candidate with an answer: the person, or somebody else; without one it takes that of its kind, or waits."""
    answers, teach, shown = {}, {}, _number(request.POST.get("shown", ""))
    rows = Trace.objects.current(case).filter(candidate=True)
    for pk, ticked, support in rows.values_list("pk", "ticked", "support"):
        answer = request.POST.get(f"trace-{pk}")
        if answer is None and ticked is None and pk <= shown:
            answer = request.POST.get(f"rest-{support}")
        if answer in ("yes", "no") and ticked is not (answer == "yes"):
            answers[pk] = answer == "yes"
        if f"holds-{pk}" in request.POST:
            teach[pk] = answer == "yes" and f"teach-{pk}" in request.POST
    try:
        decided = mitigation.answer_candidates(case, answers, by=member(request), teach=teach)
    except OubliError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{decided} candidate{'s' if decided != 1 else ''} decided.")
    return redirect(_afterwards(request, case))


def _afterwards(request: HttpRequest, case: ErasureRequest) -> str:
    """The next page while there is one, else the case."""
    following = _number(request.POST.get("next", ""))
    pages = reverse("web:traces", args=[case.reference])
    return f"{pages}?page={following}" if following else reverse("web:case", args=[case.reference])
