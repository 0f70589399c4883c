"""The engineer's pages: unlearning jobs, their curves while they run, and what came out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_POST, require_safe

from compliance.evidence.drawings.curve import curve_svg
from compliance.evidence.drawings.rates import RateRow, rates_svg
from compliance.evidence.thresholds import Quantity
from compliance.forgetting import services
from compliance.forgetting.models import UnlearningJob
from compliance.jobs.models import Job
from compliance.rules.terms import JobStatus, Role
from compliance.web.staff import desk, entities, member, staff

PAGE = 50
ROLES = (Role.ENGINEER,)


@dataclass(frozen=True)
class JobRow:
    """One line of the list."""

    ordered: UnlearningJob
    job: Job

    @property
    def status(self) -> str:
        """In a word."""
        return services.status(self.ordered, self.job)

    @property
    def live(self) -> bool:
        """Whether it waits or runs."""
        return self.job.status in (JobStatus.QUEUED, JobStatus.RUNNING)


@staff
@require_safe
def jobs(request: HttpRequest) -> HttpResponse:
    """Every order of the engineer's companies, newest first."""
    mine = entities(member(request), ROLES)
    listed = Paginator(services.of(mine), PAGE).get_page(request.GET.get("page"))
    rows = [JobRow(ordered, services.row(ordered)) for ordered in listed]
    return desk(request, "engineer/jobs.html", {"here": "models", "listed": listed, "rows": rows})


@staff
@require_safe
def job(request: HttpRequest, number: UUID) -> HttpResponse:
    """One order: curve, result, files."""
    return desk(request, "engineer/job.html", {"here": "models", **_shown(request, number)})


@staff
@require_safe
def progress(request: HttpRequest, number: UUID) -> HttpResponse:
    """The part of the page that is asked for again while the job runs."""
    return desk(request, "engineer/_progress.html", _shown(request, number))


@staff
@require_POST
def cancel(request: HttpRequest, number: UUID) -> HttpResponse:
    """Take an order back."""
    services.cancel(_mine(request, number))
    return redirect("web:unlearning_job", number)


def _mine(request: HttpRequest, number: UUID) -> UnlearningJob:
    found = services.of(entities(member(request), ROLES)).filter(pk=number).first()
    if not isinstance(found, UnlearningJob):
        raise Http404
    return found


def _shown(request: HttpRequest, number: UUID) -> dict[str, Any]:
    ordered = _mine(request, number)
    points = list(ordered.points.all())
    result: dict[str, Any] = ordered.result or {}
    row = JobRow(ordered, services.row(ordered))
    drawn = row.live or any(point.figures for point in points)  # a short job may end before it said a figure
    return {
        "row": row,
        "curve": _safe(curve_svg([(point.fraction, point.figures) for point in points], theme="css")) if drawn else "",
        "plot": before_and_after(result),
        "reasons": result.get("reasons", []),
        "facts": facts(result),
        "latest": points[-8:][::-1],
    }


def before_and_after(result: dict[str, Any]) -> SafeString | None:
    """Shares before and after as a picture, when the result has them."""
    figures = [f for f in result.get("figures", []) if 0 <= f["value"] <= 1]
    before = {f["name"]: f["value"] for f in figures if f["note"] == "before"}
    rows = [
        RateRow(
            label=f["name"],
            before=Quantity(value=before[f["name"]]) if f["name"] in before else None,
            after=Quantity(value=f["value"], low=f["low"], high=f["high"], n=f["n"]),
        )
        for f in figures
        if f["note"] != "before"
    ]
    return _safe(rates_svg(rows, theme="css", title="Shares before and after", who="")) if rows else None


def facts(result: dict[str, Any]) -> list[tuple[str, str]]:
    """What a reader asks first, in the order in which it is asked."""
    seconds = result.get("seconds", result.get("cost", {}).get("seconds"))
    after = result.get("weights_digest") or result.get("provenance", {}).get("model_after", "")
    before = result.get("digest_before") or result.get("provenance", {}).get("model_before", "")
    found = [
        ("Gate", str(result.get("gate", ""))),
        ("Exactness", str(result.get("exactness", ""))),
        ("Method", str(result.get("method", result.get("detail", {}).get("method", "")))),
        ("Seconds", f"{seconds:.1f}" if seconds is not None else ""),
        ("Weights before (SHA-256)", before),
        ("Weights after (SHA-256)", after),
    ]
    return [(name, value) for name, value in found if value]


def _safe(svg: str) -> SafeString:
    return mark_safe(svg)  # noqa: S308 - our own drawing, every text in it is escaped by the pen
