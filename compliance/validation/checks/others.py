"""Nobody else touched: the digest over all other records, now and when the case was traced.

Digests of records are added modulo 2^256, so the person's own can be taken out of the total that the trace wrote down.
Other people's cases may have been carried out meanwhile: their records are taken out too, and only what remains is
nobody's to change.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Q

from compliance.intake.models import CaseKey, ErasureRequest
from compliance.mitigation.models import Step
from compliance.provenance import services as provenance
from compliance.provenance.connectors.rows import Total
from compliance.provenance.models import SearchNote
from compliance.rules.terms import StepStatus
from compliance.validation.readings import Reading, Subject, judged

WRITING = ("erase_records", "redact_records", "rebuild_index", "purge_cache", "purge_log")


def measure(subject: Subject) -> Iterator[Reading]:
    """Other people's rows that are no longer what they were: the count that differs, or 1 when only contents differ."""
    subject.progress(0.8, f"Comparing other people's rows in {subject.artifact.name}")
    beside = _carried_out_since(subject)
    before, after = provenance.others_digest(subject.request, subject.artifact, beside=beside)
    after = after.minus(_renamed(subject, beside))
    changed = max(abs(before.count - after.count), int(before.sum != after.sum))
    detail: dict[str, object] = {
        "rows": after.count,
        "how": "order-independent sha256 of every other row, trace against now",
    }
    if beside:
        detail["other_cases_since"] = len(beside)
    yield judged(
        subject, Reading("others", "others_changed", float(changed), n=after.count, unit="rows", detail=detail)
    )


def _carried_out_since(subject: Subject) -> list[ErasureRequest]:
    """Cases whose steps wrote to the artifact after this one was traced, those traced last first."""
    case = subject.request
    traced = SearchNote.objects.get(request=case, round=case.round, artifact=subject.artifact).at
    steps = Step.objects.filter(artifact=subject.artifact, action__in=WRITING).exclude(plan__request=case)
    since = Q(status=StepStatus.DONE, finished_at__gt=traced) | Q(finished_at=None, started_at__gt=traced)
    known = ErasureRequest.objects.filter(pk__in=CaseKey.objects.filter(destroyed_at=None).values("request"))
    return list(known.filter(plans__steps__in=steps.filter(since)).distinct().order_by("-verified_at", "pk"))


def _renamed(subject: Subject, beside: list[ErasureRequest]) -> Total:
    """Records that the round's steps, and those of the cases beside, have blanked and that are named by their bytes."""
    found = Total()
    for case in (subject.request, *beside):
        steps = Step.objects.filter(plan__request=case, plan__round=case.round, artifact=subject.artifact)
        for intent in steps.values_list("intent", flat=True):
            found.absorb(Total.read(intent.get("renamed", "")))
    return found
