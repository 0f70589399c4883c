"""Floor 4's verbs: validate the approved plan's result, and sweep again later."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils import timezone

from compliance.audit import services as audit
from compliance.intake import vault
from compliance.intake.models import ErasureRequest
from compliance.intake.standing import Standing, standing
from compliance.jobs.progress import Part, Progress
from compliance.mitigation import carried
from compliance.mitigation.models import Plan, Step
from compliance.provenance import services as provenance
from compliance.provenance.models import Artifact
from compliance.rules.claims import CHANGING
from compliance.rules.errors import PlanChanged
from compliance.rules.proof import Claim
from compliance.rules.terms import ArtifactKind, ClaimLevel, EntityRole, StepStatus, Verdict
from compliance.rules.thresholds import BY_JOB, Threshold, thresholds
from compliance.validation import checks, claiming
from compliance.validation.checks import challenged
from compliance.validation.models import Measurement
from compliance.validation.readings import Reading, Subject

UNJUDGED = ("keep", "forward_to_controller", "notify_recipients", "destroy_undo")


def validate(request: ErasureRequest, progress: Progress) -> bool:
    """Measure every treated artifact; False when one of them earns no claim but suppression, or none at all.

    What a failed measurement means is for the claims to say: an approximate route reports its rank test, and an exact
    one that misses it by chance is claimed as mitigated.
    """
    plan = Plan.objects.filter(request=request, round=request.round).order_by("-number").first()
    if plan is None:
        raise PlanChanged("This case has no plan to validate.")
    before = carried.treated_before(plan)
    artifacts = [*treated(plan), *Artifact.objects.filter(pk__in=before).order_by("id")]
    for number, artifact in enumerate(artifacts):
        part = Part(progress, number / len(artifacts), (number + 1) / len(artifacts))
        if not plan.measurements.filter(artifact=artifact, name=_LAST).exists():
            _measure(request, plan, artifact, part, promised=before.get(artifact.pk, plan))
    still_shown = _try_elsewhere(request, plan, artifacts, progress)
    promised = changed(plan) | {artifact.slug for artifact in artifacts if artifact.pk in before}
    unproven = [
        artifact.slug
        for artifact, claim in claiming.claims_of(request, plan)
        if artifact in artifacts and _falls_short(claim, promised=artifact.slug in promised)
    ]
    unproven += still_shown
    with progress.commit():
        audit.record(
            "validation.done",
            case=request.reference,
            entity=request.entity.slug,
            by="system",
            detail={
                "measurements": plan.measurements.count(),
                "failed": plan.measurements.filter(verdict=Verdict.FAILED).count(),
                "unproven": unproven,
                "inconclusive": plan.measurements.filter(verdict=Verdict.INCONCLUSIVE).count(),
            },
        )
    return not unproven


def _try_elsewhere(request: ErasureRequest, plan: Plan, treated: list[Artifact], progress: Progress) -> list[str]:
    """What the person gave as showing their data is put to every other model that serves; slugs where it still shows.

    A challenge may be about a model of which this round's plan promises nothing: it must not be heard by nobody.
    """
    speaking = Artifact.objects.filter(entity=request.entity, kind=ArtifactKind.MODEL, retired_at=None)
    serving = speaking.exclude(connector__in=BY_JOB)  # which answers with a label, not with words
    decided = standing(request)
    others = [a for a in serving.exclude(pk__in=[each.pk for each in treated]) if not _not_ours(decided, a)]
    for artifact in others if challenged.probes(vault.opened(request)) else []:
        if plan.measurements.filter(artifact=artifact, check_name=challenged.NAME).exists():
            continue
        readings = list(challenged.measure(_subject(request, plan, artifact, progress)))
        with progress.commit():
            Measurement.objects.bulk_create([_row(request, plan, artifact, r) for r in readings])
    failed = plan.measurements.filter(check_name=challenged.NAME, verdict=Verdict.FAILED, artifact__in=others)
    return list(failed.values_list("artifact__slug", flat=True))


_LAST = "checked"
UNSHOWN = (ClaimLevel.NOT_SHOWN,)
UNPROVEN = (*UNSHOWN, ClaimLevel.SUPPRESSED)


def _falls_short(claim: Claim, *, promised: bool) -> bool:
    """Whether the claim is less than the plan promised. A store that only marks what it deletes was no promise broken:

    its claim says so, and nobody can make its server write its files anew by trying again. So with what an index of
    codes learned from all records together: without their vectors it cannot be learned anew.
    """
    is_said = claim.sentence_key in ("marked_deleted", "learned_kept")
    return claim.level in (UNPROVEN if promised else UNSHOWN) and not is_said


def changed(plan: Plan) -> set[str]:
    """Artifacts of which the plan promises more than silence; a model that only its maker can change is not one."""
    return set(plan.steps.filter(action__in=CHANGING, artifact__isnull=False).values_list("artifact__slug", flat=True))


def treated(plan: Plan) -> list[Artifact]:
    """Artifacts of which a step promised something that can be proven."""
    steps = Step.objects.filter(plan=plan, artifact__isnull=False).exclude(action__in=UNJUDGED)
    return list(Artifact.objects.filter(steps__in=steps.filter(status=StepStatus.DONE)).distinct().order_by("id"))


def _measure(request: ErasureRequest, plan: Plan, artifact: Artifact, progress: Progress, *, promised: Plan) -> None:
    """All checks of one artifact, stored together: a killed run starts at the first artifact without its last row.

    What an earlier plan of the same answer promised is measured by the limits that were approved with it.
    """
    subject = _subject(request, promised, artifact, progress)
    readings = [reading for check in _checks(artifact) for reading in check.measure(subject)]
    last = Reading("services", _LAST, float(len(readings)), unit="readings")
    with progress.commit():
        plan.measurements.filter(artifact=artifact).delete()
        Measurement.objects.bulk_create([_row(request, plan, artifact, r) for r in [*readings, last]])


def _checks(artifact: Artifact) -> Iterable[checks.Check]:
    return checks.load(ArtifactKind(artifact.kind), artifact.connector)


def _subject(request: ErasureRequest, plan: Plan, artifact: Artifact, progress: Progress) -> Subject:
    return Subject(
        request=request,
        plan=plan,
        artifact=artifact,
        search=provenance.search_of(request),
        limits=_limits(plan, artifact),
        progress=progress,
    )


def _limits(plan: Plan, artifact: Artifact) -> dict[str, Threshold]:
    """The thresholds as the approved plan holds them, with the reasons that the rules give for them."""
    fixed = plan.thresholds.get(artifact.slug, {})
    known = thresholds(ArtifactKind(artifact.kind), artifact.connector)
    return {name: row for name, row in known.items() if fixed.get(name) == row.as_json()}


def _row(request: ErasureRequest, plan: Plan, artifact: Artifact, reading: Reading) -> Measurement:
    return Measurement(
        request=request,
        plan=plan,
        artifact=artifact,
        check_name=reading.check,
        name=reading.name,
        group=reading.group,
        before=reading.before,
        value=reading.value,
        low=reading.low,
        high=reading.high,
        n=reading.n,
        unit=reading.unit[:30],
        threshold=reading.threshold,
        verdict=reading.verdict or "",
        detail=dict(reading.detail),
        at=timezone.now(),
    )


def sweep(request: ErasureRequest, progress: Progress) -> bool:
    """Look again, days later, by the same search; True when nothing of the person has come back.

    Places that keep the person by a decision, or that another controller decides about, were never said to be empty.
    """
    findings = provenance.look(request, progress)
    spared = _left_as_they_are(request)
    own = {slug: count for slug, count in provenance.counted_records(findings).items() if slug not in spared}
    with progress.commit():
        provenance.read_since(request, findings)
        audit.record(
            "sweep.done",
            case=request.reference,
            entity=request.entity.slug,
            by="system",
            detail={
                "found_again": sum(own.values()),
                "where": sorted(slug for slug, count in own.items() if count),
                "not_read_through": len(provenance.not_read(request)),
            },
        )
    return not any(own.values())


def _left_as_they_are(request: ErasureRequest) -> set[str]:
    decided, registered = standing(request), Artifact.objects.filter(entity=request.entity)
    return {a.slug for a in registered if decided.exemption_of(a.slug) or _not_ours(decided, a)}


def _not_ours(decided: Standing, artifact: Artifact) -> bool:
    """Whether another controller decides about the artifact, as this case has it and not only as it is registered."""
    return decided.role_of(artifact.slug, EntityRole(artifact.role)) is EntityRole.PROCESSOR
