"""From rows to claims: what each artifact's steps and measurements earn, by the rules alone."""

from __future__ import annotations

from dataclasses import replace

from django.db.models import Q

from compliance.intake.models import ErasureRequest
from compliance.intake.standing import standing
from compliance.mitigation import carried
from compliance.mitigation.models import Plan, Step
from compliance.provenance import services as provenance
from compliance.provenance.classifiers import IMAGES
from compliance.provenance.looking import TEXTS
from compliance.provenance.models import Artifact, Derivation, Trace
from compliance.rules import claims
from compliance.rules.proof import Claim, Evidence, MeasurementResult, StepResult
from compliance.rules.terms import ArtifactKind, Exemption, StepStatus, Support, Verdict
from compliance.rules.thresholds import BY_JOB, CLASSIFIER
from compliance.validation.models import Measurement


def claims_of(request: ErasureRequest, plan: Plan) -> list[tuple[Artifact, Claim]]:
    """One claim per artifact that the plan touches or that was not read through, in the order of the register."""
    unread = provenance.not_read(request)
    before = carried.treated_before(plan)
    touched = Q(steps__plan=plan) | Q(pk__in=unread) | Q(pk__in=before)
    artifacts = Artifact.objects.filter(touched).distinct().order_by("id")
    decided = standing(request)
    left = _left(request)
    found = [
        (a, _evidence(plan, a, decided.exemption_of(a.slug), a.pk in unread, acted=before.get(a.pk, plan)))
        for a in artifacts
    ]
    return [(a, claims.claim(replace(evidence, left=a.pk in left))) for a, evidence in found]


def _left(request: ErasureRequest) -> set[int]:
    """Places of pictures with some that the person is on and that an officer left, and what learned from those.

    No mere copies, and nobody of whom only the name is the same.
    """
    rows = Trace.objects.current(request).filter(candidate=True, ticked=False, artifact__connector=IMAGES)
    places = set(rows.exclude(support__in=(*TEXTS, Support.NAME)).values_list("artifact", flat=True))
    learned = Derivation.objects.filter(parent__in=places, child__connector=CLASSIFIER)
    return places.union(learned.values_list("child", flat=True))


def _evidence(plan: Plan, artifact: Artifact, exemption: Exemption | None, unread: bool, *, acted: Plan) -> Evidence:
    measured = plan.measurements.filter(artifact=artifact).exclude(verdict="")
    by_job = artifact.connector in BY_JOB
    return Evidence(
        artifact=artifact.slug,
        name=artifact.name,
        kind=ArtifactKind(artifact.kind),
        steps=tuple(
            _step(step, by_job=by_job) for step in acted.steps.filter(artifact=artifact).order_by("order", "id")
        ),
        measurements=tuple(_measurement(row) for row in measured),
        exemption=exemption,
        unread=unread,
        connector=artifact.connector,
    )


def _step(step: Step, *, by_job: bool) -> StepResult:
    """A step's result; what a job in the end did exactly is exact, also when the plan had promised less."""
    surpassed = by_job and (step.receipt or {}).get("exactness") == "exact"
    return StepResult(
        action=step.action,
        status=StepStatus(step.status),
        level=str((step.receipt or {}).get("level", "")),
        exact=bool(step.exact) or surpassed,
        scheduled_for=step.scheduled_for,
    )


def _measurement(row: Measurement) -> MeasurementResult:
    interval = (row.low, row.high) if row.low is not None and row.high is not None else None
    return MeasurementResult(
        name=row.name,
        verdict=Verdict(row.verdict),
        value=row.value,
        interval=interval,
        unit=row.unit,
        attacker=str(row.detail.get("attacker", "")),
    )


def texts(found: list[tuple[Artifact, Claim]], language: str) -> list[str]:
    """The sentences of the claims in a language of the letters."""
    spoken = language if language in claims.LANGUAGES else "en"
    return [claims.sentence(claim, spoken) for _, claim in found]
