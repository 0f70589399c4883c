"""The case's page: header with clocks, what to do next, what happened, where, the plan, the results."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from compliance.accounts import services as accounts
from compliance.audit import services as audit
from compliance.intake import services as intake
from compliance.intake import vault
from compliance.intake.ledgers import Delivery
from compliance.intake.models import ErasureRequest
from compliance.jobs.models import Job
from compliance.mitigation import services as mitigation
from compliance.mitigation import together
from compliance.provenance import teaching
from compliance.rules import identifiers
from compliance.rules.errors import NotFoundHere
from compliance.rules.terms import IdentifierKind, JobStatus, State
from compliance.web import attached, casefile, happened, looks, pictures, results, todo
from compliance.web.decision_forms import DecisionForm
from compliance.web.staff import IDENTIFIER_ROLES, case_or_404, desk, member, staff


@staff
@require_safe
def show(request: HttpRequest, reference: str) -> HttpResponse:
    """The whole case, with the person's identifiers redacted."""
    return render_case(request, case_or_404(member(request), reference))


@staff
@require_POST
def identifiers_shown(request: HttpRequest, reference: str) -> HttpResponse:
    """The case with the identifiers in clear; that somebody looked goes into the log first."""
    user = member(request)
    case = case_or_404(user, reference, IDENTIFIER_ROLES)
    with transaction.atomic():
        audit.record("identifiers.shown", case=reference, entity=case.entity.slug, by=user.get_username())
    return render_case(request, case, clear=True)


def render_case(
    request: HttpRequest,
    case: ErasureRequest,
    *,
    clear: bool = False,
    bound: dict[str, DecisionForm] | None = None,
    code: int = 200,
) -> HttpResponse:
    """Render the page; ``bound`` holds decision forms that came back with errors."""
    user, now = member(request), timezone.now()
    plan = mitigation.current_plan(case)
    panel = todo.Desk(case, user, plan, list(Job.objects.of(case.pk)), bound or {})
    clock, log, found = intake.set_clock(case), happened.events(case), casefile.found_rows(case)
    report = case.reports.order_by("-number").first()
    claims = report.claims if report else []
    done, of = looks.rungs(case)
    context = {
        "here": "cases",
        "case": case,
        "badge": looks.state_badge(case),
        "due": looks.due_badge(case, now),
        "done": done,
        "of": of,
        "clock": clock,
        "person": _person(case, clear=clear),
        "clear": clear,
        "may_see": bool(accounts.roles(user, case.entity) & set(IDENTIFIER_ROLES)),
        "todo": todo.next_step(panel),
        "stopped": panel.stopped(),
        "returned": Delivery.objects.filter(notice__request=case, bounced_at__isnull=False, posted_at=None).count(),
        "assesses": "officer" in panel.roles,
        "may_retry": bool(panel.roles & {"officer", "engineer"}),
        "timeline": pictures.timeline(case, clock, log),
        "events": log,
        "lineage": pictures.lineage(found, plan, _levels(claims)),
        "found": sorted(found, key=lambda row: not row.found),
        "plan": plan,
        "sharings": [sharing for sharing in together.sharings(case) if sharing.run or sharing.others],
        "horizons": casefile.plan_rows(plan, State(case.state)),
        "endorsed": todo.endorsement(case, plan),
        "results": results.results(plan),
        "rates": pictures.rates(plan),
        "claims": [(claim, looks.claim_badge(claim["level"])) for claim in claims if "level" in claim],
        "reports": list(case.reports.select_related("signed_off_by").order_by("-number")),
        "proven": State(case.state) in (State.VALIDATED, State.ANSWERED, State.CLOSED),
        "decisions": list(case.decisions.select_related("by")),
        **_progress(case, panel.live()),
    }
    return desk(request, "officer/case.html", context, code=code)


def _levels(claims: list[dict[str, Any]]) -> dict[str, str]:
    return {str(claim.get("artifact")): str(claim.get("level")) for claim in claims}


def _person(case: ErasureRequest, *, clear: bool) -> dict[str, Any]:
    """Name, identifiers and words of the person: redacted, or in clear; or nothing, once their key is destroyed."""
    try:
        content = vault.opened(case)
    except NotFoundHere:
        return {"gone": True}
    name = str(content.get("name") or "")
    return {
        "name": name if clear else identifiers.redact(IdentifierKind.NAME, name) if name else "not given",
        "identifiers": [_identifier(item, clear=clear) for item in content["identifiers"]],
        "taught": [_identifier(item, clear=clear)[:2] for item in teaching.consented(case)],
        "details": content.get("details", "") if clear else "",
        "wishes": attached.wishes_of(content),
        "told": attached.told_of(content) if clear else [],
        "files": case.attachments.count(),
    }


def _identifier(item: dict[str, Any], *, clear: bool) -> tuple[str, str, bool]:
    kind = IdentifierKind(item["kind"])
    value = str(item["value"])
    return kind.label, value if clear else identifiers.redact(kind, value), bool(item.get("proven"))


def _progress(case: ErasureRequest, job: Job | None) -> dict[str, Any]:
    waits = bool(job and job.status == JobStatus.QUEUED and job.due_at > timezone.now())
    return {"case": case, "job": job, "polls": bool(job) and not waits, "waits": waits}


@staff
@require_safe
def progress(request: HttpRequest, reference: str) -> HttpResponse:
    """The progress fragment; when the case has moved on, the page is asked to load itself again."""
    case = case_or_404(member(request), reference)
    seen = request.GET.get("state", "")
    if seen not in set(State):
        raise Http404
    context = _progress(case, Job.objects.of(case.pk).live().order_by("due_at").first())
    response = render(request, "officer/_progress.html", context)
    if seen != case.state or context["job"] is None:
        response["HX-Refresh"] = "true"
    response["Cache-Control"] = "no-store, private"
    return response
