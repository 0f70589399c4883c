"""The queue and one case."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api import access, case_shapes
from compliance.api.door import HERE, PAGING, REFERENCE, STAFF, Door, operation, page, paged
from compliance.audit.models import Event
from compliance.intake.models import ErasureRequest
from compliance.jobs.models import Job
from compliance.mitigation import services as mitigation
from compliance.provenance.models import Trace
from compliance.rules import lifecycle


class Cases(Door):
    """The cases of the caller's legal entities."""

    @operation(
        "Cases by deadline",
        answers={200: paged(case_shapes.CaseLine)},
        problems_of=(400, *STAFF, *HERE),
        parameters=(case_shapes.CaseFilter, *PAGING),
    )
    def get(self, request: Request) -> Response:
        """Earliest promised date first; ``state`` and ``turn`` narrow the list."""
        wanted = case_shapes.CaseFilter(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        rows = access.cases(request).by_deadline()
        if state := wanted.validated_data.get("state"):
            rows = rows.filter(state=state)
        if turn := wanted.validated_data.get("turn"):
            rows = rows.filter(state__in=[row.state for row in lifecycle.TABLE.values() if row.turn == turn])
        return page(rows, request=request, view=self, shape=case_shapes.CaseLine)


class Case(Door):
    """One case with everything that happened to it."""

    @operation("One case", answers={200: case_shapes.CaseShape}, problems_of=(*STAFF, *HERE), parameters=(REFERENCE,))
    def get(self, request: Request, reference: str) -> Response:
        """Clocks, decisions, jobs, counts of traces, plan with steps, measurements, claims, reports and events."""
        return Response(shown(access.case(request, reference, needs=access.EVERY_ROLE)))


def shown(case: ErasureRequest) -> dict[str, Any]:
    """The case in its wire form."""
    plan = mitigation.current_plan(case)
    reports = list(case.reports.select_related("signed_off_by"))
    newest = next((report for report in reversed(reports) if report.round == case.round), None)
    return {
        **case_shapes.CaseLine(case).data,
        "decisions": case_shapes.DecisionLine(case.decisions.select_related("by"), many=True).data,
        "jobs": case_shapes.JobLine(Job.objects.of(case.pk), many=True).data,
        "traces": counts(case),
        "plan": case_shapes.PlanShape(plan).data if plan else None,
        "measurements": case_shapes.MeasurementLine(case.measurements.select_related("artifact"), many=True).data,
        "claims": newest.claims if newest else [],
        "reports": case_shapes.ReportLine(reports, many=True).data,
        "events": case_shapes.EventLine(Event.objects.of_case(case.reference), many=True).data,
    }


def counts(case: ErasureRequest) -> list[dict[str, Any]]:
    """Records found in this round, by artifact and support; candidates that wait for a tick are counted apart."""
    counted = Q(candidate=False) | Q(ticked=True)
    rows = (
        Trace.objects.current(case)
        .values("artifact__slug", "support")
        .annotate(records=Count("id", filter=counted), waiting=Count("id", filter=Q(candidate=True, ticked=None)))
        .order_by("artifact__slug", "support")
    )
    return [
        {
            "artifact": row["artifact__slug"],
            "support": row["support"],
            "records": row["records"],
            "waiting_for_a_tick": row["waiting"],
        }
        for row in rows
    ]
